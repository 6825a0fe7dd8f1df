"""What low latency costs: each codec's encodes without delay against its own offline ones, on the demo clips."""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import ffmpeg, source, tables
from ..encode import boxes
from ..encode.codecs import CODECS, LOW, QUALITY, Settings
from ..encode.delay import delay_frames
from ..encode.points import encode_points, keyint
from ..encode.run import arguments
from ..hull import bd_rate, title_figures
from ..machine import machine
from ..provenance import versions
from ..quality import score_encodes
from ..search import plan_grid
from ..source import Media
from ..store import Store
from .exhaustive import pieces_table, probed
from .materials import footage

SCHEMA = "laddersmith/bench_latency/1"
# Frames of the clips, each piece one shot.
PIECES = {"bikes": [(77, 127)], "bigbuckbunny": [(66, 116)]}
PRESETS = {"x264": "medium", "x265": "medium", "svtav1": "8", "libaom": "6", "vp9": "5"}
BOX, KEYFRAME_S, CAP_KBPS = 270, 2.0, 4000.0
MODEL, ENGINE, POOLING = "vmaf_v0.6.1", "numba", "mean"
TIMEOUT_S, CACHE_MB = 3600.0, 256
OFFLINE = "offline"


def bench_latency(*, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/latency.json` (config/schemas/bench_latency.json).

    Every codec that has encodes of low latency makes both kinds at the same preset and CRFs, with a keyframe every
    KEYFRAME_S seconds and at the start of every piece; those of low latency under CAP_KBPS and a buffer of one second.

    Raises
    ------
    ToolError
        If the demo clips are not there, or ffmpeg fails.
    """
    clips = footage()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as folder:
        for clip, pieces in PIECES.items():
            rows += _clip(clip, clips[clip], pieces, Path(folder) / clip, threads)
    summary = {codec: _mean([row["bd_rate_pct"] for row in rows if row["codec"] == codec]) for codec in PRESETS}
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"ffmpeg": ffmpeg.version()},
        "settings": {"box": BOX, "keyframe_s": KEYFRAME_S, "maxrate_kbps": CAP_KBPS, "model": MODEL},
        "rows": rows,
        "summary": {f"{codec}_bd_rate_pct": value for codec, value in summary.items()},
    }


def variants() -> dict[str, dict[str, Any]]:
    """Both kinds of every codec, by name."""
    made: dict[str, dict[str, Any]] = {}
    for codec, preset in PRESETS.items():
        crfs = [int(CODECS[codec].knob.default_crfs[place]) for place in (0, 2, 3, 5)]
        shared = {"codec": codec, "preset": preset, "pix_fmt": "yuv420p", "rate": QUALITY, "crfs": crfs, "threads": 1}
        made[f"{codec}-{OFFLINE}"] = shared
        made[f"{codec}-{LOW}"] = shared | {"latency": LOW, "maxrate_kbps": CAP_KBPS, "bufsize_kbps": CAP_KBPS}
    return made


def _clip(clip: str, path: Path, pieces: list[tuple[int, int]], folder: Path, threads: int) -> list[dict[str, Any]]:
    folder.mkdir(parents=True)
    media = probed(clip, path, folder)
    shots, store = pieces_table(media, pieces), Store(folder / "store")
    places = boxes(media.width, media.height, [BOX])
    common: dict[str, Any] = {"title": clip, "store": store, "threads": threads, "timeout_s": TIMEOUT_S}
    asked, rows = variants(), []
    for codec in PRESETS:
        own = {name: settings for name, settings in asked.items() if settings["codec"] == codec}
        encodes = encode_points(
            media,
            shots,
            plan_grid(shots["shot"].tolist(), own, places),
            folder=folder / codec,
            variants=own,
            keyframe_s=KEYFRAME_S,
            frame_cache_mb=CACHE_MB,
            **common,
        )
        scores, frames = score_encodes(
            media,
            shots,
            encodes,
            folder=partial(_folder, folder / codec),
            display=(media.width, media.height),
            model=MODEL,
            engine=ENGINE,
            neighbours=True,
            frame_cache_mb=CACHE_MB,
            **common,
        )
        figures = _figures(scores, frames, media, pieces)
        kinds = {kind: figures[figures["variant"] == f"{codec}-{kind}"] for kind in (OFFLINE, LOW)}
        curves = [kinds[kind][name] for kind in (OFFLINE, LOW) for name in ("bitrate_kbps", "quality")]
        rows.append(
            {
                "clip": clip,
                "frames": sum(end - start for start, end in pieces),
                "codec": codec,
                "preset": PRESETS[codec],
                "bd_rate_pct": round(bd_rate(*curves), 1),
                **{
                    f"{kind}_delay_frames": _delay(media, own[f"{codec}-{kind}"], places[BOX], folder) for kind in kinds
                },
                **{
                    f"{kind}_points": [
                        {"crf": row.crf, "bitrate_kbps": round(row.bitrate_kbps, 1), "quality": round(row.quality, 2)}
                        for row in tables.rows(figures)
                    ]
                    for kind, figures in kinds.items()
                },
            }
        )
    return rows


def _folder(folder: Path, row: Any) -> Path:
    return folder


def _figures(scores: pd.DataFrame, frames: pd.DataFrame, media: Media, pieces: list[tuple[int, int]]) -> pd.DataFrame:
    """The pieces of a clip as one stream, by variant and CRF."""
    part = Media.from_json(media.to_json() | {"frames": sum(end - start for start, end in pieces)})
    return title_figures(scores, frames, POOLING, part, by=["variant", "crf"])


def _delay(media: Media, variant: Mapping[str, Any], size: tuple[int, int], folder: Path) -> int:
    """Frames that the encoder keeps to itself (`delay_frames`), over the first 75 of the clip."""
    low = variant.get("latency") == LOW
    settings = Settings(
        preset=variant["preset"],
        pix_fmt=variant["pix_fmt"],
        crf=str(variant["crfs"][2]),
        keyint=keyint(KEYFRAME_S, media.frame_rate),
        threads=variant["threads"],
        frame_rate=f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
        maxrate_kbps=variant.get("maxrate_kbps"),
        bufsize_kbps=variant.get("bufsize_kbps"),
        low_latency=low,
    )
    given = arguments(CODECS[variant["codec"]], settings, media.colour, *size)
    frames = source.frames(media, 0, 75, width=size[0], height=size[1], pix_fmt=settings.pix_fmt)
    what = f"bench, {variant['codec']} {LOW if low else OFFLINE}"
    return delay_frames(given, frames, folder / "delay.mp4", what=what, timeout_s=TIMEOUT_S)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 1)
