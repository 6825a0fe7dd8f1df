"""A made-up title for the tests of the report: small, lively, and true to the schemas of its inputs."""

import math
from functools import cache
from hashlib import sha256
from itertools import pairwise

import pandas as pd
from laddersmith import tables
from laddersmith.encode import box
from laddersmith.hull import convex_hull
from laddersmith.ladder import codec_sets, savings

CUTS = [0, 30, 76, 137, 187, 242, 250]
RATE = 25
HEIGHTS = {180: 320, 270: 480, 360: 640}
CRFS = ["20", "24", "28", "32", "36", "40"]
CODECS = {"x264": 1.0, "x265": 0.72}
HOSTILE = "a\"b'<script>alert(1)</script>&{{ 7*7 }}"


def inputs(title: str = "bikes", path: str = "clips/bikes.mp4", language: str = "eng", comment: str = "Bikes") -> dict:
    """Everything that `report_title` takes, by the names of its parameters."""
    points, frames = map(pd.DataFrame.copy, _measured())
    hull = _title_points(points)
    ladder = _ladder(title, path, points, hull)
    verdicts = [_verdict(ladder, codec) for codec in CODECS]
    return {
        "facts": _facts(title, path, language, comment),
        "shots": _shots(),
        "points": points,
        "hull": hull,
        "ladder": ladder,
        "verdicts": verdicts,
        "package": _package(ladder, verdicts, language),
        "title": title,
        "frames": frames,
        "pictured": {shot: f"data:image/jpeg;base64,{shot}" for shot in range(len(CUTS) - 1)},
        "chroma_alarm_db": 30.0,
        "target": f"results/{title}/report.html",
    }


def _shots() -> pd.DataFrame:
    rows = [
        {
            "shot": shot,
            "start": start,
            "end": end,
            "start_s": start / RATE,
            "end_s": end / RATE,
            "transition": "cut",
            "detector": "content",
            "spatial_complexity": 40 + 9.0 * (shot * 7 % 5),
            "temporal_complexity": 6 + 3.5 * (shot * 3 % 4),
            "frames_sha256": f"{shot:064x}",
            "context_sha256": f"{shot + 1:064x}",
        }
        for shot, (start, end) in enumerate(pairwise(CUTS))
    ]
    return tables.conform(pd.DataFrame(rows), tables.SHOTS)


def _point(shot: int, codec: str, height: int, crf: str, variant: str, cap: float | None = None) -> dict:
    """A shot's point on a plausible rate-quality surface: half the bits per 6 CRF, blur bounds each height."""
    lively = 1 + 0.35 * (shot * 3 % 4 - 1)
    kbps = 5200 * lively * CODECS[codec] * (height / 360) ** 1.4 * 2 ** ((20 - float(crf)) / 6)
    detail = {360: 99.5, 270: 95.5, 180: 86.0}[height]
    vmaf = detail - 0.9 * math.exp((float(crf) - 17) / 6.2) * (0.8 + 0.2 * lively)
    return {
        "shot": shot,
        "codec": codec,
        "variant": variant,
        "preset": "medium",
        "pix_fmt": "yuv420p",
        "height": height,
        "width": HEIGHTS[height],
        "crf": crf,
        "maxrate_kbps": cap,
        "bufsize_kbps": None if cap is None else 2 * cap,
        "reason": "grid",
        "key": sha256(f"{shot} {codec} {height} {crf}".encode()).hexdigest(),
        "file": f"b0/r0/{codec}/{height}p/s{shot:05d}_{variant}_crf{crf}.mp4",
        "bytes": int(kbps * 125 * (CUTS[shot + 1] - CUTS[shot]) / RATE),
        "frames": CUTS[shot + 1] - CUTS[shot],
        "bitrate_kbps": kbps,
        "peak_kbps": 1.3 * kbps,
        "encode_wall_s": 1.0,
        "encode_cpu_s": 1.5,
        "command": "ffmpeg",
        "model": "vmaf_v0.6.1",
        "engine": "libvmaf",
        "vmaf_mean": vmaf,
        "vmaf_harmonic": vmaf,
        "vmaf_min": vmaf - 4,
        "vmaf_p5": vmaf - 3,
        "vmaf_std": 1.0,
        "psnr_cb": 46 - float(crf) / 4,
        "psnr_cr": 47 - float(crf) / 4,
        "frames_scored": CUTS[shot + 1] - CUTS[shot],
        "quality": vmaf,
        "on_hull": False,
        "on_cross_hull": False,
    }


