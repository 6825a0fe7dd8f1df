"""The last round's plan: the chosen rungs' point of every shot, and the fixed ladder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from .. import tables
from ..errors import LadderError
from ..hull import pareto_front
from ..search import plan_rows
from ..search.candidates import Box
from .allocation import Floats, Solutions
from .fixed import is_fixed, plan_fixed
from .menus import Menus, menus
from .rungs import Missing, Rules, Wish, choose_rungs, spaced

SCHEMA = "laddersmith/choice/1"


@dataclass(frozen=True)
class _Curve:
    """The best allocations of one column: bitrate and expected quality of the title for each."""

    column: Menus
    found: Solutions
    kbps: Floats
    quality: Floats


def choose_points(
    shots: list[int],
    points: pd.DataFrame,
    hull: pd.DataFrame,
    *,
    variants: Mapping[str, dict],
    boxes: Mapping[int, Box],
    rules: Rules,
    crf_step: float,
    pooling: str,
    duration_s: float,
    fixed: Mapping[str, list[dict]],
    title: str,
) -> tuple[pd.DataFrame, dict]:
    """Every chosen point of every codec, measured or not yet, with the fixed ladder's (tables.PLAN); and what was
    chosen, for which reason, and what is missing (config/schemas/choice.json).

    Points that were measured before are found in the store, so that asking for them again costs nothing.

    Parameters
    ----------
    shots : numbers of the shots. points, hull : tables.POINTS and tables.TITLE_POINTS of the searching rounds.

    Raises
    ------
    LadderError
        If no codec has a usable point under the limits.
    """
    shots = sorted(shots)
    wishes: list[tuple[str, Wish]] = []
    missing: list[tuple[str, Missing]] = []
    for codec, of_codec in hull.groupby("codec", sort=True):
        if rules.allocation == tables.SINGLE:
            chosen, gaps = choose_rungs(of_codec, rules, crf_step)
            chosen = [replace(wish, crfs=(wish.crf,) * len(shots)) for wish in chosen]
        else:
            columns = menus(points[points["codec"] == codec], crf_step)
            chosen, gaps = choose_allocations(columns, rules, pooling, duration_s)
        wishes += [(str(codec), wish) for wish in chosen]
        missing += [(str(codec), gap) for gap in gaps]
    if not wishes:
        causes = "; ".join(f"{codec}: {gap.reason}" for codec, gap in missing)
        raise LadderError(f"{title}: no codec has a usable point ({causes}); widen the limits under `ladder`")
    wanted = [
        plan_rows(
            [shot for shot, own in zip(shots, wish.crfs, strict=True) if own == crf],
            variants,
            boxes,
            [(wish.variant, wish.height, crf, wish.reason)],
        )
        for _, wish in wishes
        for crf in dict.fromkeys(wish.crfs)
    ]
    plan = pd.concat(wanted, ignore_index=True).drop_duplicates(tables.KEY)
    order = plan.assign(crf_number=plan["crf"].astype(float)).sort_values(["variant", "height", "crf_number", "shot"])
    capped = {name: settings for name, settings in variants.items() if is_fixed(name)}
    anchors = plan_fixed(capped, boxes, fixed)
    chosen_plan = order.drop(columns="crf_number")
    joined = pd.concat([chosen_plan, anchors], ignore_index=True) if len(anchors) else chosen_plan
    choice = {
        "schema": SCHEMA,
        "title": title,
        "allocation": rules.allocation,
        "shots": shots,
        "rungs": [{"codec": codec, **asdict(wish), "crfs": list(wish.crfs)} for codec, wish in wishes],
        "missing": [{"codec": codec, **asdict(gap)} for codec, gap in missing],
    }
    return tables.conform(joined, tables.PLAN), choice


def choose_allocations(
    columns: Sequence[Menus], rules: Rules, pooling: str, duration_s: float
) -> tuple[list[Wish], list[Missing]]:
    """The rungs of one codec, each the best allocation of its size at one height, and those that are missing.

    Candidates are the allocations of all columns that none of another column beats. Under a cap on the peak every
    target is allocated anew, of points that keep it.

    Parameters
    ----------
    columns : what the shots may take, of one codec (`menus`).
    duration_s : of the title.
    """
    curves, causes = _curves(columns, rules, pooling, duration_s, np.inf)
    candidates, places = _candidates(curves)
    if not candidates and causes:
        return [], [Missing(f"{rules.rungs} rungs", "; ".join(causes))]

    def settle(number: int) -> Wish | str:
        wish = candidates[number]
        if rules.max_peak_ratio is None:
            return _spelled(curves, places[number], rules)
        # Segments consist of whole closed GOPs, so none is dearer than the dearest of these.
        calm, why = _curves(columns, rules, pooling, duration_s, rules.max_peak_ratio * wish.bitrate_kbps)
        others, found = _candidates(calm)
        if not others:
            return "; ".join(why)
        nearest = min(range(len(others)), key=lambda i: abs(np.log(others[i].bitrate_kbps / wish.bitrate_kbps)))
        return _spelled(calm, found[nearest], rules)

    return _told_apart(*spaced(candidates, rules, settle))


def _told_apart(chosen: list[Wish], missing: list[Missing]) -> tuple[list[Wish], list[Missing]]:
    """Without the rungs that have the height and, to a hundredth, the mean CRF of a lower one: they would share its
    name."""
    kept: dict[tuple[str, int, str], Wish] = {}
    for wish in chosen:
        name = (wish.variant, wish.height, wish.crf)
        if name in kept:
            reason = f"is the rung at {kept[name].bitrate_kbps:.0f} kbps in all but name"
            missing = [*missing, Missing(wish.reason, reason)]
        kept.setdefault(name, wish)
    return list(kept.values()), missing


def _curves(
    columns: Sequence[Menus], rules: Rules, pooling: str, duration_s: float, max_peak_kbps: float
) -> tuple[list[_Curve], list[str]]:
    """The columns' best allocations, and why others have none."""
    curves, causes = [], []
    for column in columns:
        try:
            allowed = column.within(min_quality=rules.min_shot_quality, max_peak_kbps=max_peak_kbps)
            found, quality = allowed.solutions(pooling, rules.max_jump)
        except LadderError as error:
            causes.append(str(error))
        else:
            curves.append(_Curve(column, found, found.bits / 1000 / duration_s, quality))
    return curves, causes


