"""Frame rates from time stamps: constant or not, and which constant one a variable one becomes."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np

from ..errors import SourceError

# A time stamp may stand this share of a frame off the regular grid; 4 ms at 25 frames a second, too little to see.
JITTER = 0.1
STANDARD = [
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48000, 1001),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
    Fraction(100),
    Fraction(120000, 1001),
    Fraction(120),
    Fraction(240),
]
# Two rates that are this close are one rate written twice; 24 and 24000/1001 are a thousandth apart.
SAME = Fraction(2, 10_000)
# Repeating frames may make a title this many times longer, counted in frames, before its time stamps are called absurd.
MAX_REPEATS = 20


def constant_rate(pts: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Fraction | None:
    """The exact rate of whose grid every time stamp is, or None when no single rate explains them.

    Parameters
    ----------
    pts : presentation time stamps of the decoded frames, in order, in units of `time_base` seconds.
    declared : the rates that the container speaks of, most trusted first; they break ties, no more.

    Stamps may be off by one tick of the time base (Matroska rounds to milliseconds) or a tenth of a frame.
    """
    declared = [rate for rate in declared if rate and rate > 0]
    if len(pts) == 1:
        return _snap(declared[0]) if declared else None
    if min(np.diff(np.asarray(pts, np.int64))) <= 0:
        return None
    mean = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    near = sorted(STANDARD, key=lambda rate: abs(rate - mean))
    candidates = [*map(_snap, declared), *declared, *near, mean.limit_denominator(1001)]
    return next((rate for rate in candidates if _fits(pts, time_base, rate)), None)


def gappy_rate(pts: Sequence[int], time_base: Fraction, declared: Sequence[Fraction]) -> Fraction | None:
    """The rate on whose grid every time stamp is, some slots empty (frames that were dropped), or None.

    Only rates within a twentieth of the median gap's are tried: on a fine enough grid anything would fit.
    """
    usual = 1 / (_gap(pts) * time_base)
    near = sorted(STANDARD, key=lambda rate: abs(rate - usual))
    candidates = [rate for rate in [*map(_snap, declared), *near] if abs(rate - usual) <= usual / 20]
    return next((rate for rate in candidates if _fits(pts, time_base, rate, gaps=True)), None)


def average_rate(pts: Sequence[int], time_base: Fraction) -> Fraction:
    """Frames over time, the last frame shown for as long as the median one."""
    return len(pts) / ((pts[-1] - pts[0] + _gap(pts)) * time_base)


def standard_rate(average: Fraction) -> Fraction:
    """The lowest usual rate at or above the average (to a thousandth), so that hardly a frame is left out.

    Raises
    ------
    SourceError
        If the average is above 240 frames a second.
    """
    for rate in STANDARD:
        if rate >= average * Fraction(999, 1000):
            return rate
    raise SourceError(
        f"variable frame rate of {float(average):.0f} on average is above 240, the highest that is made constant"
    )


def repeats(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> list[int]:
    """How often each frame is shown at the constant `rate`: 0 leaves it out.

    A frame stands in the slot nearest to its time stamp; of two in one slot the later is kept, an empty slot
    repeats the frame before. No frame is off by more than half a slot.

    Raises
    ------
    SourceError
        If the time stamps jump so far that the title would be mostly repeats.
    """
    slots = [int((stamp - pts[0]) * time_base * rate + Fraction(1, 2)) for stamp in pts]
    end = max(slots[-1] + 1, int((pts[-1] - pts[0] + _gap(pts)) * time_base * rate + Fraction(1, 2)))
    if end > MAX_REPEATS * len(pts) + 240:
        raise SourceError(f"time stamps jump: {len(pts)} frames are spread over {float(end / rate):.0f} s")
    return [after - slot for slot, after in zip(slots, [*slots[1:], end], strict=True)]


def _fits(pts: Sequence[int], time_base: Fraction, rate: Fraction, gaps: bool = False) -> bool:
    tick = float(time_base * rate)
    places = (np.asarray(pts, np.int64) - pts[0]) * tick
    slots = places.round() if gaps else np.arange(len(pts))
    return tick < 0.4 and float(abs(places - slots).max()) <= max(tick, JITTER) + 1e-6


def _snap(rate: Fraction) -> Fraction:
    return next((usual for usual in STANDARD if abs(usual - rate) <= SAME * usual), rate)


def _gap(pts: Sequence[int]) -> int:
    return int(median(b - a for a, b in pairwise(pts))) if len(pts) > 1 else 1
