"""Floors and budgets: the very point of one shot and variant that measuring all of them would choose, from a few.

Of the points of one height, or of all heights, a floor on quality takes the one of fewest bits that reaches it, a
budget the one of most quality that keeps it; of equals the one of fewer bits, or of more quality. Real encodes make
that choice uneven: a higher CRF may by chance reach what a lower one missed. So a surface draws measurements that may
come, with that unevenness and what was measured as it is; what most of them choose is measured next.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .prior import Floats

if TYPE_CHECKING:
    from .surface import Surface

QUALITY_FLOOR, BITRATE_BUDGET = "quality_floor", "bitrate_budget"
# How probable it must be that the best measured point is the one that measuring all would choose.
SURE = 0.97
DRAWS = 400
ROUNDING = 1e-9  # by which a limit may be missed, of quality and of the logarithm of rate

Place = tuple[int, int]  # height and CRF of a surface's grid, by index


@dataclass(frozen=True)
class Target:
    """What a point must keep.

    Attributes
    ----------
    mode : QUALITY_FLOOR or BITRATE_BUDGET.
    limit : the lowest quality, 0 to 100; or the highest rate, as `Surface.rate` has it (`rate_of`).
    """

    mode: str
    limit: float

    def __post_init__(self) -> None:
        if self.mode not in (QUALITY_FLOOR, BITRATE_BUDGET):
            raise ValueError(f"a target is a {QUALITY_FLOOR} or a {BITRATE_BUDGET}, not {self.mode!r}")
        if not np.isfinite(self.limit):
            raise ValueError(f"the limit of a {self.mode} must be a number, not {self.limit}")


@dataclass(frozen=True)
class Found:
    """The best point of a height, or of all, as far as is known.

    Attributes
    ----------
    height, crf : of the surface's grid, by index.
    measured : False only where nothing was measured yet; then it is the most probable point.
    feasible : whether it keeps the limit; if not, it is the nearest: of a floor the best quality, of a budget the
        lowest rate.
    probability : that measuring every point would choose this one.
    settled : whether no further measurement is worth it.
    """

    height: int
    crf: int
    measured: bool
    feasible: bool
    probability: float
    settled: bool


def rate_of(kbps: float, fps: float, display: tuple[int, int]) -> float:
    """A bitrate as the base-2 logarithm of bits per frame and pixel of the display.

    Parameters
    ----------
    fps : frames per second. display : width and height.
    """
    return float(np.log2(kbps * 1000 / fps / (display[0] * display[1])))


def chosen(rate: Floats, quality: Floats, target: Target) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Which point of each row a target takes when all are known, or the nearest; and whether it keeps the limit.

    Parameters
    ----------
    rate, quality : (..., points), in the units of the limit.
    """
    if target.mode == QUALITY_FLOOR:
        keeps, wanted, other = quality >= target.limit - ROUNDING, rate, -quality
    else:
        keeps, wanted, other = rate <= target.limit + ROUNDING, -quality, rate
    feasible = np.asarray(keeps.any(axis=-1))
    some = feasible[..., None]
    first = np.where(some, np.where(keeps, wanted, np.inf), other)
    second = np.where(some, other, wanted)
    tied = first == first.min(axis=-1, keepdims=True)
    return np.argmin(np.where(tied, second, np.inf), axis=-1), feasible


def answer(surface: "Surface", target: Target, *, free: bool = False) -> list[Found]:
    """The best point of each height, in the surface's order; with `free` of all heights, one."""
    return [race.found for race in _races(surface, target, free)]


def next_points(surface: "Surface", target: Target, *, free: bool = False, most: int = 1) -> list[Place]:
    """The points to measure in the next round, none where everything is settled.

    Parameters
    ----------
    free : only for the best of all heights, so that heights that cannot win are let be.
    most : of each height; with `free` of how many heights, one of each.
    """
    places: list[Place] = []
    for race in _races(surface, target, free):
        heights = [height for height, _ in race.rivals]
        rivals = [race.rivals[heights.index(height)] for height in dict.fromkeys(heights)] if free else race.rivals
        if not race.found.settled:
            places += rivals[:most]
    return places


@dataclass(frozen=True)
class _Race:
    """Points that compete with each other: the best so far, and those that may beat it, the likeliest first."""

    found: Found
    rivals: list[Place]


