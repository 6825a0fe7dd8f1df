"""Choosing the rungs of one codec from its title's hull."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from .. import tables
from ..encode.codecs import Knob, knob_of
from ..hull import pareto_front, searched
from ..search import decimal_crf

# Sums of floats are compared with this much to spare.
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How shots share the bits of a rung, and within which limits (of the config's `ladder`)."""

    allocation: Literal["single", "per_shot", "per_shot_any_height"] = "per_shot"
    min_shot_quality: float = 0.0
    max_jump: float = 100.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What holds for a measured rung (of the config's `ladder`)."""

    min_step: float
    min_quality: float
    min_kbps: float
    max_kbps: float
    min_height: int
    max_height: int
    min_shot_quality: float = 0.0
    max_jump: float = 100.0
    max_peak_ratio: float | None = None
    max_buffer_s: float | None = None
    codecs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, codec: str) -> Self:
        """What holds for a codec's rungs: these, and in their place what `codecs` says of it."""
        known = {one.name for one in fields(self)}
        return replace(self, codecs={}, **{k: v for k, v in self.codecs.get(codec, {}).items() if k in known})


@dataclass(frozen=True, kw_only=True)
class Rules(Limits, Sharing):
    """Also how many rungs, and spaced by what: the config's `ladder`."""

    rungs: int
    spacing: Literal["log_bitrate", "quality"]
    max_quality: float


