"""The last round's plan: the chosen rungs' point of every shot, and the fixed ladder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from .. import tables
from ..errors import LadderError
from ..hull import convex_hull, pareto_front
from ..search import plan_rows
from ..search.candidates import Box
from .allocation import ADDITIVE, Choice, Floats, Solutions
from .calm import Calming, Segments, calm, stretches
from .fixed import is_fixed, plan_fixed
from .menus import Menus, menus
from .rungs import Missing, Rules, Wish, choose_rungs, spaced

SCHEMA = "laddersmith/choice/1"


@dataclass(frozen=True)
class _Curve:
    """The best allocations of one column: bitrate and expected quality of the title for each. Where their peak is not
    known it may exceed the cap."""

    column: Menus
    found: Solutions
    kbps: Floats
    quality: Floats
    peak_unknown: bool = False


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
    segments: Segments | None = None,
) -> tuple[pd.DataFrame, dict]:
    """Every chosen point of every codec, measured or not yet, with the fixed ladder's (tables.PLAN); and what was
    chosen, for which reason, and what is missing (config/schemas/choice.json).

    Points that were measured before are found in the store, so that asking for them again costs nothing.

    Parameters
    ----------
    shots : numbers of the shots. points, hull : tables.POINTS and tables.TITLE_POINTS of the searching rounds.
    segments : where they begin; needed for a cap on the peak.

    Raises
    ------
    LadderError
        If no codec has a usable point under the limits.
    """
    if rules.max_peak_ratio is not None and rules.allocation != tables.SINGLE and segments is None:
        raise ValueError("a cap on the peak over segments needs to know the segments")
    shots = sorted(shots)
    wishes: list[tuple[str, Wish]] = []
    missing: list[tuple[str, Missing]] = []
    for codec in sorted({*hull["codec"], *points["codec"]}):
        own = rules.of(codec)
        if rules.allocation == tables.SINGLE:
            chosen, gaps = choose_rungs(hull[hull["codec"] == codec], own, crf_step)
            chosen = [replace(wish, crfs=(wish.crf,) * len(shots)) for wish in chosen]
        else:
            columns, unfinished = menus(points[points["codec"] == codec], crf_step, shots)
            chosen, gaps = choose_allocations(columns, own, pooling, duration_s, segments)
            gaps += [Missing(place, reason) for _, place, reason in unfinished]
        wishes += [(str(codec), wish) for wish in chosen]
        missing += [(str(codec), gap) for gap in gaps]
    if not wishes:
        causes = "; ".join(f"{codec}, {gap.wanted}: {gap.reason}" for codec, gap in missing)
        raise LadderError(f"{title}: no codec has a usable point ({causes}); widen the limits under `ladder`")
    return last_round(
        shots, wishes, missing, variants=variants, boxes=boxes, fixed=fixed, title=title, allocation=rules.allocation
    )


def last_round(
    shots: Sequence[int],
    wishes: Sequence[tuple[str, Wish]],
    missing: Sequence[tuple[str, Missing]],
    *,
    variants: Mapping[str, dict],
    boxes: Mapping[int, Box],
    fixed: Mapping[str, list[dict]],
    title: str,
    allocation: str,
) -> tuple[pd.DataFrame, dict]:
    """Plan and choice, as `choose_points` returns them, of rungs by codec and of those that are missing."""
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
        "allocation": allocation,
        "shots": list(shots),
        "rungs": [{"codec": codec, **asdict(wish), "crfs": list(wish.crfs)} for codec, wish in wishes],
        "missing": [{"codec": codec, **asdict(gap)} for codec, gap in missing],
    }
    return tables.conform(joined, tables.PLAN), choice


def choose_allocations(
    columns: Sequence[Menus], rules: Rules, pooling: str, duration_s: float, segments: Segments | None = None
) -> tuple[list[Wish], list[Missing]]:
    """The rungs of one codec, each the best allocation of its size at one height, and what is missing: rungs, and
    heights at which nothing keeps the limits.

    Candidates are the allocations on the convex hull of those of all columns. Under a cap on the peak they are those
    that none of another column beats, and all of them keep it, relative to their own rate, as far as points are what is
    expected of them (`calm`); beyond the rates at which there are such, those that may keep it.

    Parameters
    ----------
    columns : what the shots may take, of one codec (`menus`).
    duration_s : of the title. segments : as for `choose_points`.
    """
    curves, unkept = _curves(columns, rules, pooling, duration_s, segments)
    if not curves:
        return [], unkept
    # Allocations that keep a cap on the peak are not convex: their hull would leave out good ones.
    candidates, places = _candidates(curves, convex_hull if rules.max_peak_ratio is None else pareto_front)
    chosen, missing = spaced(candidates, rules, lambda number: _spelled(curves, places[number]))
    chosen, missing = _told_apart(chosen, missing)
    return chosen, [*missing, *unkept]


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
    columns: Sequence[Menus], rules: Rules, pooling: str, duration_s: float, segments: Segments | None
) -> tuple[list[_Curve], list[Missing]]:
    """The columns' best allocations, and why others have none."""
    curves: list[_Curve] = []
    missing: list[Missing] = []
    for column in columns:
        try:
            allowed = column.within(rules.min_shot_quality)
            found, jump = allowed.solutions(pooling, rules.max_jump)
            if rules.max_peak_ratio is None or segments is None:
                kinds: list[tuple[Solutions | None, bool]] = [(found, False)]
            else:
                sure, perhaps = calm(found, *_calmings(allowed, segments, rules.max_peak_ratio, jump, pooling))
                kinds = [(sure, False), (perhaps, True)]
        except LadderError as error:
            missing.append(Missing(column.where, str(error)))
            continue
        for kind, unknown in kinds:
            if kind is not None:
                kbps = kind.bits / 1000 / duration_s
                curves.append(_Curve(column, kind, kbps, column.title_quality(kind, pooling), unknown))
    return curves, missing


