"""Titles for the tests of the package: a flash and a beep at one instant, and the means to find both again."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from clips import ffmpeg_run
from laddersmith.package import package_title
from laddersmith.source import probe

FLASH_S = 1.24  # within the second segment, so that samples lost in the first are noticed
FLAGS = {
    "x264": "-c:v libx264 -bf 3 -sc_threshold 0 -x264-params open-gop=0",
    "x265": "-c:v libx265 -tag:v hvc1 -x265-params bframes=3:scenecut=0:open-gop=0:log-level=none",
    "svtav1": "-c:v libsvtav1 -preset 10 -crf 30",
}
FLASHING = "drawbox=enable='between(t,{at}-0.001,{at}+0.001)':color=white:t=fill"
BEEP = "aevalsrc='if(gte(t,{at}),0.8*sin(2*PI*2000*t)*lt(t,{at}+0.1),0)':s={rate}:c={layout}:d={seconds}"


@dataclass(frozen=True)
class Title:
    """What package_title is given, save its settings."""

    facts: dict
    ladder: dict
    verdicts: list[dict]
    renditions: Path

    def package(self, target: Path, **settings: object) -> dict:
        asked = {
            "segment_s": 1.0,
            "segments": "keyframes",
            "shots": [0],
            "audio_kbps": 128.0,
            "savings": {},
            "timeout_s": 120.0,
        } | settings
        return package_title(self.facts, self.ladder, self.verdicts, self.renditions, target, **asked)


def picture(rate: str = "25", size: str = "96x64", at: float = FLASH_S) -> str:
    return f"color=black:size={size}:rate={rate},{FLASHING.format(at=at)},format=yuv420p"


def sound(seconds: float = 3, rate: int = 48000, layout: str = "mono", at: float = FLASH_S) -> str:
    return BEEP.format(at=at, rate=rate, layout=layout, seconds=seconds)


def make_title(
    folder: Path,
    source: Path,
    *,
    codecs: tuple[str, ...] = ("x264",),
    sizes: tuple[tuple[int, int], ...] = ((96, 64),),
    keyframe: int = 25,
) -> Title:
    """Probe `source`, and encode it whole as the renditions of a ladder with one rung for each codec and size."""
    facts = probe(
        source, title="flash", normalise=True, crop_bars=False, mezzanine=folder / "mezzanine.mov", timeout_s=60
    )
    media = facts["media"]
    numerator = int(media["frame_rate"].split("/")[0])
    rungs = []
    for codec in codecs:
        (folder / "renditions" / codec).mkdir(parents=True, exist_ok=True)
        for width, height in sizes:
            name = f"{height}p_{codec}_crf30"
            target = folder / "renditions" / codec / f"{name}.mp4"
            scale = ["-map", "0:v:0", "-vf", f"scale={width}:{height},setsar=1", *FLAGS[codec].split()]
            keys = ["-g", str(keyframe), "-keyint_min", str(keyframe)] if codec != "x265" else ["-g", str(keyframe)]
            stamps = ["-movflags", "negative_cts_offsets", "-use_editlist", "0", "-avoid_negative_ts", "disabled"]
            timing = ["-fps_mode", "passthrough", "-video_track_timescale", str(numerator * 1000)]
            ffmpeg_run("-i", media["path"], *scale, *keys, *stamps, *timing, target)
            rungs.append(rung_of(codec, name, width, height))
    ladder = {
        "schema": "laddersmith/ladder/2",
        "title": "flash",
        "source": {
            "path": facts["path"],
            "sha256": facts["sha256"],
            **{key: media[key] for key in ("width", "height", "frame_rate", "frames", "pix_fmt", "colour")},
            "duration_s": float(media["frames"] / Fraction(media["frame_rate"])),
        },
        "display": {"width": media["width"], "height": media["height"]},
        "model": "vmaf_v0.6.1",
        "engine": "libvmaf",
        "pooling": "mean",
        "allocation": "per_shot",
        "versions": {"laddersmith": "0"},
        "rungs": rungs,
        "missing": [],
        "fixed": [],
        "hull": {codec: [] for codec in codecs},
    }
    verdicts = [
        {"codec": codec, "rungs": [verdict_of(rung["name"]) for rung in rungs if rung["codec"] == codec]}
        for codec in codecs
    ]
    return Title(facts, ladder, verdicts, folder / "renditions")


def flash_s(manifest: Path, stream: int = 0) -> float:
    """When the brightest frame of a video stream is shown, in seconds, by ffmpeg and its time stamps."""
    raw, stamps = _decoded(manifest, f"0:v:{stream}", ["-vf", "scale=1:1,format=gray", "-f", "rawvideo"])
    return stamps[int(np.argmax(np.frombuffer(raw, np.uint8)))]


def beep_s(manifest: Path, stream: int = 0) -> float:
    """When the sound first exceeds a quarter of its peak, in seconds, by ffmpeg and its time stamps."""
    raw, stamps = _decoded(manifest, f"0:a:{stream}", ["-ac", "1", "-ar", "48000", "-c:a", "pcm_f32le", "-f", "f32le"])
    samples = np.abs(np.frombuffer(raw, np.float32))
    lasted = stamps[-1] - stamps[0]
    assert lasted <= len(samples) / 48000 <= lasted + 0.05, "samples are missing between time stamps, or too many"
    return stamps[0] + int(np.argmax(samples > samples.max() / 4)) / 48000


def _decoded(manifest: Path, stream: str, output: list[str]) -> tuple[bytes, list[float]]:
    with tempfile.TemporaryDirectory() as plain:
        folder, raw, crc = (Path(plain) / name for name in ("package", "raw", "crc"))
        folder.symlink_to(manifest.parent.absolute(), target_is_directory=True)
        common = ["-copyts", "-i", folder / manifest.name, "-map", stream, "-fps_mode", "passthrough"]
        ffmpeg_run(*common, *output, raw, "-map", stream, "-fps_mode", "passthrough", "-f", "framecrc", crc)
        lines = crc.read_text().splitlines()
        data = raw.read_bytes()
    unit = Fraction(next(line.split(": ")[1] for line in lines if line.startswith("#tb 0")))
    return data, [float(int(line.split(",")[2]) * unit) for line in lines if not line.startswith("#")]


def rung_of(codec: str, name: str, width: int, height: int) -> dict:
    measured = dict.fromkeys(
        ["bitrate_kbps", "peak_kbps", "buffer_kbit", "quality", "vmaf_mean", "vmaf_min", "psnr_cb", "psnr_cr"], 50.0
    )
    box_height = max(height, 2 * round(width * 9 / 32))  # of the box around a picture that is wider than high
    asked = {"variant": codec, "preset": "medium", "pix_fmt": "yuv420p", "width": width, "height": box_height}
    asked["picture_height"] = height
    asked |= {"crf": "30"}
    return {"codec": codec, "name": name, **asked, **measured, "reason": "a test's", "points": []}


def verdict_of(name: str) -> dict:
    numbers = dict.fromkeys(
        ["quality", "predicted_quality", "vmaf_mean", "gap_mean", "gap_frame", "psnr_cb", "psnr_cr"], 1.0
    )
    counts = {"frames_expected": 75, "frames": 75, "zero_frames": 0}
    return {"name": name, **numbers, **counts, "ok": True, "problems": []}
