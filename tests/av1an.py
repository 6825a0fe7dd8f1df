"""What Av1an 0.5.2 reads of a scenes file, and the encoders that it would run."""

import subprocess
from pathlib import Path

from laddersmith import ffmpeg

# After the structures `ScenesData`, `Scene` and `ZoneOptions` of av1an-core 0.5.2: fields that are not optional there
# must be there; the others may be null. Closed, so that a misspelt field is noticed.
_COUNT = {"type": "integer", "minimum": 0}
_MAYBE = {"type": ["integer", "null"], "minimum": 0}
_ZONE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["encoder", "passes", "video_params", "chroma_noise", "min_scene_len"],
    "properties": {
        "encoder": {"enum": ["aom", "rav1e", "vpx", "svt_av1", "x264", "x265"]},
        "passes": {"type": "integer", "minimum": 1, "maximum": 255},
        "video_params": {"type": "array", "items": {"type": "string"}},
        "photon_noise": _MAYBE | {"maximum": 255},
        "photon_noise_height": _MAYBE,
        "photon_noise_width": _MAYBE,
        "chroma_noise": {"type": "boolean"},
        "extra_splits_len": _MAYBE,
        "min_scene_len": _COUNT,
        "target_quality": {"type": ["object", "null"]},
    },
}
_SCENES = {
    "type": ["array", "null"],
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["start_frame", "end_frame"],
        "properties": {
            "start_frame": _COUNT,
            "end_frame": _COUNT,
            "zone_overrides": _ZONE | {"type": ["object", "null"]},
        },
    },
}
SCENES = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["frames"],
    "properties": {"frames": _COUNT, "scenes": _SCENES, "split_scenes": _SCENES},
}
SUFFIX = {"x264": "264", "x265": "hevc", "svt_av1": "ivf"}


def command(zone: dict, output: Path) -> list[str]:
    """The encoder of a scene as Av1an runs it in one pass: y4m in by standard input, `output` out."""
    own, target = zone["video_params"], str(output)
    if zone["encoder"] == "x264":
        return ["x264", "--stitchable", "--log-level", "error", "--demuxer", "y4m", *own, "-", "-o", target]
    if zone["encoder"] == "x265":
        return ["x265", "--y4m", *own, "--input", "-", "-o", target]
    return ["SvtAv1EncApp", "-i", "stdin", "--progress", "2", *own, "-b", target]


def encode(made: dict, clip: Path, scale: str, pix_fmt: str, folder: Path) -> tuple[int, Path]:
    """Every scene of a scenes file by the real encoder, from the frames that Av1an would hand it: the bytes of all
    packets, and the decoded pictures in a lossless file of 25 frames a second."""
    total, pictures = 0, folder / "decoded.yuv"
    size = scale.split(":flags")[0].removeprefix("scale=").replace(":", "x")
    with pictures.open("wb") as raw:
        for number, scene in enumerate(made["split_scenes"]):
            zone, start, end = scene["zone_overrides"], scene["start_frame"], scene["end_frame"]
            part = folder / f"{number:05d}.{SUFFIX[zone['encoder']]}"
            cut = f"trim=start_frame={start}:end_frame={end},setpts=N/FRAME_RATE/TB,{scale}"
            handed = ["-i", str(clip), "-map", "0:v:0", "-vf", cut, "-pix_fmt", pix_fmt, "-strict", "-1"]
            given = _ffmpeg(*handed, "-f", "yuv4mpegpipe", "-")
            done = subprocess.run(command(zone, part), input=given, capture_output=True)
            assert done.returncode == 0, done.stderr.decode()
            decoded = _ffmpeg("-i", str(part), "-fps_mode", "passthrough", "-f", "rawvideo", "-")
            raw.write(decoded)
            counted = _ffmpeg("-i", str(part), "-c", "copy", "-f", "framecrc", "-").decode().splitlines()
            sizes = [int(line.split(",")[4]) for line in counted if not line.startswith("#")]
            assert len(sizes) == end - start, f"{part.name}: {len(sizes)} frames"
            total += sum(sizes)
    kept = ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-video_size", size, "-framerate", "25", "-i", str(pictures)]
    _ffmpeg(*kept, "-c:v", "ffv1", "-video_track_timescale", "25", str(folder / "decoded.mov"))
    return total, folder / "decoded.mov"


def _ffmpeg(*arguments: str) -> bytes:
    done = subprocess.run([ffmpeg.executable(), "-nostdin", "-v", "error", "-y", *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
