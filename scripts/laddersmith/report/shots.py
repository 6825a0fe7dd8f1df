"""A title's shots for its report: a picture of each, what every rung gave it, and what it cost."""

import base64
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pandas as pd
from av.video.reformatter import VideoReformatter

from ..errors import SourceError
from ..source import Media, pictures
from ..tables import rows

# Shots with a picture and a row of their own; a page with more takes too long to open.
ROWS = 200
ACROSS_PX, JPEG_QUALITY = 128, 72


def thumbnails(media: Media, shots: pd.DataFrame, wanted: Iterable[int]) -> dict[int, str]:
    """The middle picture of each wanted shot as a `data:` address of a JPEG, ACROSS_PX wide, in BT.709 or its own
    matrix.

    Raises
    ------
    SourceError
        If a picture cannot be decoded.
    """
    middles = {int(shot.shot): (int(shot.start) + int(shot.end)) // 2 for shot in rows(shots)}
    size = (ACROSS_PX, max(2, round(ACROSS_PX * media.height / media.width)))
    reformatter = VideoReformatter()
    found = {}
    for shot in wanted:
        frame = next(iter(pictures(media, middles[shot], middles[shot] + 1)))
        small = reformatter.reformat(frame, *size, format="bgr24", interpolation="AREA")
        done, coded = cv2.imencode(".jpg", small.to_ndarray(), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise SourceError(f"{media.path}: frame {middles[shot]} cannot be made a picture of the report")
        found[shot] = "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
    return found


def shown(shots: pd.DataFrame, ladder: dict) -> list[int]:
    """The shots that get a row: all, or the ROWS that cost the most over all rungs; in the order of the title."""
    numbers = [int(shot) for shot in shots["shot"]]
    if len(numbers) <= ROWS:
        return numbers
    cost = dict.fromkeys(numbers, 0)
    for rung in ladder["rungs"]:
        for point in rung["points"]:
            cost[point["shot"]] += point["bytes"]
    return sorted(sorted(numbers, key=lambda shot: (-cost[shot], shot))[:ROWS])


def shot_rows(shots: pd.DataFrame, rungs: Sequence[dict], pictured: dict[int, str]) -> list[dict]:
    """A row per shot of `pictured`: its place, its picture, and of each rung given its CRF, quality and share of the
    bits."""
    totals = [sum(point["bytes"] for point in rung["points"]) for rung in rungs]
    points = [{point["shot"]: point for point in rung["points"]} for rung in rungs]
    frames = int(shots["end"].iloc[-1])
    listed = []
    for shot in rows(shots[shots["shot"].isin(list(pictured))]):
        number, length = int(shot.shot), int(shot.end) - int(shot.start)
        listed.append(
            {
                "shot": number,
                "picture": pictured[number],
                "start_s": float(shot.start_s),
                "seconds": float(shot.end_s) - float(shot.start_s),
                "time_pct": 100 * length / frames,
                "rungs": [
                    {
                        **{name: mine[number][name] for name in ("crf", "vmaf_mean", "bitrate_kbps")},
                        "kilobytes": mine[number]["bytes"] / 1000,
                        "bits_pct": 100 * mine[number]["bytes"] / total,
                    }
                    for mine, total in zip(points, totals, strict=True)
                ],
            }
        )
    return listed


def spread(rung: dict) -> str:
    """The CRFs of a rung: one, or the mean and the ends."""
    crfs = np.array([float(point["crf"]) for point in rung["points"]])
    if crfs.min() == crfs.max():
        return str(rung["crf"])
    return f"{float(rung['crf']):.1f} ({crfs.min():g}\N{EN DASH}{crfs.max():g})"
