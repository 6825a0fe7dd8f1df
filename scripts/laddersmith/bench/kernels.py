"""The kernels alone, frames in memory, on one core: ours for N encodes at once, libvmaf's for each by itself."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ffmpeg
from ..quality.features.adm import Adm
from ..quality.features.motion import motion, motion2
from ..quality.features.vif import Vif
from ..quality.fusion import Fusion
from ..quality.kernels import load
from .paired import Pair, on_cores, paired, rates, seconds

MODEL = "vmaf_v0.6.1"
TURNS = 3
PASSES = 4  # over the frames in a long run of the filter; what a short one of one pass takes is taken off
CASES = {540: (960, 24), 720: (1280, 16), 1080: (1920, 12), 2160: (3840, 4)}  # height: width, frames
ENCODES = (1, 2, 4, 8, 16)


def kernels(folder: Path, clip: Path) -> list[dict[str, Any]]:
    """One row per size and number of encodes: frames per second on one core, ours and libvmaf's, in paired turns.

    Frames are a real clip's, scaled to the size; the encodes are coarser and coarser x264 encodes of it, at half size.
    libvmaf reads them as raw 4:2:0 files that the page cache holds. Its seconds are the difference of a long run and a
    short one, so that starting it costs nothing, less the same for reading the files alone.
    """
    rows = []
    for height, (width, frames) in CASES.items():
        reference, distorted = pictures(folder, clip, width, height, frames, max(ENCODES))
        for encodes in ENCODES:
            with on_cores(1):
                pair = _pair(folder, reference, distorted[:encodes])
            rows.append(
                {"height": height, "width": width, "encodes": encodes, "frames": frames}
                | rates(pair.ours, [took * encodes for took in pair.theirs], frames * encodes)
            )
    return rows


def pictures(
    folder: Path, clip: Path, width: int, height: int, frames: int, encodes: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Luma of a reference [frames, height, width] and of encodes of it [encodes, frames, height, width]."""
    scale = f"scale={width}:{height}:flags=lanczos,format=gray"
    reference = _raw(folder / "reference.raw", ["-i", str(clip), "-frames:v", str(frames), "-vf", scale])
    decoded = []
    for index in range(encodes):
        path = folder / "encode.mp4"
        half = f"scale={width // 2}:{height // 2}:flags=bicubic"
        coarse = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(20 + 25 * index // encodes)]
        arguments = ["-v", "error", "-i", str(clip), "-frames:v", str(frames), "-an", "-vf", half, *coarse, str(path)]
        ffmpeg.run(arguments, what=f"bench, {path.stem}")
        up = f"scale={width}:{height}:flags=bicubic,format=gray"
        decoded.append(_raw(folder / "encode.raw", ["-i", str(path), "-vf", up]))
    return reference.reshape(frames, height, width), np.stack(decoded).reshape(encodes, frames, height, width)


def _raw(path: Path, arguments: list[str]) -> NDArray[np.uint8]:
    ffmpeg.run(["-v", "error", *arguments, "-f", "rawvideo", str(path)], what=f"bench, {path.stem}")
    return np.fromfile(path, np.uint8)


def _pair(folder: Path, reference: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> Pair:
    """Seconds of all encodes by us, and of the first by libvmaf, in turns."""
    load(None)
    frames, height, width = reference.shape
    stacks = np.ascontiguousarray(distorted.transpose(1, 0, 2, 3))
    vif, adm = (kind(width, height, 8, len(distorted)) for kind in (Vif, Adm))
    fusion = Fusion(MODEL)

    def ours() -> None:
        moved = [motion(a, b, 8) for a, b in itertools.pairwise(reference)]
        smaller = np.broadcast_to(motion2(np.array([0.0, *moved]))[:, None, None], (frames, len(distorted), 1))
        features = [
            np.hstack([adm(r, d)[:, :1], m, vif(r, d)]) for r, d, m in zip(reference, stacks, smaller, strict=True)
        ]
        fusion(np.vstack(features))

    for name, planes in (("reference", reference), ("distorted", distorted[0])):
        # With chroma, which nothing reads: ffmpeg would take grey for full range and convert it at libvmaf's expense.
        grey = np.full((frames, height * width // 2), 128, np.uint8)
        np.hstack([planes.reshape(frames, -1), grey]).tofile(folder / f"{name}.raw")

    def read(passes: int) -> list[str]:
        raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", f"{width}x{height}"]
        names = [str(folder / f"{name}.raw") for name in ("distorted", "reference")]
        both = [part for name in names for part in ("-stream_loop", str(passes - 1), *raw, "-i", name)]
        return ["-v", "error", *both]

    def filtered(passes: int) -> float:
        graph = f"[0:v][1:v]libvmaf=model=version={MODEL}:n_threads=1"
        scored = ffmpeg.run([*read(passes), "-lavfi", graph, "-f", "null", "-"], what="bench, libvmaf")
        only_read = [*read(passes), "-map", "0:v", "-map", "1:v", "-f", "null", "-"]
        return scored.wall_s - ffmpeg.run(only_read, what="bench, reading").wall_s

    def theirs() -> float:
        return (filtered(PASSES) - filtered(1)) / (PASSES - 1)

    return paired(lambda: seconds(ours), theirs, turns=TURNS)