@cache
def _measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    shots = range(len(CUTS) - 1)
    grid = [_point(s, codec, h, crf, codec) for codec in CODECS for h in HEIGHTS for crf in CRFS for s in shots]
    fixed = [
        _point(s, codec, h, crf, f"{codec}@{cap}k", float(cap))
        for codec in CODECS
        for h, crf, cap in ((180, "27", 400), (270, "29", 800), (360, "27", 2400))
        for s in shots
    ]
    points = pd.DataFrame(grid + fixed)
    rows = [
        {key: row[key] for key in tables.KEY}
        | {
            "frame": frame,
            "vmaf": max(
                0.0, min(100.0, row["vmaf_mean"] + 2 * math.sin(frame / 3) - (4 if frame == row["start"] else 0))
            ),
            "psnr_cb": row["psnr_cb"],
            "psnr_cr": row["psnr_cr"],
        }
        for row in (r | {"start": CUTS[r["shot"]]} for r in grid)
        for frame in range(CUTS[row["shot"]], CUTS[row["shot"] + 1])
    ]
    return tables.conform(points, tables.POINTS), tables.conform(pd.DataFrame(rows), tables.FRAMES)


def _title_points(points: pd.DataFrame) -> pd.DataFrame:
    weight = points["frames"] / CUTS[-1]
    shares = points.assign(
        **{c: points[c] * weight for c in ("bitrate_kbps", "quality", "vmaf_mean", "psnr_cb", "psnr_cr")}
    )
    hull = shares.groupby(["variant", "height", "crf"], sort=True).agg(
        codec=("codec", "first"),
        preset=("preset", "first"),
        pix_fmt=("pix_fmt", "first"),
        width=("width", "first"),
        maxrate_kbps=("maxrate_kbps", "first"),
        bytes=("bytes", "sum"),
        frames=("frames", "sum"),
        peak_kbps=("peak_kbps", "max"),
        bitrate_kbps=("bitrate_kbps", "sum"),
        quality=("quality", "sum"),
        vmaf_mean=("vmaf_mean", "sum"),
        vmaf_min=("vmaf_min", "min"),
        psnr_cb=("psnr_cb", "sum"),
        psnr_cr=("psnr_cr", "sum"),
    )
    hull = hull.reset_index().assign(allocation="single", on_hull=False, on_cross_hull=False)
    for codec in CODECS:
        searched = hull[hull["variant"] == codec]
        hull.loc[searched.index[convex_hull(searched["bitrate_kbps"], searched["quality"])], "on_hull"] = True
    return tables.conform(hull, tables.TITLE_POINTS)


def _rung(point: pd.Series, points: pd.DataFrame, reason: str) -> dict:
    mine = points[
        (points["variant"] == point["variant"])
        & (points["height"] == point["height"])
        & (points["crf"] == point["crf"])
    ]
    fields = [
        "codec",
        "variant",
        "preset",
        "pix_fmt",
        "width",
        "height",
        "crf",
        "bitrate_kbps",
        "quality",
        "vmaf_mean",
        "vmaf_min",
    ]
    plain = {
        name: point[name].item() if hasattr(point[name], "item") else point[name]
        for name in (*fields, "psnr_cb", "psnr_cr")
    }
    return plain | {
        "name": f"{point['height']}p_{point['variant']}_crf{point['crf']}",
        "picture_height": box(640, 272, plain["height"])[1],
        "peak_kbps": 1.4 * plain["bitrate_kbps"],
        "buffer_kbit": 2.1 * plain["bitrate_kbps"],
        "reason": reason,
        "points": [
            {name: getattr(r, name) for name in (*tables.KEY, "key", "file", "bytes", "bitrate_kbps", "vmaf_mean")}
            for r in mine.itertuples()
        ],
    }


def _ladder(title: str, path: str, points: pd.DataFrame, hull: pd.DataFrame) -> dict:
    rungs, fixed, missing = [], [], []
    for codec in CODECS:
        on_hull = hull[hull["on_hull"] & (hull["codec"] == codec)].sort_values("bitrate_kbps")
        for number, (_, point) in enumerate(on_hull[on_hull["quality"] > 50].iloc[::2].iterrows(), 1):
            reason = f"rung {number} of 5 at {point['bitrate_kbps']:.0f} kbps: the nearest point of the hull"
            rungs.append(_rung(point, points, reason))
        missing.append(
            {"codec": codec, "wanted": "rung 5 of 5 at 6000 kbps", "reason": "only 0.4 VMAF above the rung below"}
        )
        capped = hull[hull["variant"].str.startswith(f"{codec}@")]
        fixed += [_rung(p, points, "fixed ladder") | {"maxrate_kbps": p["maxrate_kbps"]} for _, p in capped.iterrows()]
    columns = ["height", "crf", "bitrate_kbps", "quality"]
    return {
        "schema": "laddersmith/ladder/2",
        "title": title,
        "source": {
            "path": path,
            "sha256": "5" * 64,
            "width": 640,
            "height": 272,
            "frame_rate": "25/1",
            "frames": 250,
            "duration_s": 10.0,
            "pix_fmt": "yuv420p",
            "colour": {
                "range": "tv",
                "matrix": "bt709",
                "primaries": "bt709",
                "transfer": "bt709",
                "chroma_location": "left",
            },
        },
        "display": {"width": 640, "height": 272},
        "model": "vmaf_v0.6.1",
        "engine": "libvmaf",
        "pooling": "mean",
        "allocation": "per_shot",
        "versions": {"laddersmith": "0.1.0", "av": "18.1.0", "ffmpeg": "n9.0.2", "x264": "165", "x265": "4.1"},
        "rungs": rungs,
        "missing": missing,
        "fixed": fixed,
        "hull": {
            codec: hull[hull["on_hull"] & (hull["codec"] == codec)]
            .sort_values("bitrate_kbps")[columns]
            .to_dict("records")
            for codec in CODECS
        },
    }