def _candidates(curves: Sequence[_Curve]) -> tuple[list[Wish], list[tuple[int, int]]]:
    """The allocations that no other one beats, by rising bitrate, and the curve and number of each."""
    if not curves:
        return [], []
    kbps, quality = (np.concatenate([getattr(curve, name) for curve in curves]) for name in ("kbps", "quality"))
    of_curve = np.repeat(np.arange(len(curves)), [len(curve.kbps) for curve in curves])
    number = np.concatenate([np.arange(len(curve.kbps)) for curve in curves])
    wishes, places = [], []
    for i in pareto_front(kbps, quality):
        column = curves[of_curve[i]].column
        height = int(column.heights[0, 0])
        wishes.append(Wish(column.variant, height, "", float(kbps[i]), float(quality[i]), False, ""))
        places.append((int(of_curve[i]), int(number[i])))
    return wishes, places


def _spelled(curves: Sequence[_Curve], place: tuple[int, int], rules: Rules) -> Wish:
    """An allocation as a rung: every shot's CRF, and how much of it is known."""
    curve = curves[place[0]]
    column = curve.column
    choice = curve.found.at(place[1])
    shots = np.arange(len(choice))
    crfs = tuple(str(crf) for crf in column.crfs[shots, choice])
    new = int((~column.measured[shots, choice]).sum())
    ends = sorted(set(crfs), key=float)
    spread = f"CRF {ends[0]}" if len(ends) == 1 else f"CRF {ends[0]} to {ends[-1]}, shot by shot"
    known = f"{new} of {len(crfs)} shots measured in the last round" if new else "measured, on the hull"
    return Wish(
        column.variant,
        int(column.heights[0, 0]),
        column.mean_crf(choice),
        float(curve.kbps[place[1]]),
        float(curve.quality[place[1]]),
        not new,
        f"{spread}, {known}",
        crfs,
    )
