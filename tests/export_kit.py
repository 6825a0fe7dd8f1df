"""What was exported for a rendition of the demo title, and how like the rendition a stream is that was made of it."""

import os
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
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
    """A rendition, stitched from its shots, and the folder of what was exported for it."""

    codec: str
    clip: Path
    rendition: Path
    folder: Path
    media: Media
    shots: pd.DataFrame
    ladder: dict
    variants: dict


def make_rung(
    codec: str,
    clip: Path,
    folder: Path,
    *,
    pix_fmt: str = "yuv420p",
    spans: list[tuple[int, int]] = SHOTS,
    height: int = 180,
    **caps: float,
) -> Rung:
    """Encode and stitch the shots of a clip at 25 frames a second, and export that rung."""
    folder.mkdir(exist_ok=True)
    facts = source.probe(
        clip, title="bikes", normalise=True, crop_bars=False, mezzanine=folder / "mezzanine.mov", timeout_s=60
    )
    media = Media.from_json(facts["media"])
    assert media.frames == spans[-1][1]
    width, picture_height = box(media.width, media.height, height)
    parts, points = [], []
    for shot, ((start, end), crf) in enumerate(zip(spans, CRFS[codec], strict=False)):
        asked = Settings(PRESETS[codec], pix_fmt, crf, keyint(KEYFRAME_S, RATE), 1, "25/1", **caps)
        part = folder / f"{shot}.mp4"
        frames = source.frames(media, start, end, width=width, height=picture_height, pix_fmt=pix_fmt)
        given = arguments(CODECS[codec], asked, media.colour, width, picture_height)
        encode(given, frames, part, what="a test", timeout_s=120)
        parts.append(part)
        points.append({"shot": shot, "crf": crf, "bytes": size(part), "bitrate_kbps": 1.0, "vmaf_mean": 1.0})
    rendition = folder / "renditions" / f"{height}p.mp4"
    rendition.parent.mkdir()
    stitch(parts, rendition, frame_rate=RATE, codec=codec)
    weighted = [float(point["crf"]) * (end - start) for point, (start, end) in zip(points, spans, strict=True)]
    made = {"name": f"{height}p", "codec": codec, "variant": codec, "preset": PRESETS[codec], "pix_fmt": pix_fmt}
    made |= {"width": width, "picture_height": picture_height, "height": height}
    made |= {"crf": f"{sum(weighted) / media.frames:.2f}", "bitrate_kbps": 1.0, "quality": 1.0, "points": points}
    ladder = {"title": "bikes", "source": {"path": str(clip), "sha256": "0" * 64}, "rungs": [made]}
    variants = {codec: {"threads": 1} | caps}
    shots = shots_table(spans)
    export_ladder(facts, shots, ladder, folder, variants=variants, keyframe_s=KEYFRAME_S)
    return Rung(codec, clip, rendition, folder / codec / f"{height}p", media, shots, ladder, variants)


def size(path: Path) -> int:
    return sum(packet.bytes for packet in read_packets(path, RATE))


def run(
    script: Path, *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """A script as its reader runs it."""
    return subprocess.run(
        ["sh", str(script), *map(str, arguments)],
        env=os.environ | {"FFMPEG": ffmpeg.executable()} | environment,
        capture_output=True,
        text=True,
        cwd=cwd,
    )


def made_by(script: Path, clip: Path, target: Path) -> Path:
    """What a script makes of the clip."""
    done = run(script, clip, target)
    assert done.returncode == 0, done.stderr
    return target


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def assert_like(found: Path, rung: Rung) -> None:
    """Within SIZE_PCT in size and VMAF in quality, with the same frames and keyframes."""
    ours, theirs = read_packets(rung.rendition, RATE), read_packets(found, RATE)
    assert len(theirs) == len(ours)
    assert [packet.frame for packet in theirs if packet.keyframe] == [p.frame for p in ours if p.keyframe]
    differs_pct, differs_vmaf = differences(found, rung)
    assert abs(differs_pct) <= SIZE_PCT
    assert abs(differs_vmaf) <= VMAF


def differences(found: Path, rung: Rung) -> tuple[float, float]:
    """Size over the rendition's in per cent, and mean VMAF over the rendition's."""
    scores = score(rung.clip, [rung.rendition, found], engine="libvmaf")
    ours_mean, theirs_mean = scores.groupby("distorted", sort=False)["vmaf"].mean().tolist()
    return (size(found) / size(rung.rendition) - 1) * 100, theirs_mean - ours_mean


def shots_table(spans: list[tuple[int, int]]) -> pd.DataFrame:
    """The table of shots at 25 frames a second that stand at `spans`."""
    rows = [
        {"shot": i, "start": start, "end": end, "start_s": start / 25, "end_s": end / 25, "transition": "cut"}
        | {"detector": "by hand", "spatial_complexity": 0.0, "temporal_complexity": 0.0}
        | {"frames_sha256": f"frames {i}", "context_sha256": f"context {i}"}
        for i, (start, end) in enumerate(spans)
    ]
    return tables.conform(pd.DataFrame(rows), tables.SHOTS)
