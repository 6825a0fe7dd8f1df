"""What was exported for a rendition of the demo title, and how like the rendition a stream is that was made of it."""

import os
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pandas as pd
from laddersmith import ffmpeg, source, tables
from laddersmith.encode import CODECS, Settings, box
from laddersmith.encode.inspect import read_packets
from laddersmith.encode.points import keyint
from laddersmith.encode.run import arguments, encode
from laddersmith.package import export_ladder, stitch
from laddersmith.quality import score
from laddersmith.source import Media

RATE = Fraction(25)
SHOTS = [(0, 30), (30, 76), (76, 137), (137, 187), (187, 250)]
# As unlike as a ladder's: neighbouring shots of the demo title differ by as much when its bits are allocated.
CRFS = {
    "x264": ["27", "31", "28", "33", "30"],
    "x265": ["28", "32", "29", "34", "31"],
    "svtav1": ["38", "46", "40", "49", "44"],
}
PRESETS = {"x264": "medium", "x265": "fast", "svtav1": "8"}
KEYFRAME_S = 2
SIZE_PCT, VMAF = 4.0, 1.5


@dataclass(frozen=True)
class Rung:
    """A rendition at 180p, stitched from its shots, and the folder of what was exported for it."""

    codec: str
    clip: Path
    rendition: Path
    folder: Path


def make_rung(codec: str, clip: Path, folder: Path) -> Rung:
    facts = source.probe(
        clip, title="bikes", normalise=False, crop_bars=False, mezzanine=Path("none.mov"), timeout_s=60
    )
    media = Media.from_json(facts["media"])
    width, height = box(media.width, media.height, 180)
    parts, points = [], []
    for shot, ((start, end), crf) in enumerate(zip(SHOTS, CRFS[codec], strict=True)):
        asked = Settings(PRESETS[codec], "yuv420p", crf, keyint(KEYFRAME_S, RATE), 1, "25/1")
        part = folder / f"{shot}.mp4"
        frames = source.frames(media, start, end, width=width, height=height, pix_fmt="yuv420p")
        encode(arguments(CODECS[codec], asked, media.colour, width, height), frames, part, what="a test", timeout_s=120)
        parts.append(part)
        points.append({"shot": shot, "crf": crf, "bytes": size(part), "bitrate_kbps": 1.0, "vmaf_mean": 1.0})
    stitch(parts, folder / "rendition.mp4", frame_rate=RATE, codec=codec)
    mean = sum(float(crf) * (end - start) for (start, end), crf in zip(SHOTS, CRFS[codec], strict=True)) / 250
    made = {"name": "180p", "codec": codec, "variant": codec, "preset": PRESETS[codec], "pix_fmt": "yuv420p"}
    made |= {"width": width, "picture_height": height, "height": 180, "crf": f"{mean:.2f}"}
    made |= {"bitrate_kbps": 1.0, "quality": 1.0, "points": points}
    ladder = {"title": "bikes", "source": {"path": str(clip), "sha256": "0" * 64, "frame_rate": "25/1", "frames": 250}}
    export_ladder(
        facts,
        _shots(),
        ladder | {"rungs": [made]},
        folder,
        variants={codec: {"threads": 1}},
        keyframe_s=KEYFRAME_S,
    )
    return Rung(codec, clip, folder / "rendition.mp4", folder / codec / "180p")


def size(path: Path) -> int:
    return sum(packet.bytes for packet in read_packets(path, RATE))


def run(script: Path, clip: Path, target: Path) -> Path:
    """A script as its reader runs it."""
    done = subprocess.run(
        ["sh", str(script), str(clip), str(target)],
        env=os.environ | {"FFMPEG": ffmpeg.executable()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return target


def assert_like(found: Path, rung: Rung, *, size_pct: float = SIZE_PCT, vmaf: float = VMAF) -> None:
    """Within `size_pct` in size and `vmaf` in quality, with the same frames and keyframes."""
    ours, theirs = read_packets(rung.rendition, RATE), read_packets(found, RATE)
    assert len(theirs) == len(ours)
    assert [packet.frame for packet in theirs if packet.keyframe] == [p.frame for p in ours if p.keyframe]
    assert abs(size(found) / size(rung.rendition) - 1) * 100 <= size_pct
    scores = score(rung.clip, [rung.rendition, found], engine="libvmaf")
    ours_mean, theirs_mean = scores.groupby("distorted", sort=False)["vmaf"].mean().tolist()
    assert abs(theirs_mean - ours_mean) <= vmaf


def _shots() -> pd.DataFrame:
    rows = [
        {"shot": i, "start": start, "end": end, "start_s": start / 25, "end_s": end / 25, "transition": "cut"}
        | {"detector": "by hand", "spatial_complexity": 0.0, "temporal_complexity": 0.0}
        | {"frames_sha256": f"frames {i}", "context_sha256": f"context {i}"}
        for i, (start, end) in enumerate(SHOTS)
    ]
    return tables.conform(pd.DataFrame(rows), tables.SHOTS)
