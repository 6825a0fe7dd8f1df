"""Strategies of search on shots of which every point is known (`exhaustive`)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..hull import mark_hulls
from ..ladder import Rules, choose_points
from ..ladder.menus import menus
from ..search import decimal_crf, plan_around_hull, plan_coarse, plan_grid
from ..search.adaptive import plan_adaptive
from ..search.outlook import CAUTION, Film, expected_points, surfaces
from ..search.prior import Prior
from .exhaustive import VARIANTS

ROUNDS = 3  # of search; the round that measures what was chosen comes on top
TOLERANCE, MAX_POINTS = 0.002, 12
STEP = 3  # of the grid's CRFs
LIMITS: dict[str, Any] = {"rungs": 6, "spacing": "log_bitrate", "min_step": 2, "min_quality": 30, "max_quality": 97}
LIMITS |= {"min_kbps": 1, "max_kbps": 1e6, "min_height": 2, "max_height": 4320}
RULES = Rules(**LIMITS)


@dataclass
class Case:
    """One shot: every point of it, and those that a strategy has measured so far."""

    clip: str
    shot: int
    points: pd.DataFrame
    film: Film
    fps: float
    measured: set[tuple[str, int, str]] = field(default_factory=set)

    def fresh(self) -> "Case":
        """The same shot with nothing measured."""
        return Case(self.clip, self.shot, self.points, self.film, self.fps)

    @property
    def seen(self) -> pd.DataFrame:
        """The points that were measured."""
        keys = pd.MultiIndex.from_frame(self.points[["variant", "height", "crf"]])
        return self.points[keys.isin(list(self.measured))]

    def measure(self, plan: pd.DataFrame) -> None:
        """Take the plan's points as measured."""
        self.measured |= {(row.variant, int(row.height), row.crf) for row in tables.rows(plan)}

    def of(self, variant: str) -> pd.DataFrame:
        """Every point of one variant, measured or not."""
        return self.points[self.points["variant"] == variant]

    @property
    def boxes(self) -> dict[int, tuple[int, int]]:
        return dict(self.film.boxes)


@dataclass(frozen=True)
class Found:
    """What a strategy ends with: the last round's plan, the choice of rungs, and what it expects of every point, to be
    asked once that plan was measured."""

    expected: Callable[[], pd.DataFrame]
    plan: pd.DataFrame
    choice: dict


def cases(table: pd.DataFrame) -> list[Case]:
    """The shots of a table of `tables.EXHAUSTIVE`."""
    found = []
    for (clip, shot), rows in table.groupby(["clip", "shot"], sort=True):
        first = rows.iloc[0]
        points = rows.assign(quality=rows["vmaf_mean"], crf=[decimal_crf(crf) for crf in rows["crf"]])
        points = mark_hulls(points.reset_index(drop=True), ["shot"])
        whole = points["width"].max()
        boxes = {
            height: (width, 2 * round(first.display_height * width / whole / 2))
            for height, width in sorted(set(zip(points["height"].tolist(), points["width"].tolist(), strict=True)))
        }
        shots = pd.DataFrame(
            {
                "shot": [shot],
                "start": 0,
                "end": int(first.frames),
                "spatial_complexity": float(first.spatial_complexity),
                "temporal_complexity": float(first.temporal_complexity),
            }
        )
        film = Film(str(clip), shots, (int(first.display_width), int(first.display_height)), VARIANTS, boxes, 1)
        fps = float(first.bitrate_kbps * 1000 * first.frames / (8 * first.bytes))
        found.append(Case(str(clip), int(first.shot), points, film, fps))
    return found


def grid(case: Case) -> Found:
    """Every third CRF at every height."""
    every = _thinned(STEP)
    case.measure(plan_grid([case.shot], every, case.boxes))
    return _between(case)


def _thinned(step: int) -> dict[str, dict[str, Any]]:
    """The variants with every `step`-th CRF."""
    return {name: own | {"crfs": own["crfs"][::step]} for name, own in VARIANTS.items()}


