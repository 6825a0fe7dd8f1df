"""What the benchmarks measure on: real footage at hand, and references and encodes made of it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .. import ffmpeg
from ..errors import ToolError
from ..titles import CLIPS, demo_clip

FOOTAGE = "LADDERSMITH_FOOTAGE"  # names a folder of further footage (*.mp4), for those who have some

ENCODERS = {
    "x264": ("libx264", "-preset", "medium"),
    "x265": ("libx265", "-preset", "medium", "-x265-params", "log-level=error"),
    "svtav1": ("libsvtav1", "-preset", "8"),
}


@dataclass(frozen=True)
class Encode:
    """One encode of a reference: codec, CRF, and the size in pixels at which it was made."""

    codec: str
    crf: int
    width: int
    height: int
    path: Path


def footage() -> dict[str, Path]:
    """Real clips by name: the two demo clips, and those of the folder that LADDERSMITH_FOOTAGE names.

    Raises
    ------
    ToolError
        If that folder holds no clip, or the environment no demo clip.
    """
    found = {}
    for name in CLIPS:
        path, fault = demo_clip(name)
        if fault:
            raise ToolError(fault)
        found[name] = Path(path)
    folder = os.environ.get(FOOTAGE)
    if folder:
        more = {path.stem: path for path in sorted(Path(folder).glob("*.mp4"))}
        if not more:
            raise ToolError(f"{FOOTAGE} names {folder}, and there is no *.mp4 in it")
        found |= more
    return found


LOSSLESS = ("-preset", "ultrafast", "-qp", "0")


def reference(
    path: Path,
    video: str | Path,
    *,
    frames: int,
    filters: str,
    pix_fmt: str = "yuv420p",
    quality: Sequence[str] = LOSSLESS,
) -> Path:
    """The first `frames` pictures of a clip, or of a lavfi description, filtered, as x264 of this quality.

    Raises
    ------
    ToolError
        If ffmpeg fails.
    """
    source = ["-i", str(video)] if isinstance(video, Path) else ["-f", "lavfi", "-i", video]
    encoder = ["-c:v", "libx264", *quality, "-pix_fmt", pix_fmt]
    arguments = ["-v", "error", *source, "-frames:v", str(frames), "-an", "-vf", filters, *encoder, str(path)]
    ffmpeg.run(arguments, what=f"bench, {path.stem}")
    return path


def encodes(
    folder: Path, source: Path, width: int, height: int, which: Sequence[tuple[str, int, Fraction]], *, threads: int
) -> list[Encode]:
    """Encodes of a reference of `width` x `height` pixels, `threads` side by side.

    Parameters
    ----------
    which : codec, CRF, and the share of the reference's height at which each is made.
    """

    def one(codec: str, crf: int, share: Fraction) -> Encode:
        across, down = (2 * round(side * share / 2) for side in (width, height))
        path = folder / f"{source.stem}-{codec}-{crf}-{down}p.mp4"
        encoder = ["-c:v", *ENCODERS[codec], "-crf", str(crf)]
        scale = ["-vf", f"scale={across}:{down}:flags=bicubic,setsar=1"]
        arguments = ["-v", "error", "-i", str(source), "-an", *scale, *encoder, str(path)]
        ffmpeg.run(arguments, what=f"bench, {path.stem}")
        return Encode(codec, crf, across, down, path)

    with ThreadPoolExecutor(threads) as workers:
        return list(workers.map(lambda each: one(*each), which))
