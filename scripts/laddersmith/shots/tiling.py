"""From cuts to shots that tile a title, none shorter or longer than it may be."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd

from ..errors import ShotsError
from ..source import Media
from .detector import Cut
from .settings import Settings


def whole_frames(seconds: float, frame_rate: Fraction, key: str) -> int:
    """The fewest frames that last at least `seconds`, and no fewer than one; `key` is the config's name for them.

    Raises
    ------
    ShotsError
        If the seconds are no number, or below 0.
    """
    return max(1, math.ceil(_in_frames(seconds, frame_rate, key)))


def most_frames(seconds: float, frame_rate: Fraction, key: str) -> int:
    """The most frames that last no longer than `seconds`, but one at least; `key` as in `whole_frames`.

    Raises
    ------
    ShotsError
        As `whole_frames`.
    """
    return max(1, math.floor(_in_frames(seconds, frame_rate, key)))


def _in_frames(seconds: float, frame_rate: Fraction, key: str) -> Fraction:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ShotsError(f"{key} is {seconds}, and no shot can be that long; set it to 0 or more seconds")
    # The decimal that was written, not its binary neighbour: 0.28 s at 25 frames a second is 7 frames, not 8.
    return Fraction(str(seconds)) * frame_rate


def ruled(cuts: Iterable[Cut], settings: Settings, media: Media) -> list[Cut]:
    """The cuts that are left, and those that are added, by the rules on the least and greatest length of a shot.

    Cuts at fixed times were asked for and all stay.

    Raises
    ------
    ShotsError
        If the rules contradict each other, or a cut lies outside the title.
    """
    shortest = whole_frames(settings.min_length_s, media.frame_rate, "shots.min_length_s")
    kept = sorted(cuts) if settings.detector == "fixed" else spaced(cuts, shortest, settings.short)
    if settings.max_length_s is None:
        return kept
    longest = most_frames(settings.max_length_s, media.frame_rate, "shots.max_length_s")
    if longest + 1 < 2 * shortest:
        raise ShotsError(
            f"shots.max_length_s, {settings.max_length_s}, is {longest} frames at most, and shots.min_length_s, "
            f"{settings.min_length_s}, {shortest} at least: the halves of a shot just too long would be too short; "
            "raise the one or lower the other"
        )
    return parted(kept, media.frames, longest, shortest, settings.long)


def spaced(cuts: Iterable[Cut], shortest: int, rule: str = "first") -> list[Cut]:
    """The cuts, in order, that stand `shortest` frames or more apart, and from the title's start.

    Of two too close stays, by the `rule`, the "first", the "last", or the "strongest" (the first, of equals). The last
    shot may be shorter: the title ends there, cut or no cut.
    """
    ordered = sorted(cuts)
    if rule == "strongest":
        kept: list[Cut] = []
        for cut in sorted(ordered, key=lambda one: (-one.strength, one.frame)):
            if cut.frame >= shortest and all(abs(cut.frame - other.frame) >= shortest for other in kept):
                kept.append(cut)
        return sorted(kept)
    kept = []
    for cut in ordered if rule == "first" else reversed(ordered):
        if rule == "first":
            room = cut.frame - (kept[-1].frame if kept else 0)
        else:
            room = min(cut.frame, kept[-1].frame - cut.frame) if kept else cut.frame
        if room >= shortest:
            kept.append(cut)
    return sorted(kept)


def parted(cuts: Sequence[Cut], frames: int, longest: int, shortest: int, rule: str) -> list[Cut]:
    """The cuts, and between them as few more as leave no shot above `longest` frames.

    By the `rule` a shot is parted into "even" parts, that differ by a frame at most, or, "fixed", into parts of
    `longest` frames, the last of which takes what is left, and where that is below `shortest`, some of the one before.
    """
    result: list[Cut] = []
    edges = [0, *(cut.frame for cut in cuts), frames]
    for number, (start, end) in enumerate(pairwise(edges)):
        length = end - start
        parts = -(-length // longest)
        steps = [length * part // parts if rule == "even" else longest * part for part in range(1, parts)]
        if rule == "fixed" and steps and length - steps[-1] < shortest:
            steps[-1] = length - shortest
        result += [Cut(start + step, "split", 0.0) for step in steps]
        if number < len(cuts):
            result.append(cuts[number])
    return result


def tile(cuts: Iterable[Cut], frames: int) -> pd.DataFrame:
    """One row per shot (shot, start, end, transition) of a title of `frames` frames.

    `transition` is how the shot begins: the cut's own, "start" for the first.

    Raises
    ------
    ShotsError
        If a cut lies outside the title, stands twice or is out of order: the shots would not tile it.
    """
    cuts = list(cuts)
    starts = [0, *(cut.frame for cut in cuts)]
    shots = pd.DataFrame(
        {
            "shot": np.arange(len(starts), dtype=np.int32),
            "start": np.array(starts, np.int32),
            "end": np.array([*starts[1:], frames], np.int32),
            "transition": ["start", *(cut.transition for cut in cuts)],
        }
    )
    check_tiling(shots, frames)
    return shots


def check_tiling(shots: pd.DataFrame, frames: int, where: str = "") -> None:
    """Hold that the shots, numbered from 0, cover `[0, frames)` in order, with no gap, no overlap and none empty.

    Raises
    ------
    ShotsError
        If they do not; naming the first shot that is wrong.
    """
    where = f"{where}: " if where else ""
    if not len(shots):
        raise ShotsError(f"{where}there is no shot; a title has one at least")
    expected = 0
    for place, (shot, start, end) in enumerate(
        zip(shots["shot"].tolist(), shots["start"].tolist(), shots["end"].tolist(), strict=True)
    ):
        span = f"{where}shot {shot} [{start}, {end})"
        if shot != place:
            raise ShotsError(f"{span} stands where shot {place} belongs; shots are numbered from 0 in order")
        if start > expected:
            raise ShotsError(f"{span} leaves a gap: it should start at frame {expected}")
        if start < expected:
            raise ShotsError(f"{span} overlaps what comes before it: it should start at frame {expected}")
        if end <= start:
            raise ShotsError(f"{span} is empty")
        expected = end
    if expected != frames:
        raise ShotsError(
            f"{where}the shots end at frame {expected}, but the title has {frames}; detect its shots again"
        )