def _races(surface: "Surface", target: Target, free: bool) -> list[_Race]:
    rates, qualities = surface.samples(DRAWS, noise=True)
    qualities = _with_plateaus(surface.measured, qualities, target)
    every = np.arange(len(surface.shares))
    return [
        _race(surface, target, rates[:, heights], qualities[:, heights], heights)
        for heights in ([every] if free else every[:, None])
    ]


def _race(surface: "Surface", target: Target, rates: Floats, qualities: Floats, heights: NDArray[np.intp]) -> _Race:
    """`rates`, `qualities` : (draws, heights, crfs) of the `heights` that compete."""
    crfs = len(surface.crfs)
    rate, quality = rates.reshape(len(rates), -1), qualities.reshape(len(rates), -1)
    winner, some = chosen(rate, quality, target)
    share = np.bincount(winner, minlength=rate.shape[1]) / len(winner)
    measured = surface.measured[heights].ravel()
    order = _by_height(np.where(measured, 0, share).reshape(len(heights), crfs))
    rivals = [(int(heights[place // crfs]), place % crfs) for place in order]
    if not measured.any():
        return _Race(Found(*rivals[0], False, bool(some.mean() > 0.5), float(share[order[0]]), False), rivals)
    known = np.flatnonzero(measured)
    first, feasible = chosen(rate[0, known], quality[0, known], target)
    best = int(known[first])
    unseen = {row for row in range(len(heights)) if not measured[row * crfs : (row + 1) * crfs].any()}
    if share[best] >= SURE:
        open_rows = unseen  # how heights compare is what is least known beforehand: one draw's word is enough
    else:
        open_rows = {row for row in range(len(heights)) if not _closed(row, measured, rate, quality, target, crfs)}
    if feasible or not some.any():
        rivals = [rival for rival, place in zip(rivals, order, strict=True) if place // crfs in open_rows]
    place = int(heights[best // crfs]), best % crfs
    return _Race(Found(*place, True, bool(feasible), float(share[best]), not rivals), rivals)


def _by_height(share: Floats) -> list[int]:
    """The places of `share` (heights, crfs) that have one, flattened: those of the height that has the most in all
    first, of one height those in the middle of what it has first."""
    middle = np.abs(np.cumsum(share, axis=1) - share / 2 - share.sum(axis=1, keepdims=True) / 2)
    total = np.broadcast_to(share.sum(axis=1, keepdims=True), share.shape)
    order = np.lexsort((middle.ravel(), -total.ravel()))
    return [int(place) for place in order if share.ravel()[place] > 0]


def _with_plateaus(measured: NDArray[np.bool_], qualities: Floats, target: Target) -> Floats:
    """The draws, with more of what scores 100 where the target may want the cheapest such point.

    Quality beyond 100 is not told, so that a surface cannot know how far such scores go on: that they end at any CRF
    before the next that was measured to score less is taken to be as likely as at any other. For a floor of 100 that is
    so at once; for a budget while nothing of a height was measured to score less.
    """
    floor = target.mode == QUALITY_FLOOR
    if floor and target.limit < 100 - ROUNDING:
        return qualities
    result = qualities.copy()
    for height, known in enumerate(measured):
        places = np.flatnonzero(known)
        full = qualities[0, height, places] >= 100 - ROUNDING
        if not full.any() or not (floor or full.all()):
            continue
        last = int(places[full].max())
        below = places[(places > last) & ~full]
        end = int(below.min()) if len(below) else measured.shape[1]
        ends = last + np.arange(len(qualities)) % (end - last)
        column = np.arange(measured.shape[1])
        result[:, height] = np.where((column > last) & (column <= ends[:, None]), 100.0, result[:, height])
    return result


def _closed(height: int, measured: NDArray[np.bool_], rate: Floats, quality: Floats, target: Target, crfs: int) -> bool:
    """Whether both neighbours of a height's best measured point were measured too, or can never beat it."""
    here = slice(height * crfs, (height + 1) * crfs)
    known = np.flatnonzero(measured[here])
    if not len(known):
        return False
    rates, values = rate[:, here], quality[:, here]
    best = int(known[chosen(rates[0, known], values[0, known], target)[0]])
    for near in (best - 1, best + 1):
        if 0 <= near < crfs and not measured[here][near]:
            pair = [best, near]
            if chosen(rates[:, pair], values[:, pair], target)[0].any():
                return False
    return True
