"""Looks at shots: what stands for a shot in the rounds of search, all of it or a window in its middle."""

import hashlib
from fractions import Fraction

import pandas as pd

from ..tables import SHOTS, WHOLE_TITLE, conform, look_at


def window_frames(window_s: float, frame_rate: Fraction) -> int:
    """Frames of a window: the whole number nearest to `window_s` seconds, at least 1."""
    return max(1, round(window_s * frame_rate))


def with_looks(shots: pd.DataFrame, window_s: float | None, frame_rate: Fraction) -> pd.DataFrame:
    """The table of shots, and a row for a look at each, number `tables.look_at`; for none at the whole title.

    A look at a shot longer than `window_s` seconds is a window of whole frames in its middle, its hashes made of the
    shot's and the window's place in it. Other looks, and all where `window_s` is None, span their shot and have its
    hashes. A look has the complexities of its shot.
    """
    alone = shots[shots["shot"] != WHOLE_TITLE]
    looks = alone.assign(shot=[look_at(shot) for shot in alone["shot"]])
    if window_s is not None:
        size = window_frames(window_s, frame_rate)
        looks = pd.DataFrame([_window(row, size) for row in looks.to_dict("records")], columns=shots.columns)
    return conform(pd.concat([shots, looks], ignore_index=True), SHOTS)


def _window(row: dict, size: int) -> dict:
    length = row["end"] - row["start"]
    if length <= size:
        return row
    first = (length - size) // 2
    frame_s = (row["end_s"] - row["start_s"]) / length
    return row | {
        "start": row["start"] + first,
        "end": row["start"] + first + size,
        "start_s": row["start_s"] + first * frame_s,
        "end_s": row["start_s"] + (first + size) * frame_s,
        **{
            name: hashlib.sha256(f"window\n{row[name]}\n{first}\n{first + size}".encode()).hexdigest()
            for name in ("frames_sha256", "context_sha256")
        },
    }
