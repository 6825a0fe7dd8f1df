"""Strategy `adaptive`: few points first, then those that the answer needs and those that would change it."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from .. import tables
from .candidates import SEEDS, plan_rows
from .doubt import Doubt, doubt
from .outlook import Film, expected_points, surfaces
from .prior import Prior
from .surface import Surface
from .targets import Target, next_points

Place = tuple[int, int]  # height and CRF of a surface's grid, by index
Answer = Callable[[pd.DataFrame], pd.DataFrame]

SETTLED = 3  # points that a round spends on each shot and variant to settle which height is the cheapest


def plan_adaptive(
    film: Film,
    points: pd.DataFrame,
    *,
    fps: float,
    prior: Prior,
    known: pd.DataFrame | None,
    tolerance: float,
    max_points: int,
    answer: Answer,
    answer_first: bool = False,
    alone: Target | None = None,
) -> pd.DataFrame:
    """The plan of a round (tables.PLAN), empty when the answer is measured and expected to lose less than `tolerance`.

    Parameters
    ----------
    points : what was measured so far (tables.POINTS); none in round 0.
    fps : frames per second. prior, known : as `surfaces` takes them.
    tolerance : expected excess of bitrate, as a share, below which a shot's heights are settled.
    max_points : most points of a shot and variant that the rounds measure.
    answer : of a table of expected points (`expected_points`), the rows (columns of KEY) that the answer is made of.
    answer_first : whether the answer's points come before those that settle heights, where `max_points` leaves no room.
    alone : what every shot must keep by itself: then the points that decide it at the answer's heights are measured in
        place of the answer's.
    """
    mine = points[points["variant"].isin(list(film.variants)) & (points["shot"] != tables.WHOLE_TITLE)]
    found = surfaces(film, mine, prior=prior, known=known)
    wanted: dict[tuple[int, str], list[tuple[int, str, str]]] = {task: [] for task in found}
    if mine.empty:
        for task, surface in found.items():
            wanted[task] = _spelled(film, task[1], seeds(surface), "seed")
    else:
        needed = answer(expected_points(film, mine, found, fps))
        for row in tables.rows(needed):
            if (row.shot, row.variant) in wanted:
                wanted[row.shot, row.variant].append((int(row.height), row.crf, "the answer needs it"))
        for task, surface in found.items():
            own = wanted[task]
            if alone is not None:
                heights = {height for height, _, _ in own}
                deciding = [place for place in next_points(surface, alone) if film.heights[place[0]] in heights]
                own = _spelled(film, task[1], deciding, "decides the target")
            doubted = doubt(surface)
            if doubted.loss > tolerance:
                reason = f"settles which height is cheapest, expected loss {100 * doubted.loss:.2f} %"
                settled = _spelled(film, task[1], settling(surface, doubted, SETTLED), reason)
                own = [*own, *settled] if answer_first else [*settled, *own]
            wanted[task] = own
    measured = {tuple(key) for key in mine[tables.KEY].itertuples(index=False)}
    count = mine.groupby(["shot", "variant"]).size().to_dict()
    rows = []
    for (shot, variant), places in wanted.items():
        new = [place for place in dict.fromkeys(places) if (shot, variant, *place[:2]) not in measured]
        asked = _unlike(new)[: max(0, max_points - count.get((shot, variant), 0))]
        if asked:
            rows.append(plan_rows([shot], film.variants, film.boxes, [(variant, *place) for place in asked]))
    if not rows:
        return tables.empty(tables.PLAN)
    plan = pd.concat(rows, ignore_index=True)
    order = plan.assign(number=plan["crf"].astype(float)).sort_values(["variant", "height", "number", "shot"])
    return tables.conform(order.drop(columns="number"), tables.PLAN)


def seeds(surface: Surface) -> list[Place]:
    """Points of every height that show its slope where it may matter."""
    places = []
    for height, values in enumerate(surface.smooth_quality):
        for target in SEEDS[min(height, len(SEEDS) - 1)]:
            places.append((height, int(np.argmin(np.abs(values - target)))))
    return list(dict.fromkeys(places))


def settling(surface: Surface, found: Doubt, count: int) -> list[Place]:
    """The points, at most `count`, whose measurement would most settle which height is the cheapest.

    Of the quality with the greatest expected loss, the point of the rival's height at that quality, or of the chosen
    one, whichever is known less well; then the same for the other qualities, no two near each other.
    """
    places: list[Place] = []
    for place in np.argsort(-found.by_quality, kind="stable"):
        if len(places) == count:
            break
        options = []
        for height in (int(found.rival[place]), int(found.chosen[place])):
            crf = int(np.argmin(np.abs(surface.smooth_quality[height] - found.quality[place])))
            options.append((_spread(surface, height, crf), (height, crf)))
        spot = max(options)[1]
        if not any(spot[0] == h and abs(spot[1] - c) <= 2 for h, c in places) and not surface.measured[spot]:
            places.append(spot)
    return places


def _spelled(film: Film, variant: str, places: list[Place], reason: str) -> list[tuple[int, str, str]]:
    crfs = film.crfs(variant)
    return [(film.heights[height], crfs[crf], reason) for height, crf in places]


def _unlike(places: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """Each height and CRF once, with its first reason."""
    kept: dict[tuple[int, str], tuple[int, str, str]] = {}
    for place in places:
        kept.setdefault(place[:2], place)
    return list(kept.values())


def _spread(surface: Surface, height: int, crf: int) -> float:
    """Uncertainty of the rate at a given quality: of the rate itself, and of the quality through the slope."""
    values, rates = surface.smooth_quality[height], surface.smooth_rate[height]
    low, high = max(0, crf - 1), min(len(values) - 1, crf + 1)
    fall = max(float(values[low] - values[high]), 1e-3)
    per_point = float(rates[low] - rates[high]) / fall
    return float(np.hypot(surface.rate_std[height, crf], per_point * surface.quality_std[height, crf]))
