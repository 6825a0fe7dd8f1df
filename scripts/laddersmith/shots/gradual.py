"""Gradual transitions that the network was not taught: fades through a flat picture, and wipes along a straight edge.

Both are told by what defines them, on the measures of a `Look`. Thresholds as in look.py.
"""

from typing import NamedTuple

import numpy as np

from .look import Look

FLAT = 6.0  # standard deviation of luma of a picture in which nothing is seen
SEEN = 18.0  # and of one in which something is
CLIMB = 0.3  # by which it grows from frame to frame while a fade goes on
LONGEST = 24  # frames of either half of a fade
SAME = 12.0  # mean difference of luma below which the pictures on both sides are the same
WIPES = (8, 11, 15, 21, 29, 40)  # frames between the pictures that are compared
WIPED = 24.0  # mean difference of luma between those pictures
STRAIGHT = 0.88  # correlation of place and time at which a line's pixels change
EVERYWHERE = 0.5  # of that: what half of the picture differs by at least, or something only went by
CALM = 0.4  # of the difference at hand: the most by which the pictures change over BESIDE frames before and after
BESIDE = 4
SHARP = 0.25  # what is neither the old picture nor the new, as a share of their difference


class Gradual(NamedTuple):
    """A gradual transition: its `kind`, and the `first` and `last` frames in which both shots, or neither, are seen."""

    kind: str
    first: int
    last: int


def fades(look: Look) -> list[Gradual]:
    """Transitions in which the picture loses all contrast frame by frame, and gains it again.

    A flash does so within a frame or two; where both halves are that short, the pictures on both sides must differ.
    """
    found = []
    spread = look.spread
    for run in _runs(spread < FLAT):
        first, last = int(run[0]), int(run[-1])
        while first > max(0, run[0] - LONGEST) and spread[first - 1] > spread[first] + CLIMB:
            first -= 1
        while last < min(look.frames - 1, run[-1] + LONGEST) and spread[last + 1] > spread[last] + CLIMB:
            last += 1
        halves = run[0] - first, last - run[-1]
        if min(spread[first], spread[last]) < SEEN or min(halves) < 2:
            continue
        same = np.abs(look.luma[first] - look.luma[last]).mean() < SAME
        if not same or min(halves) >= 4:
            found.append(Gradual("fade", first + 1, last - 1))
    return found


def wipes(look: Look, cuts: list[int]) -> list[Gradual]:
    """Transitions in which a straight upright or level edge crosses the picture, the new shot behind it.

    Along the edge's way, each line of pixels turns from the old picture to the new at once, one after the other: the
    time of its change is a straight function of its place. In a pan all lines change all the time.
    """
    shot = np.zeros(look.frames, np.intp)
    shot[cuts] = 1
    shot = np.cumsum(shot)
    candidates: list[tuple[float, int, Gradual]] = []
    for length in WIPES:
        starts = np.arange(0, look.frames - length, max(1, length // 8))
        ends = starts + length
        change = np.abs(look.luma[starts] - look.luma[ends])
        differ = change.mean(axis=1)
        all_over = np.median(change, axis=1) >= EVERYWHERE * WIPED
        before, after = np.maximum(starts - BESIDE, 0), np.minimum(ends + BESIDE, look.frames - 1)
        for edge, beside in ((starts, before), (ends, after)):
            moved = np.abs(look.luma[edge] - look.luma[beside]).mean(axis=1)
            all_over &= (moved <= CALM * differ) | (shot[edge] != shot[beside])
        for start in starts[all_over & (differ >= WIPED) & (shot[starts] == shot[ends])].tolist():
            for axis in (1, 2):  # lines are columns, then rows
                found = _wipe(look.grey[start : start + length + 1], axis)
                if found:
                    quality, middle, span = found
                    first = round(start + middle - span / 2)
                    candidates.append((quality, length, Gradual("wipe", first, round(first + span))))
    kept: list[tuple[int, Gradual]] = []
    for _, length, one in sorted(candidates):
        if all(one.first > other.last + length // 2 or one.last < other.first - length // 2 for _, other in kept):
            kept.append((length, one))
    return sorted((one for _, one in kept), key=lambda one: one.first)


def _wipe(pictures: np.ndarray, axis: int) -> tuple[float, float, float] | None:
    """How poorly, in frames where, and over how many frames an edge crosses [frames, 27, 48]; None where none does."""
    old = np.abs(pictures - pictures[0]).mean(axis=axis)  # [frames, lines]
    new = np.abs(pictures - pictures[-1]).mean(axis=axis)
    differ = new[0]
    lines = np.flatnonzero(differ >= 0.3 * differ.mean())
    if len(lines) < 0.7 * len(differ):
        return None
    time = (old < new).sum(axis=0)[lines].astype(float)
    weight = differ[lines].astype(float) ** 2
    weight /= weight.sum()
    place = lines - (weight * lines).sum()
    late = time - (weight * time).sum()
    shared, spread = (weight * place * late).sum(), (weight * late * late).sum()
    if spread < 0.25:
        return None
    straight = abs(shared) / np.sqrt(spread * (weight * place * place).sum())
    smear = np.minimum(old, new)[:, lines].mean() / differ[lines].mean()
    slope = shared / (weight * place * place).sum()
    span = abs(slope) * len(differ)
    if straight < STRAIGHT or smear > SHARP or not 0.5 <= span / (len(pictures) - 1) <= 1.3:
        return None
    middle = (weight * time).sum() + slope * (len(differ) / 2 - (weight * lines).sum())
    return float(smear - straight), float(middle), float(span)


def _runs(flags: np.ndarray) -> list[np.ndarray]:
    """Indices of the stretches of True, one array each."""
    places = np.flatnonzero(flags)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []
