"""Cuts where segments of a fixed duration begin, so that a keyframe stands there in every encode."""

import math
from bisect import bisect
from collections.abc import Iterable
from fractions import Fraction

from ..errors import ShotsError
from .detector import Cut


def boundaries(segment_s: float, frame_rate: Fraction, frames: int, key: str = "package.segment_s") -> list[int]:
    """The first frame at or after each multiple of `segment_s` seconds, inside a title of `frames` frames.

    Reckoned from each multiple itself, so that nothing drifts where the seconds are no whole number of frames; every
    frame where they are less than one. `key` is the config's name for the seconds.

    Raises
    ------
    ShotsError
        If the seconds are no number above 0.
    """
    if not (math.isfinite(segment_s) and segment_s > 0):
        raise ShotsError(f"{key} is {segment_s}, and nothing can be cut that often; set it to more than 0 seconds")
    step = Fraction(str(segment_s)) * frame_rate
    if step <= 1:
        return list(range(1, frames))
    count = math.ceil(Fraction(frames) / step)
    return [frame for frame in (math.ceil(step * number) for number in range(1, count)) if frame < frames]


def with_boundaries(cuts: Iterable[Cut], wanted: Iterable[int], shortest: int) -> list[Cut]:
    """The cuts, and one at each wanted frame; a cut nearer than `shortest` frames to one of these gives way to it.

    What is between two wanted frames is thus a segment, of one shot or of parts of several.
    """
    places = sorted(set(wanted))
    kept = [cut for cut in cuts if all(abs(cut.frame - near) >= shortest for near in _beside(places, cut.frame))]
    return sorted([*kept, *(Cut(place, "split", 0.0) for place in places)])


def _beside(places: list[int], frame: int) -> list[int]:
    """The places next to a frame, at most one on each side."""
    number = bisect(places, frame)
    return places[max(0, number - 1) : number + 1]
