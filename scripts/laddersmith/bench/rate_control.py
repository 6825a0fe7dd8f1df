"""How near the encoders come to a bitrate that they are to keep, and what that costs beside a constant quality."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..encode.boxes import box
from ..encode.codecs import QUALITY, SOFTWARE, Codec
from ..encode.points import encode_points
from ..hull import bd_rate
from ..machine import machine
from ..provenance import versions
from ..quality.encodes import score_encodes
from ..search import plan_rows
from ..store import Store
from .exhaustive import pieces_table, probed
from .materials import footage

SCHEMA = "laddersmith/bench_rate_control/1"
# Shots of the demo clips: [start, end) of frames.
PIECES = {"bikes": (76, 137)}
HEIGHT = 180
KBPS = (75, 150, 300)
PRESETS = {
    "x264": "medium",
    "x265": "fast",
    "svtav1": "8",
    "libaom": "6",
    "rav1e": "10",
    "vp9": "4",
    "vvenc": "faster",
}
MODEL, ENGINE = "vmaf_v0.6.1", "numba"
KEYFRAME_S, TIMEOUT_S, CACHE_MB = 2.0, 3600.0, 256


def bench_rate_control(*, store: Store, folder: Path, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/rate_control.json`.

    Each software codec, by each of its rates, on a shot of a demo clip within a box of HEIGHT, at KBPS or at four
    CRFs of its grid. Scores are taken at the size of the encode. `off_pct` is how far the bitrate of an encode lies
    from the one asked for; `bd_rate_pct` compares a codec's rate with its CRFs, over the shot's convex hulls.

    Parameters
    ----------
    store : where points are found that were measured before. folder : for what lies in between.
    threads : encodes, and scorings, side by side.
    """
    clips = footage()
    rows = [row for clip in PIECES for row in _clip(clip, clips[clip], store, folder / clip, threads)]
    measured = pd.DataFrame(rows)
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(),
        "rows": rows,
        "summary": list(_summary(measured)),
    }


def _clip(clip: str, path: Path, store: Store, folder: Path, threads: int) -> Iterator[dict[str, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    media = probed(clip, path, folder)
    shots = pieces_table(media, [PIECES[clip]])
    size = box(media.width, media.height, HEIGHT)
    common: dict[str, Any] = {"title": clip, "store": store, "threads": threads, "timeout_s": TIMEOUT_S}
    common |= {"frame_cache_mb": CACHE_MB}
    for codec in SOFTWARE:
        variants = {rate: _variant(codec, rate) for rate in codec.rates}
        wanted = [(rate, HEIGHT, value, "bench") for rate in codec.rates for value in _values(codec, rate)]
        encodes = encode_points(
            media,
            shots,
            plan_rows([0], variants, {HEIGHT: size}, wanted),
            folder=folder,
            variants=variants,
            keyframe_s=KEYFRAME_S,
            **common,
        )
        scores, _ = score_encodes(
            media,
            shots,
            encodes,
            folder=partial(_same, folder),
            display=size,
            model=MODEL,
            engine=ENGINE,
            neighbours=True,
            kernel_cache=store.path / "kernels",
            **common,
        )
        for row in scores.to_dict("records"):
            kept = row["rate"] != QUALITY
            yield {
                "clip": clip,
                **{name: row[name] for name in ("codec", "preset", "rate")},
                "value": float(row["crf"]),
                "frames": int(row["frames"]),
                "bitrate_kbps": round(float(row["bitrate_kbps"]), 2),
                "off_pct": round(100 * (float(row["bitrate_kbps"]) / float(row["crf"]) - 1), 2) if kept else None,
                "vmaf": round(float(row["vmaf_mean"]), 3),
                "encode_cpu_s": float(row["encode_cpu_s"]),
            }


def _variant(codec: Codec, rate: str) -> dict[str, Any]:
    own = {"codec": codec.name, "preset": PRESETS[codec.name], "pix_fmt": codec.pix_fmts[0], "threads": 1}
    return own | {"rate": rate}


def _values(codec: Codec, rate: str) -> list[str]:
    return list(codec.knob.default_crfs[1:5]) if rate == QUALITY else [str(kbps) for kbps in KBPS]


def _same(folder: Path, row: Any) -> Path:
    return folder


def _summary(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """For each codec and rate: the middle and the greatest deviation, BD-rate and CPU time beside the codec's CRFs."""
    for (codec, rate), mine in table[table["rate"] != QUALITY].groupby(["codec", "rate"], sort=False):
        off = mine["off_pct"].to_numpy(float)
        found, cost = [], []
        for clip, ours in mine.groupby("clip", sort=False):
            usual = table[(table["clip"] == clip) & (table["codec"] == codec) & (table["rate"] == QUALITY)]
            found.append(_bd_rate(usual, ours))
            cost.append(_cost(usual, ours))
        known = [value for value in found if value is not None]
        yield {
            "codec": codec,
            "rate": rate,
            "off_pct_median": round(float(np.median(off)), 2),
            "off_pct_least": round(float(off.min()), 2),
            "off_pct_most": round(float(off.max()), 2),
            "bd_rate_pct": [None if value is None else round(value, 2) for value in found],
            "bd_rate_pct_mean": round(float(np.mean(known)), 2) if known else None,
            "cpu_ratio": round(float(np.exp(np.mean(np.log(cost)))), 3),
        }


def _bd_rate(usual: pd.DataFrame, ours: pd.DataFrame) -> float | None:
    """BD-rate in percent of the bitrates against the CRFs, over monotone parts; none where they share no quality."""
    pairs = [part.sort_values("bitrate_kbps")[name] for part in (usual, ours) for name in ("bitrate_kbps", "vmaf")]
    try:
        return bd_rate(*pairs)
    except ValueError:
        return None


def _cost(usual: pd.DataFrame, ours: pd.DataFrame) -> float:
    """CPU seconds at the same bitrates: the CRFs' are interpolated over the logarithm of the bitrate."""
    rows = usual.sort_values("bitrate_kbps")
    logs = np.interp(np.log(ours["bitrate_kbps"]), np.log(rows["bitrate_kbps"]), np.log(rows["encode_cpu_s"]))
    return float(np.exp(np.mean(np.log(ours["encode_cpu_s"]) - logs)))


def page_table(facts: Mapping[str, Any]) -> str:
    """The summary as the table of Markdown that docs/rate-control.md has."""
    rows = [
        "| codec | rate | over the bitrate asked for, %: median (least to most) | BD-rate, % | CPU time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in facts["summary"]:
        off = f"{one['off_pct_median']:+.1f} ({one['off_pct_least']:+.1f} to {one['off_pct_most']:+.1f})"
        gains = ", ".join("none shared" if value is None else f"{value:+.1f}" for value in one["bd_rate_pct"])
        rows.append(f"| {one['codec']} | {one['rate']} | {off} | {gains} | {one['cpu_ratio']:.2f} |")
    return "\n".join(rows)