@dataclass(frozen=True)
class Wish:
    """A rung as chosen: an operating point, what is expected or known of it, and why it was chosen.

    `crf` is of every shot, or the frame-weighted mean of `crfs`, which has one for each shot, in their order.
    """

    variant: str
    height: int
    crf: str
    bitrate_kbps: float
    quality: float
    measured: bool
    reason: str
    crfs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A rung that the ladder does not have: what was wanted, and why it is not there."""

    wanted: str
    reason: str


def choose_rungs(points: pd.DataFrame, rules: Rules, crf_step: float) -> tuple[list[Wish], list[Missing]]:
    """The rungs of one codec, by rising bitrate, and those that are missing with the reason.

    Targets are spaced evenly in log bitrate or in quality between the lowest and the highest usable point of the
    hull; each takes the nearest candidate. Candidates are the hull's points and, between two neighbours on it, the
    CRFs that the neighbours' heights have there, whose bitrate (log-linear in CRF) and quality (linear) are expected,
    not known: the last round measures the chosen ones. A rung must better the one below by `rules.min_step`.

    Parameters
    ----------
    points : title points of one codec (tables.TITLE_POINTS).
    crf_step : the finest step of CRF that is considered.
    """
    candidates = _candidates(searched(points[points["allocation"] == tables.SINGLE]), crf_step)
    return spaced(candidates, rules, lambda place: candidates[place])


def spaced(candidates: Sequence[Wish], rules: Rules, settle: Callable[[int], Wish]) -> tuple[list[Wish], list[Missing]]:
    """The rungs that lie nearest to evenly spaced targets, by rising bitrate, and those that are missing.

    Parameters
    ----------
    candidates : by rising bitrate and quality.
    settle : the rung that the candidate at a place becomes.
    """
    usable = [place for place, candidate in enumerate(candidates) if _within(candidate, rules)]
    if not usable:
        return [], [Missing(f"{rules.rungs} rungs", _why_none(candidates, rules))]
    quality = np.array([candidates[place].quality for place in usable])
    enough = np.flatnonzero(quality >= rules.max_quality)
    usable = usable[: int(enough[0]) + 1 if len(enough) else None]

    if rules.spacing == "log_bitrate":
        scale = np.log2([candidates[place].bitrate_kbps for place in usable])
    else:
        scale = quality[: len(usable)]
    targets = np.linspace(scale[0], scale[-1], rules.rungs) if rules.rungs > 1 else scale[-1:]
    chosen: list[Wish] = []
    missing: list[Missing] = []
    taken = -1
    for number, target in enumerate(targets, 1):
        wanted = f"rung {number} of {rules.rungs} at {_in_words(target, rules)}"
        if taken + 1 == len(usable):
            missing.append(Missing(wanted, "every usable point of the hull is already a rung"))
            continue
        place = taken + 1 + int(np.argmin(np.abs(scale[taken + 1 :] - target)))
        point = settle(usable[place])
        if chosen and point.quality - chosen[-1].quality < rules.min_step:
            gain = point.quality - chosen[-1].quality
            missing.append(
                Missing(wanted, f"gains {gain:.2f} over the rung below, less than ladder.min_step {rules.min_step:g}")
            )
            continue
        taken = place
        chosen.append(replace(point, reason=f"{wanted}: {point.reason}"))
    return chosen, missing


def keep_rising(rungs: list[dict], limits: Limits) -> tuple[list[dict], list[Missing]]:
    """The measured rungs of one codec that keep their promise, by rising bitrate, and those that do not.

    What was expected of a chosen point may not hold once it is measured: a rung that leaves the limits, or is not
    `min_step` better than the one below it, is left out with the measured reason.

    Parameters
    ----------
    rungs : dicts with `name`, `bitrate_kbps`, `quality`, `height`, `peak_kbps`, `buffer_kbit`, and `shot_quality`: the
        pooled quality of each shot by its number, in the order of the title.
    """
    kept: list[dict] = []
    missing: list[Missing] = []
    for rung in sorted(rungs, key=lambda rung: (rung["bitrate_kbps"], -rung["quality"])):
        broken = (
            _steps_too_little(rung, kept[-1] if kept else None, limits)
            or _leaves(rung, limits)
            or _bursts(rung, limits)
            or _uneven(rung["shot_quality"], limits)
        )
        if broken:
            missing.append(Missing(rung["name"], f"measured, {broken}"))
        else:
            kept.append(rung)
    return kept, missing


def _steps_too_little(rung: dict, below: dict | None, limits: Limits) -> str:
    if below is None or rung["quality"] - below["quality"] >= limits.min_step:
        return ""
    gain = rung["quality"] - below["quality"]
    return f"it gains {gain:.2f} over {below['name']}, less than ladder.min_step {limits.min_step:g}"


def _leaves(rung: dict, limits: Limits) -> str:
    if _holds(rung["bitrate_kbps"], rung["quality"], rung["height"], limits):
        return ""
    return f"{rung['bitrate_kbps']:.0f} kbps and quality {rung['quality']:.2f} leave the ladder's limits"


def _bursts(rung: dict, limits: Limits) -> str:
    """Which cap on its bursts a measured rung breaks; empty when it keeps them."""
    ratio, limit = limits.max_peak_ratio, limits.max_buffer_s
    if ratio is not None and rung["peak_kbps"] > ratio * rung["bitrate_kbps"] * (1 + ROUNDING):
        times = rung["peak_kbps"] / rung["bitrate_kbps"]
        return f"its peak is {times:.3f} times its average, more than ladder.max_peak_ratio {ratio:g}"
    if limit is not None and rung["buffer_kbit"] > limit * rung["peak_kbps"] * (1 + ROUNDING):
        seconds = rung["buffer_kbit"] / rung["peak_kbps"]
        return f"it needs a buffer of {seconds:.3f} s at its peak, more than ladder.max_buffer_s {limit:g}"
    return ""


def _uneven(shot_quality: Mapping[int, float], limits: Limits) -> str:
    """Which limit on its shots a measured rung breaks, and where; empty when it keeps them."""
    lowest = min(shot_quality, key=lambda shot: shot_quality[shot])
    if shot_quality[lowest] < limits.min_shot_quality - ROUNDING:
        return (
            f"shot {lowest} has quality {shot_quality[lowest]:.3f}, less than ladder.min_shot_quality "
            f"{limits.min_shot_quality:g}"
        )
    jumps = {(one, other): abs(shot_quality[one] - shot_quality[other]) for one, other in pairwise(shot_quality)}
    widest = max(jumps, key=lambda pair: jumps[pair], default=None)
    if widest is not None and jumps[widest] > limits.max_jump + ROUNDING:
        return (
            f"quality jumps by {jumps[widest]:.3f} from shot {widest[0]} to shot {widest[1]}, more than "
            f"ladder.max_jump {limits.max_jump:g}"
        )
    return ""


def _candidates(points: pd.DataFrame, crf_step: float) -> list[Wish]:
    """The hull's points, and what its neighbours' heights have between them, by rising bitrate and quality."""
    hull = tables.since(points[points["on_hull"]].sort_values("bitrate_kbps"))
    ends = [_measured(point) for point in tables.rows(hull)]
    knobs = [knob_of(point.codec, point.rate) for point in tables.rows(hull)]
    pairs = zip(pairwise(ends), pairwise(knobs), strict=True)
    between = [wish for neighbours, turned in pairs for wish in _between(neighbours, turned, points, crf_step)]
    every = [*ends, *between]
    if not every:
        return []
    front = pareto_front([c.bitrate_kbps for c in every], [c.quality for c in every])
    return [every[i] for i in front]


def _measured(point: Any) -> Wish:
    crf = decimal_crf(point.crf)
    return Wish(
        point.variant,
        int(point.height),
        crf,
        float(point.bitrate_kbps),
        float(point.quality),
        True,
        "measured, on the hull",
    )


def _between(
    neighbours: tuple[Wish, Wish], knobs: tuple[Knob, Knob], points: pd.DataFrame, crf_step: float
) -> list[Wish]:
    """Unmeasured CRFs on the heights of two neighbours of the hull, expected to lie between the two.

    On one height these are the CRFs between the two; where the hull changes height, those from each of the two to
    the next measured point of its own height in the direction of the other.
    """
    low, high = neighbours
    if (low.variant, low.height) == (high.variant, high.height):
        pairs = [(low, high, knobs[0])]
    else:
        above = [p for p in _column(low, points) if p.bitrate_kbps > low.bitrate_kbps][:1]
        below = [p for p in _column(high, points) if p.bitrate_kbps < high.bitrate_kbps][-1:]
        pairs = [(low, p, knobs[0]) for p in above] + [(p, high, knobs[1]) for p in below]
    wishes = (wish for one, other, knob in pairs for wish in _interpolated(one, other, knob, crf_step))
    return [
        w
        for w in wishes
        if low.bitrate_kbps < w.bitrate_kbps < high.bitrate_kbps and low.quality < w.quality < high.quality
    ]


def _column(wish: Wish, points: pd.DataFrame) -> list[Wish]:
    """The measured points of a wish's variant and height, by rising bitrate."""
    same = points[(points["variant"] == wish.variant) & (points["height"] == wish.height)]
    return [_measured(point) for point in tables.rows(same.sort_values("bitrate_kbps"))]


