"""Allocations in which quality does not jump from shot to shot."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import LadderError
from .allocation import Choice, Floats, sweep

PRICES = 256
LEVELS = 256
ROUNDING = 1e-9


@dataclass(frozen=True)
class Listed:
    """Allocations by rising bits and worth, each written out.

    Attributes
    ----------
    points : (allocations, shots). bits, worth : (allocations,) totals; of a level the lowest shot's.
    """

    points: Choice
    bits: Floats
    worth: Floats

    def at(self, number: int) -> Choice:
        """(shots,) the point of each shot in allocation `number`."""
        return self.points[number]


def smooth_sweep(bits: Floats, worth: Floats, quality: Floats, max_jump: float) -> Listed:
    """The best allocations for PRICES prices of a bit, of those whose neighbouring shots are within `max_jump`.

    For each price the shots are a trellis, and the best path through it is found exactly: A. Ortega, K. Ramchandran,
    M. Vetterli, "Optimal trellis-based buffered compression and fast approximations", IEEE Trans. Image Processing
    3(1), 1994. The prices run from the steepest to the flattest slope of the shots' hulls, evenly in their logarithm,
    with the cheapest and the best path before and after them.

    Parameters
    ----------
    bits, worth : (shots, points) as for `allocation.sweep`. quality : (shots, points) VMAF of each point.
    max_jump : largest difference in quality between a shot and the next one.

    Raises
    ------
    LadderError
        If there is no such allocation; the message has the smallest cap for which there is one.
    """
    free = sweep(bits, worth)
    slopes = np.diff(free.worth) / np.diff(free.bits) if len(free.shot) else np.ones(1)
    prices = np.geomspace(2 * slopes.max(), slopes.min() / 2, PRICES)
    # At the outer two a whole title's other quantity only decides between equals.
    prices = np.concatenate([[slopes.max() * 1e6], prices, [slopes.min() * 1e-6]])
    return _rising(bits, worth, _paths(bits, worth, quality, max_jump, prices), np.sum)


def smooth_level_sweep(bits: Floats, level: Floats, quality: Floats, max_jump: float) -> Listed:
    """The cheapest allocations whose every shot reaches a level, for up to LEVELS levels, within `max_jump`.

    Parameters and errors are those of `smooth_sweep`; `worth` of the result is the level of the lowest shot.
    """
    _check(bits, quality, max_jump)
    known = np.unique(level[np.isfinite(bits)])
    levels = known[np.unique(np.linspace(0, len(known) - 1, min(LEVELS, len(known))).astype(int))]
    found = []
    for lowest in levels:
        allowed = np.where(level >= lowest, bits, np.inf)
        if np.isfinite(allowed).any(axis=1).all():
            paths = _paths(allowed, np.zeros_like(level), quality, max_jump, np.ones(1), checked=True)
            if not len(paths):
                break
            found.append(paths[0])
    return _rising(bits, level, np.array(found), np.min)


def _paths(
    bits: Floats, worth: Floats, quality: Floats, max_jump: float, prices: Floats, checked: bool = False
) -> Choice:
    """(prices, shots) the best path for each price; none where no path exists and that is `checked` already."""
    if not checked:
        _check(bits, quality, max_jump)
    ranks = np.lexsort((bits, np.where(np.isfinite(bits), quality, np.inf)), axis=1)
    counts = np.isfinite(bits).sum(axis=1)
    shots, lanes = len(bits), np.arange(len(prices))[:, None]
    came_from: list[NDArray[np.intp]] = []
    scores = np.zeros((len(prices), 0))
    heights = np.zeros(0)
    for shot in range(shots):
        own = ranks[shot, : counts[shot]]
        gains = worth[shot, own][None, :] - prices[:, None] * bits[shot, own][None, :]
        above = quality[shot, own]
        if shot:
            low = np.searchsorted(heights, above - max_jump - ROUNDING, side="left")
            high = np.searchsorted(heights, above + max_jump + ROUNDING, side="right")
            best = _best_within(scores, low, high)
            came_from.append(best)
            reached = np.where(best >= 0, scores[lanes, np.maximum(best, 0)], -np.inf)
            gains = gains + reached
        scores, heights = gains, above
    last = scores.argmax(axis=1)
    if not np.isfinite(scores[lanes[:, 0], last]).all():
        return np.zeros((0, shots), np.intp)
    paths = np.empty((len(prices), shots), np.intp)
    paths[:, -1] = last
    for shot in range(shots - 1, 0, -1):
        paths[:, shot - 1] = came_from[shot - 1][lanes[:, 0], paths[:, shot]]
    return np.take_along_axis(ranks[None, :, :], paths[:, :, None], axis=2)[:, :, 0]


def _best_within(scores: Floats, low: NDArray[np.intp], high: NDArray[np.intp]) -> NDArray[np.intp]:
    """(lanes, windows) where in [low, high) each lane's greatest score stands, the first of equals; -1 for an empty
    window.

    By tables of the greatest over every stretch of 1, 2, 4, ... places, two of which cover any window.
    """
    table = [np.broadcast_to(np.arange(scores.shape[1]), scores.shape)]
    size = 1
    while 2 * size <= scores.shape[1]:
        left, right = table[-1][:, :-size], table[-1][:, size:]
        better = np.take_along_axis(scores, right, axis=1) > np.take_along_axis(scores, left, axis=1)
        table.append(np.where(better, right, left))
        size *= 2
    best = np.full((len(scores), len(low)), -1, np.intp)
    width = high - low
    for power, places in enumerate(table):
        mine = np.flatnonzero((width >= 1 << power) & (width < 2 << power))
        left, right = places[:, low[mine]], places[:, high[mine] - (1 << power)]
        better = np.take_along_axis(scores, right, axis=1) > np.take_along_axis(scores, left, axis=1)
        best[:, mine] = np.where(better, right, left)
    return best


def _check(bits: Floats, quality: Floats, max_jump: float) -> None:
    """Hold that some allocation keeps all neighbours within `max_jump`.

    Raises
    ------
    LadderError
        If there is none, with the smallest cap that has one and the shots that ask for it.
    """
    needed = np.zeros(0)
    worst = (0.0, 0)
    before = np.zeros(0)
    for shot in range(len(bits)):
        heights = quality[shot, np.isfinite(bits[shot])]
        if shot:
            jumps = np.maximum(needed[:, None], np.abs(before[:, None] - heights[None, :]))
            needed = jumps.min(axis=0)
            if needed.min() > worst[0]:
                worst = (float(needed.min()), shot)
        else:
            needed = np.zeros(len(heights))
        before = heights
    if worst[0] > max_jump + ROUNDING:
        least = math.ceil(100 * (worst[0] - ROUNDING)) / 100  # rounded up, so that it can be kept
        raise LadderError(
            f"no choice of points keeps the quality of neighbouring shots within ladder.max_jump {max_jump:g}: up to "
            f"shot {worst[1]} the least that can be is {least:.2f}; raise max_jump to that, or measure more CRFs"
        )


def _rising(bits: Floats, worth: Floats, paths: Choice, total: Callable[..., Floats]) -> Listed:
    """The distinct allocations by rising bits, without those that another one beats."""
    rows = np.arange(len(bits))
    spent = bits[rows, paths].sum(axis=1)
    got = total(worth[rows, paths], axis=1)
    kept: list[int] = []
    for number in np.lexsort((-got, spent)):
        if not kept or got[number] > got[kept[-1]]:
            kept.append(int(number))
    return Listed(paths[kept], spent[kept], got[kept])
