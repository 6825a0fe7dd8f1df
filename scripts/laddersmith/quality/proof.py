"""Before it scores, an engine shows on a few frames of the job that it computes what libvmaf computes."""

import csv
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ffmpeg, registry
from ..errors import LaddersmithError, ScoreError, ToolError
from .decode_log import escaped
from .libvmaf import plain_name
from .picture import DEPTHS

FRAMES = 2
"""Frames of the job's own that a proof looks at, and as many generated ones: a film may begin in the dark."""
NEEDED = ("adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "vmaf")
# The middle of the picture, at most this large, so that a proof costs the same at any display. Measured: some 0.4 s of
# CPU time, nearly all of it libvmaf's float model.
WIDTH, HEIGHT = 640, 360
FEATURE_GAP = 1e-4
VMAF_GAP = 0.01


def middle(luma: NDArray[Any]) -> NDArray[Any]:
    """The part of a picture [height, width] that a proof looks at, contiguous."""
    height, width = luma.shape
    tall, wide = min(HEIGHT, height), min(WIDTH, width)
    top, left = (height - tall) // 2, (width - wide) // 2
    return np.ascontiguousarray(luma[top : top + tall, left : left + wide])


def generated(height: int, width: int, depth: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Luma [FRAMES, height, width] of patches and grain that move, and the same with half its detail gone."""
    random = np.random.default_rng(7)
    patches = np.kron(random.integers(40, 200, (height // 8 + 1, width // 8 + 1)), np.ones((8, 8)))[:height, :width]
    grained = (patches + random.integers(-12, 13, (height, width))) * 2 ** (depth - 8)
    reference = np.stack([np.roll(grained, (frame, 3 * frame), (0, 1)) for frame in range(FRAMES)])
    softened = (reference + np.roll(reference, 1, 1) + np.roll(reference, 1, 2)) / 3
    kind = np.uint8 if depth == 8 else np.uint16
    return reference.astype(kind), softened.astype(kind)


def prove(
    compute: Callable[[NDArray[Any], NDArray[Any]], Mapping[str, NDArray[np.float64]]],
    reference: NDArray[Any],
    distorted: NDArray[Any],
    *,
    depth: int,
    model: str,
    engine: str,
    refused: type[LaddersmithError] = ScoreError,
) -> None:
    """Hold an engine against ffmpeg's libvmaf, and refuse it when it disagrees.

    Parameters
    ----------
    compute : gives the engine's features and "vmaf" by name, float64 [frames], of two sequences of luma.
    reference, distorted : luma [frames, height, width], uint8 or uint16 of `depth` bits; `generated` ones are added.
    model : a name of the registry, whose entry says which of libvmaf's models is its twin.
    refused : the error that an engine is refused with.

    Raises
    ------
    ScoreError
        If libvmaf cannot be asked.
    LaddersmithError
        As `refused` says, if any feature of any frame differs by more than `FEATURE_GAP`, or VMAF by more than
        `VMAF_GAP`.
    """
    _, height, width = reference.shape
    made = generated(height, width, depth)
    reference, distorted = (np.concatenate(pair) for pair in zip((reference, distorted), made, strict=True))
    theirs = _libvmaf(reference, distorted, depth, str(registry.entry(model).facts["libvmaf"]))
    if any(name not in theirs or len(theirs[name]) != len(reference) for name in NEEDED):
        raise ScoreError(
            f"libvmaf's log of a proof has {', '.join(theirs)} of {len(next(iter(theirs.values())))} frames, not "
            f"{', '.join(NEEDED)} of {len(reference)}; mend ffmpeg, or set quality.engine: libvmaf"
        )
    ours = compute(reference, distorted)
    for name in [name for name in ours if name in theirs]:
        allowed = VMAF_GAP if name == "vmaf" else FEATURE_GAP
        gaps = np.abs(ours[name] - theirs[name])
        if not (gaps <= allowed).all():
            frame = int(np.nanargmax(np.where(np.isnan(gaps), np.inf, gaps)))
            raise refused(
                f"engine {engine} gives {name} {ours[name][frame]:.6f} where libvmaf gives {theirs[name][frame]:.6f}, "
                f"more than {allowed:g} apart, on frame {frame} of a proof at {depth} bits with {model}; "
                f"set quality.engine: libvmaf, and report this {'CPU' if refused is ScoreError else 'GPU'}"
            )


def _libvmaf(
    reference: NDArray[Any], distorted: NDArray[Any], depth: int, model: str
) -> dict[str, NDArray[np.float64]]:
    """libvmaf's features of luma alone, and its score."""
    _, height, width = reference.shape
    # With chroma, which no feature reads: ffmpeg would take grey for full range and convert it.
    pix_fmt, kind = "yuv420p" + DEPTHS[depth], "u1" if depth == 8 else "<u2"
    chroma = np.full(2 * -(-width // 2) * -(-height // 2), 1 << (depth - 1), kind).tobytes()
    with tempfile.TemporaryDirectory(prefix="laddersmith-") as folder:
        arguments = ["-v", "error"]
        for name, frames in (("distorted", distorted), ("reference", reference)):
            path = Path(folder) / name
            path.write_bytes(b"".join(frame.astype(kind).tobytes() + chroma for frame in frames))
            raw = ["-f", "rawvideo", "-pixel_format", pix_fmt, "-video_size", f"{width}x{height}"]
            arguments += [*raw, "-i", f"file:{path}"]
        log = Path(folder) / "log.csv"
        graph = f"[0:v][1:v]libvmaf=model={escaped(model)}:log_fmt=csv:log_path={escaped(str(log))}"
        try:
            ffmpeg.run([*arguments, "-lavfi", graph, "-f", "null", "-"], what="proof", timeout_s=600.0)
            with log.open(newline="") as file:
                head, *rows = csv.reader(file)
        except (ToolError, OSError, ValueError) as error:
            raise ScoreError(f"libvmaf cannot be asked for the engine's proof ({error}); run `make env`") from error
    return {plain_name(name): np.array([float(row[i]) for row in rows]) for i, name in enumerate(head) if name}