def refine(case: Case) -> Found:
    """Every sixth CRF, then those beside the hull's points."""
    every = _thinned(STEP)
    case.measure(plan_coarse([case.shot], every, case.boxes))
    for _ in range(ROUNDS - 1):
        whole = mark_hulls(case.seen).assign(allocation=tables.SINGLE)
        case.measure(plan_around_hull([case.shot], every, case.boxes, mark_hulls(whole), 1))
    return _between(case)


def bisect(case: Case) -> Found:
    """For each height and each of six qualities the highest CRF that keeps it, by bisection."""
    for variant in VARIANTS:
        own = case.of(variant)
        top = min(float(own["quality"].max()), RULES.max_quality)
        for _, rows in own.groupby("height"):
            rows = rows.sort_values("crf", key=lambda crf: crf.astype(float))
            values, names = rows["quality"].to_numpy(), rows["crf"].tolist()
            for target in np.linspace(RULES.min_quality, top, RULES.rungs):
                low, high = 0, len(names) - 1
                while low < high:
                    middle = (low + high + 1) // 2
                    case.measured.add((variant, int(rows["height"].iloc[0]), names[middle]))
                    low, high = (middle, high) if values[middle] >= target else (low, middle - 1)
                case.measured.add((variant, int(rows["height"].iloc[0]), names[low]))
    return _between(case)


def adaptive(case: Case, prior: Prior, known: pd.DataFrame | None) -> Found:
    """The planner of `search.adaptive`, round by round."""

    def answer(expected: pd.DataFrame) -> pd.DataFrame:
        return chosen(case, expected, None)[0]

    for _ in range(ROUNDS):
        plan = plan_adaptive(
            case.film,
            case.seen,
            fps=case.fps,
            prior=prior,
            known=known,
            tolerance=TOLERANCE,
            max_points=MAX_POINTS,
            answer=answer,
        )
        if plan.empty:
            break
        case.measure(plan)

    def expected(caution: float = 0.0) -> pd.DataFrame:
        seen = case.seen
        return expected_points(case.film, seen, surfaces(case.film, seen, prior=prior, known=known), case.fps, caution)

    return Found(expected, *chosen(case, expected(CAUTION), None))


def smoothed(case: Case, prior: Prior) -> Found:
    """What one would name who knew every point and took the encoder's unevenness from CRF to CRF for chance."""
    case.measure(case.points)
    found = surfaces(case.film, case.points, prior=prior)
    for surface in found.values():
        surface.measured[:] = False
    expected = expected_points(case.film, case.points, found, case.fps, 0.0)
    return Found(lambda: expected, *chosen(case, expected, None))


def _between(case: Case) -> Found:
    """The choice of rungs of what was measured, and what it expects of every CRF between."""
    return Found(partial(_interpolated, case), *chosen(case, case.seen, 1))


def _interpolated(case: Case) -> pd.DataFrame:
    """What is expected of every CRF between measured ones, as the choice of rungs expects it."""
    rows = []
    columns, _ = menus(case.seen, 1, [case.shot])
    for menu in columns:
        for place in np.flatnonzero(np.isfinite(menu.bits[0])):
            rows.append(
                {
                    "variant": menu.variant,
                    "height": int(menu.heights[0, place]),
                    "crf": menu.crfs[0, place],
                    "bytes": menu.bits[0, place] / 8,
                    "quality": menu.quality[0, place],
                }
            )
    return pd.DataFrame(rows)


def chosen(case: Case, points: pd.DataFrame, crf_step: float | None) -> tuple[pd.DataFrame, dict]:
    """The last round's plan and the choice, from a table of points."""
    return choose_points(
        [case.shot],
        points,
        tables.empty(tables.TITLE_POINTS),
        variants=VARIANTS,
        boxes=case.boxes,
        rules=RULES,
        crf_step=crf_step,  # type: ignore[arg-type]
        pooling="mean",
        duration_s=case.film.shots["end"].iloc[0] / case.fps,
        fixed={},
        title=case.clip,
    )