def _verdict(ladder: dict, codec: str) -> dict:
    return {
        "schema": "laddersmith/verify/1",
        "title": ladder["title"],
        "codec": codec,
        "model": ladder["model"],
        "engine": "libvmaf",
        "pooling": "mean",
        "versions": {"laddersmith": "0.1.0", "engine": "vmaf-1 psnr_chroma-1 ffmpeg-n9.0.2"},
        "ok": True,
        "rungs": [
            {
                "name": rung["name"],
                "frames_expected": 250,
                "frames": 250,
                "quality": rung["quality"] + 0.0012,
                "predicted_quality": rung["quality"],
                "vmaf_mean": rung["vmaf_mean"] + 0.0012,
                "gap_mean": 0.0031,
                "gap_frame": 0.0172,
                "psnr_cb": rung["psnr_cb"],
                "psnr_cr": rung["psnr_cr"],
                "zero_frames": 0,
                "ok": True,
                "problems": [],
            }
            for rung in ladder["rungs"]
            if rung["codec"] == codec
        ],
    }


def _package(ladder: dict, verdicts: list[dict], language: str) -> dict:
    strings = {"x264": "avc1.64001e", "x265": "hvc1.1.6.L63.90"}
    verified = {(verdict["codec"], rung["name"]): rung for verdict in verdicts for rung in verdict["rungs"]}
    inner = {key: value for key, value in ladder["source"].items() if key != "path"}
    return {
        **{
            key: ladder[key]
            for key in (
                "title",
                "display",
                "model",
                "engine",
                "pooling",
                "allocation",
                "missing",
                "fixed",
                "hull",
                "versions",
            )
        },
        "schema": "laddersmith/package/3",
        "source": inner,
        "progressive": [],
        "sets": codec_sets(ladder, sorted({rung["codec"] for rung in ladder["rungs"]})),
        "rungs": [
            {key: value for key, value in rung.items() if key != "points"}
            | {
                "codecs": strings[rung["codec"]],
                "bandwidth": round(1400 * rung["bitrate_kbps"]),
                "average_bandwidth": round(1000 * rung["bitrate_kbps"]),
                "verified": verified[rung["codec"], rung["name"]],
            }
            for rung in ladder["rungs"]
        ],
        "audio": [
            {
                "language": language,
                "name": "Stereo",
                "codec": "aac",
                "default": True,
                "forced": False,
                "playlist": "audio/0_eng.m3u8",
                "channels": 2,
                "how": "copied",
                "reason": "",
            }
        ],
        "text": [],
        "left_out": [],
        "warnings": [],
        "savings": savings(ladder),
    }


def _facts(title: str, path: str, language: str, comment: str) -> dict:
    media = {
        "path": path,
        "width": 640,
        "height": 272,
        "pix_fmt": "yuv420p",
        "bit_depth": 8,
        "frame_rate": "25/1",
        "frames": 250,
        "colour": {
            "range": "tv",
            "matrix": "bt709",
            "primaries": "bt709",
            "transfer": "bt709",
            "chroma_location": "left",
        },
        "crop_x": 0,
        "crop_y": 0,
    }
    return {
        "schema": "laddersmith/source/1",
        "title": title,
        "path": path,
        "sha256": "5" * 64,
        "container": {"format": "mov,mp4,m4a,3gp,3g2,mj2", "bytes": 1234567, "tags": {"title": comment}},
        "video": {
            "codec": "h264",
            "width": 640,
            "height": 272,
            "sample_aspect_ratio": "1:1",
            "duration_s": 10.0,
            "interlaced": False,
        },
        "hdr": None,
        "bars": {"left": 0, "top": 0, "right": 0, "bottom": 0, "cropped": False, "frames_sampled": 50},
        "audio": [
            {"index": 1, "codec": "aac", "language": language, "channels": 2, "sample_rate_hz": 48000, "start_s": 0.0}
        ],
        "subtitles": [],
        "mezzanine": None,
        "media": media,
        "versions": {"laddersmith": "0.1.0", "av": "18.1.0"},
    }
