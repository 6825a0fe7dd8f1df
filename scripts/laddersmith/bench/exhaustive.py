"""Every CRF at every height of real shots, measured once: what searches are judged by."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..encode import boxes
from ..encode.points import encode_points
from ..quality import score_encodes
from ..search import plan_grid
from ..shots.complexity import measured_size, shot_means, spatial_information, temporal_information
from ..shots.identity import context_sha256, frame_digest, frames_sha256
from ..shots.pictures import Pictures
from ..source import Media, frames, probe
from ..store import Store
from .materials import footage

# Pieces of single shots: clip, first frame, frames. Those of LADDERSMITH_FOOTAGE join in where its folder has the clip.
PIECES = [
    ("bikes", 31, 44),
    ("bikes", 77, 58),
    ("bikes", 138, 46),
    ("bikes", 188, 52),
    ("seeking", 10, 50),
    ("seeking", 90, 50),
    ("car-detection", 0, 32),
    ("car-detection", 200, 32),
    ("one-by-one-person-detection", 100, 32),
    ("one-by-one-person-detection", 700, 32),
    ("bigbuckbunny", 0, 30),
    ("bigbuckbunny", 98, 20),
]
VARIANTS: dict[str, dict[str, Any]] = {
    "x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": list(range(15, 46)), "threads": 1},
    "x265": {"codec": "x265", "preset": "medium", "pix_fmt": "yuv420p", "crfs": list(range(15, 46)), "threads": 1},
    "svtav1": {"codec": "svtav1", "preset": "8", "pix_fmt": "yuv420p", "crfs": list(range(20, 61)), "threads": 1},
}
SHARES = (1, 3 / 4, 1 / 2, 3 / 8)  # of the height of the box that the whole picture fits
MODEL, ENGINE = "vmaf_v0.6.1", "numba"
KEYFRAME_S, TIMEOUT_S, CACHE_MB = 2.0, 3600.0, 512


def exhaustive(*, store: Store, folder: Path, threads: int) -> pd.DataFrame:
    """Every point of VARIANTS at four heights of every piece at hand (tables.EXHAUSTIVE).

    Parameters
    ----------
    store : where points are found that were measured before.
    folder : for what lies in between. threads : encodes, and scorings, side by side.

    Raises
    ------
    ToolError
        If the demo clips are not there, or LADDERSMITH_FOOTAGE names a folder without clips.
    """
    measured = []
    clips = footage()
    for clip in dict.fromkeys(name for name, _, _ in PIECES if name in clips):
        pieces = [(start, start + length) for name, start, length in PIECES if name == clip]
        measured.append(_clip(clip, clips[clip], pieces, store, folder / clip, threads))
    return tables.conform(pd.concat(measured, ignore_index=True), tables.EXHAUSTIVE)


def heights_of(media: Media) -> list[int]:
    """The heights of the four boxes: of the smallest that the whole picture fits, and its SHARES."""
    whole = max(media.height, round(media.width * 9 / 16))
    return [2 * round(whole * share / 2) for share in SHARES]


def _clip(
    clip: str, path: Path, pieces: list[tuple[int, int]], store: Store, folder: Path, threads: int
) -> pd.DataFrame:
    folder.mkdir(parents=True, exist_ok=True)
    media = probed(clip, path, folder)
    shots = pieces_table(media, pieces)
    places = boxes(media.width, media.height, heights_of(media))
    rows = []
    for shot in shots["shot"]:
        plan = plan_grid([shot], VARIANTS, places)
        made: list[pd.DataFrame] = []
        where: dict[str, Path] = {}
        for (codec, height), of_box in plan.groupby(["codec", "height"], sort=True):
            place = folder / str(codec) / f"{height}p"
            encodes = encode_points(
                media,
                shots,
                of_box,
                title=clip,
                store=store,
                folder=place,
                variants=VARIANTS,
                keyframe_s=KEYFRAME_S,
                threads=threads,
                timeout_s=TIMEOUT_S,
                frame_cache_mb=CACHE_MB,
            )
            where |= dict.fromkeys(encodes["key"], place)
            made.append(encodes)
        scores, _ = score_encodes(
            media,
            shots,
            pd.concat(made, ignore_index=True),
            title=clip,
            folder=partial(_folder, where),
            display=(media.width, media.height),
            model=MODEL,
            engine=ENGINE,
            neighbours=True,
            store=store,
            threads=threads,
            timeout_s=TIMEOUT_S,
            frame_cache_mb=CACHE_MB,
        )
        complexity = shots.loc[shots["shot"] == shot, ["spatial_complexity", "temporal_complexity"]].iloc[0]
        rows.append(scores.assign(clip=clip, display_width=media.width, display_height=media.height, **complexity))
    return pd.concat(rows, ignore_index=True)


def _folder(where: dict[str, Path], row: Any) -> Path:
    return where[row.key]


def probed(clip: str, path: Path, folder: Path) -> Media:
    """A clip as the workflow sees it, its mezzanine in `folder` where it needs one.

    Raises
    ------
    SourceError
        If it cannot be read, or not be made into what encoders take.
    """
    facts = probe(
        path,
        title=clip,
        normalise=True,
        crop_bars=False,
        mezzanine=folder / "mezzanine.mov",
        timeout_s=TIMEOUT_S,
    )
    return Media.from_json(facts["media"])


def pieces_table(media: Media, pieces: list[tuple[int, int]]) -> pd.DataFrame:
    """The pieces of a title as its shots (tables.SHOTS)."""
    digests, spatial, temporal = [], [], []
    areas, size = Pictures(media), measured_size(media.width, media.height)
    before: Any = None
    for packed in frames(media):
        digests.append(frame_digest(packed))
        luma = areas.luma(packed, *size)
        spatial.append(spatial_information(luma))
        temporal.append(0.0 if before is None else temporal_information(luma, before))
        before = luma
    starts, ends = np.array(pieces, np.intp).T
    si, ti = shot_means(np.array(spatial), np.array(temporal), starts, ends)
    table = pd.DataFrame(
        {
            "shot": range(len(pieces)),
            "start": starts,
            "end": ends,
            "start_s": starts / float(media.frame_rate),
            "end_s": ends / float(media.frame_rate),
            "transition": "start",
            "detector": "given",
            "spatial_complexity": si,
            "temporal_complexity": ti,
            "frames_sha256": [frames_sha256(media, digests, *span) for span in pieces],
            "context_sha256": [context_sha256(media, digests, *span) for span in pieces],
        }
    )
    return tables.conform(table, tables.SHOTS)
