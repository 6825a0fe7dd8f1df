"""From cuts to shots that tile a title, and from shots to batches."""

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pandas as pd

from ..errors import ShotsError
from .detector import Cut


def shortest_frames(min_length_s: float, frame_rate: Fraction) -> int:
    """The fewest frames that last at least `min_length_s` seconds, and no fewer than one."""
    if not (math.isfinite(min_length_s) and min_length_s >= 0):
        raise ShotsError(f"a shot cannot last at least {min_length_s} s; set shots.min_length_s to 0 or more")
    # The decimal that was written, not its binary neighbour: 0.28 s at 25 frames a second is 7 frames, not 8.
    return max(1, math.ceil(Fraction(str(min_length_s)) * frame_rate))


def spaced(cuts: Iterable[Cut], shortest: int) -> list[Cut]:
    """The cuts, in order, that stand `shortest` frames or more after the one kept before them, or the title's start.

    Of two too close the earlier stays. The last shot may be shorter: the title ends there, cut or no cut.
    """
    kept: list[Cut] = []
    for cut in sorted(cuts):
        if cut.frame - (kept[-1].frame if kept else 0) >= shortest:
            kept.append(cut)
    return kept


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
