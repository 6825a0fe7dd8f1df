"""How fast the GPU kernels are: encode-frames per second, frames on the device, and what share of the card that is."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .cuda_engine import check_device

FRAMES = 8  # to a launch: what Python takes to start a kernel is then far less than the kernel takes
LAUNCHES = 20
# Additions, multiplications and the like of one pixel, or of one coefficient, beside the filters' taps: counted in the
# kernels' source, a fused multiply-add as two.
OF_INFORMATION = 24
OF_VARIANCE = 6
OF_MASKING = 100
LANES = {(8, 0): 64, (9, 0): 128, (10, 0): 128}  # float32 units of a multiprocessor; others since 8.6 have 128
FLOAT = 4  # bytes


def rates(
    *,
    width: int = 1920,
    height: int = 1080,
    depth: int = 8,
    encodes: int = 8,
    frames: int = FRAMES,
    launches: int = LAUNCHES,
) -> dict[str, Any]:
    """Time all features of frames that are on the device, by the device's own clock.

    Returns
    -------
    fps (encode-frames per second), vif_ms, adm_ms and motion_ms (milliseconds for one frame and all its encodes, each
    timed by itself), gb_per_s and tflops (10^9 bytes and 10^12 float32 operations a second that the algorithm needs;
    what tiles read and compute twice is not counted), copy_gb_per_s (bytes read and written by a copy on the device),
    memory_share (of that), arithmetic_share (of all float32 units at the greatest clock), device, and the arguments.

    Raises
    ------
    ScoreError
        If there is no GPU.
    """
    check_device()
    from numba import cuda

    from .features.adm_cuda import AdmCuda
    from .features.cuda_tools import sample_type
    from .features.motion_cuda import MotionCuda
    from .features.vif_cuda import VifCuda

    shape = (frames, 1 + encodes, height, width)
    planes = cuda.to_device(_pictures(shape, depth).astype(sample_type(depth)))
    stream = cuda.stream()
    vif, adm = (kind(width, height, depth, encodes, frames=frames) for kind in (VifCuda, AdmCuda))
    motion = MotionCuda(width, height, depth, encodes, frames=frames)
    parts: dict[str, Callable[[], Any]] = {
        "vif": lambda: vif.sums(planes, stream),
        "adm": lambda: adm.sums(planes, stream),
        "motion": lambda: motion.sums(planes, planes[0, 0], stream),
    }
    taken = {name: _seconds(part, launches, stream) for name, part in parts.items()}
    together = _seconds(lambda: [part() for part in parts.values()], launches, stream)
    needed_bytes, operations = needs(width, height, depth, encodes)
    copied = cuda.device_array_like(planes)
    copy = _seconds(lambda: copied.copy_to_device(planes, stream=stream), launches, stream)
    card = cuda.get_current_device()
    per_second = frames / together
    found: dict[str, Any] = {f"{name}_ms": 1000 * seconds / frames for name, seconds in taken.items()}
    return found | {
        "fps": encodes * per_second,
        "gb_per_s": needed_bytes * per_second / 1e9,
        "tflops": operations * per_second / 1e12,
        "copy_gb_per_s": 2 * planes.nbytes / copy / 1e9,
        "memory_share": needed_bytes * per_second / (2 * planes.nbytes / copy),
        "arithmetic_share": operations * per_second / peak(card),
        "device": card.name.decode() if isinstance(card.name, bytes) else str(card.name),
        **{"width": width, "height": height, "depth": depth, "encodes": encodes, "frames": frames},
    }


def peak(card: Any) -> float:
    """Float32 operations a second of a card at its greatest clock, a fused multiply-add being two."""
    lanes = LANES.get(tuple(card.compute_capability), 128)
    return 2.0 * lanes * card.MULTIPROCESSOR_COUNT * card.CLOCK_RATE * 1e3


def needs(width: int, height: int, depth: int, encodes: int) -> tuple[float, float]:
    """Bytes that must pass between memory and kernels, and float32 operations, for one frame and all its encodes.

    Each plane counts once for each kernel that reads or writes it. A separable filter of n taps takes 2 n operations a
    pixel and pass.
    """
    from .features.adm_csf import BORDER, SCALES, band_size
    from .features.motion_cuda import TAPS
    from .features.vif import FILTERS

    planes = 1 + encodes
    moved = operations = 0.0
    for scale, taps in enumerate(FILTERS):
        pixels, sample = (width >> scale) * (height >> scale), _sample(depth, scale)
        if scale:
            above = (width >> (scale - 1)) * (height >> (scale - 1))
            moved += planes * (above * _sample(depth, scale - 1) + pixels * FLOAT)
            # Down at every second row of all columns, then across at every second column.
            operations += planes * 2 * taps.size * (above / 2 + pixels)
        # The reference: two moments, which are written; an encode: three, with the reference and its moments read.
        moved += pixels * (sample + 2 * FLOAT) + encodes * pixels * (2 * sample + 2 * FLOAT)
        operations += pixels * (2 * 4 * taps.size + OF_VARIANCE)
        operations += encodes * pixels * (3 * 4 * taps.size + OF_INFORMATION)
    pixels = width * height
    for scale in range(SCALES):
        bands = band_size(width, scale) * band_size(height, scale)
        pooled = bands * (1 - 2 * BORDER) ** 2
        moved += planes * (pixels * _sample(depth, scale) + 4 * bands * FLOAT)
        # Low and high across in two rows, then both down: four taps each.
        operations += planes * bands * (2 * 2 * 8 + 4 * 8)
        moved += planes * 6 * pooled * FLOAT
        operations += planes * pooled * OF_MASKING
        pixels = bands
    moved += 2 * width * height * _sample(depth, 0)
    operations += width * height * (2 * 2 * TAPS.size + 2)
    return moved, operations


def _sample(depth: int, scale: int) -> int:
    """Bytes of a sample of a plane."""
    return FLOAT if scale else (1 if depth == 8 else 2)


def _pictures(shape: tuple[int, int, int, int], depth: int) -> np.ndarray:
    """Smooth moving texture and, plane by plane, coarser quantisation of it."""
    frames, planes, height, width = shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    pictures = np.empty(shape, np.uint16)
    for frame in range(frames):
        texture = np.sin((columns + 5 * frame) / 7) * np.cos(rows / 11) + np.sin((rows * 3 + columns) / 23)
        samples = (texture + 2) / 4 * (2**depth - 1)
        for plane in range(planes):
            step = 1 + plane * 2 ** (depth - 8)
            pictures[frame, plane] = np.round(samples / step) * step
    return np.minimum(pictures, 2**depth - 1)


def _seconds(work: Callable[[], Any], launches: int, stream: Any) -> float:
    """Seconds on the device that one call takes, the mean of many in a row, after one that compiles."""
    from numba import cuda

    work()
    stream.synchronize()
    began, ended = cuda.event(), cuda.event()
    began.record(stream)
    for _ in range(launches):
        work()
    ended.record(stream)
    ended.synchronize()
    return float(began.elapsed_time(ended)) / 1000 / launches