def _calmings(
    column: Menus, segments: Segments, ratio: float, max_jump: float, pooling: str
) -> tuple[Calming, Calming]:
    """What keeps a cap on the peak by what is expected of segments, and by the least that they take in any case."""
    plan = stretches([int(length) for length in column.frames], segments)
    menu = (column.bits, column.peak_kbps, column.measured)
    worth, additive = column.worth(pooling), pooling in ADDITIVE
    expected, least = (
        Calming(plan, column.bits, worth, column.quality, loads, ratio, max_jump, additive)
        for loads in (plan.expected(*menu), plan.least(*menu))
    )
    return expected, least


def _candidates(
    curves: Sequence[_Curve], best: Callable[[Floats, Floats], Choice]
) -> tuple[list[Wish], list[tuple[int, int]]]:
    """The best allocations of all heights', by rising bitrate, and the curve and number of each. Those whose peak is
    not known are none where others have the same rates."""
    kbps, quality = (np.concatenate([getattr(curve, name) for curve in curves]) for name in ("kbps", "quality"))
    of_curve = np.repeat(np.arange(len(curves)), [len(curve.kbps) for curve in curves])
    number = np.concatenate([np.arange(len(curve.kbps)) for curve in curves])
    unknown = np.array([curve.peak_unknown for curve in curves])[of_curve]
    if not unknown.all():
        low, high = kbps[~unknown].min(), kbps[~unknown].max()
        kept = ~unknown | (kbps < low) | (kbps > high)
        kbps, quality, of_curve, number = kbps[kept], quality[kept], of_curve[kept], number[kept]
    wishes, places = [], []
    for i in best(kbps, quality):
        column = curves[of_curve[i]].column
        height = int(column.heights[0, 0])
        wishes.append(Wish(column.variant, height, "", float(kbps[i]), float(quality[i]), False, ""))
        places.append((int(of_curve[i]), int(number[i])))
    return wishes, places


def _spelled(curves: Sequence[_Curve], place: tuple[int, int]) -> Wish:
    """An allocation as a rung: every shot's CRF, and how much of it is known."""
    curve = curves[place[0]]
    column = curve.column
    choice = curve.found.at(place[1])
    shots = np.arange(len(choice))
    crfs = tuple(str(crf) for crf in column.crfs[shots, choice])
    new = int((~column.measured[shots, choice]).sum())
    ends = sorted(set(crfs), key=float)
    one = len(ends) == 1
    spread = column.knob.told(ends[0] if one else f"{ends[0]} to {ends[-1]}") + ("" if one else ", shot by shot")
    known = f"{new} of {len(crfs)} shots measured in the last round" if new else "measured, on the hull"
    known += ", its peak known once stitched" * curve.peak_unknown
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