def _interpolated(low: Wish, high: Wish, knob: Knob, crf_step: float) -> list[Wish]:
    """The CRFs strictly between two measured points of one variant and height."""
    first = knob.place(low.crf)
    span = knob.place(high.crf) - first
    wishes = []
    for crf in knob.between(low.crf, high.crf, crf_step):
        share = (knob.place(crf) - first) / span
        rate = float(np.exp(np.log(low.bitrate_kbps) * (1 - share) + np.log(high.bitrate_kbps) * share))
        quality = low.quality * (1 - share) + high.quality * share
        reason = f"between {knob.told(low.crf)} and {knob.told(high.crf)}, measured in the last round"
        wishes.append(Wish(low.variant, low.height, crf, rate, quality, False, reason))
    return wishes


def _within(wish: Wish, rules: Rules) -> bool:
    return _holds(wish.bitrate_kbps, wish.quality, wish.height, rules)


def _holds(bitrate_kbps: float, quality: float, height: int, rules: Limits) -> bool:
    # The cap on quality ends the ladder at the first point that reaches it; it excludes none by itself.
    return (
        rules.min_kbps <= bitrate_kbps <= rules.max_kbps
        and quality >= rules.min_quality
        and rules.min_height <= height <= rules.max_height
    )


def _why_none(candidates: Sequence[Wish], rules: Rules) -> str:
    """Which limits leave the hull without a usable point."""
    if not candidates:
        return "no CRF was measured for every shot of this codec"
    causes = {
        f"ladder.min_kbps {rules.min_kbps:g}": all(c.bitrate_kbps < rules.min_kbps for c in candidates),
        f"ladder.max_kbps {rules.max_kbps:g}": all(c.bitrate_kbps > rules.max_kbps for c in candidates),
        f"ladder.min_quality {rules.min_quality:g}": all(c.quality < rules.min_quality for c in candidates),
        f"ladder.min_height {rules.min_height}": all(c.height < rules.min_height for c in candidates),
        f"ladder.max_height {rules.max_height}": all(c.height > rules.max_height for c in candidates),
    }
    named = [name for name, alone in causes.items() if alone]
    return f"no point of the hull satisfies {' and '.join(named) if named else 'all of the limits of `ladder` at once'}"


def _in_words(target: float, rules: Rules) -> str:
    return f"{2**target:.0f} kbps" if rules.spacing == "log_bitrate" else f"quality {target:.1f}"
