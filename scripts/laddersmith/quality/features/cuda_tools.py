"""What the CUDA kernels of all features share: tiles, unrolled loops, sums that never depend on the order of blocks.

A batch of frames lies on the device as one array [frames, 1 + encodes, height, width]: the reference is plane 0 of its
frame, the encodes are the planes behind it. Kernels see it flat, and count samples in 32 bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import config, cuda, float32, float64, int32, uint32
from numpy.typing import NDArray

from ...errors import ScoreError
from .arrays import DEPTHS, check_picture

SAMPLES_OF_ARRAY = 2**31
_FIRST = np.int32(0)
STEPS = 2  # of a filter in one device function; the compiler leaves four rolled


@dataclass(frozen=True)
class Tile:
    """What one block of threads works on: `columns` threads side by side, each with `rows` rows.

    `reducers` threads add up one row of partial sums.

    The second pass of a separable filter hands each thread `rows` neighbours of one row instead, so that `rows` divides
    `columns`; all are powers of two, and rows of shared memory have an odd pitch: no two threads of a warp then meet in
    one bank.
    """

    columns: int = 128
    rows: int = 8
    reducers: int = 512

    @property
    def pitch(self) -> int:
        """Words between rows of shared memory; the second pass reads up to `rows` words behind the last column."""
        return self.columns + self.rows + 1


def on_device(function: Callable[..., Any], *, fastmath: bool = True) -> Any:
    """A device function, inlined into the kernels that call it; it must not use the module `cuda` itself."""
    return cuda.jit(function, device=True, fastmath=fastmath)


if config.ENABLE_CUDASIM:
    rounded_product = on_device(lambda left, right: left * right)
else:
    from numba.cuda import libdevice

    # A float32 product that is rounded before it is added to anything: never part of a fused multiply-add.
    rounded_product = libdevice.fmul_rn


def on_grid(function: Callable[..., Any], *, fastmath: bool = True) -> Any:
    """A kernel. Its machine code is kept in numba's folder of compiled code, where one is set before kernels are made.

    Without one it is not kept: beside the source numba would not see that a function in another file has changed.
    """
    return cuda.jit(function, fastmath=fastmath, cache=bool(config.CACHE_DIR))


def unrolled(body: Callable[[int, int], Callable[..., None]], stop: int, *, fastmath: bool = True) -> Any:
    """One device function that runs the loops of body(0, 2), body(2, 4) ... up to `stop`, each with its own arguments.

    The compiler unrolls loops of two steps, but leaves those of a whole filter rolled, and the arrays that they index
    in (slow) local memory. Unrolled, arrays stay in registers and filter taps become immediate operands.
    """
    parts = [on_device(body(first, min(first + STEPS, stop)), fastmath=fastmath) for first in range(0, stop, STEPS)]
    while len(parts) > 1:
        parts = [_in_turn(*parts[n : n + 2]) for n in range(0, len(parts), 2)]
    return parts[0]


def _in_turn(first: Any, second: Any = None) -> Any:
    if second is None:
        return first

    def both(*arguments: Any) -> None:
        first(*arguments)
        second(*arguments)

    return on_device(both)


@on_device
def mirrored(index: Any, size: Any) -> Any:
    """`index` reflected about the first and the last sample, each of which is there once; far outside: some sample.

    Filters reach at most `size` - 1 samples over the border; what is read further outside belongs to the part of a tile
    that hangs over the picture, and is not used.
    """
    inside = int32(abs(index))
    return int32(max(int32(min(inside, int32(2 * size - 2 - inside))), _FIRST))


def sample_reader(depth: int | None) -> Any:
    """Device function: a sample of `depth` bits as float32 in steps of 8 bits, less 128; None: already a float32."""
    if depth is None:
        return on_device(lambda sample: sample)
    step, offset = np.float32(2.0 ** (8 - depth)), np.float32(128)
    return on_device(lambda sample: float32(sample) * step - offset)


@cache
def _row_sums(threads: int) -> Any:
    def kernel(values: Any, starts: Any, counts: Any, sums: Any) -> None:
        parts = cuda.shared.array(threads, float64)
        t = cuda.threadIdx.x
        row, group = cuda.blockIdx.x, cuda.blockIdx.y
        count = counts[group]
        first = starts[group] + row * count
        total = float64(0)
        for i in range(t, count, threads):
            total += values[uint32(first + i)]
        parts[t] = total
        half = threads // 2
        while half > 0:
            cuda.syncthreads()
            if t < half:
                parts[t] += parts[t + half]
            half //= 2
        if t == 0:
            sums[group, row] = parts[0]

    return on_grid(kernel, fastmath=False)


class PartialSums:
    """Room for what each thread of several launches adds up, and the kernel that adds those sums up in a fixed order.

    Attributes
    ----------
    values : float32 device array; group g starts at starts[g] and has `rows` rows of counts[g] values.
    """

    def __init__(self, rows: int, counts: Sequence[int], tile: Tile) -> None:
        starts = np.cumsum([0, *(rows * count for count in counts)])
        self.starts = [int(start) for start in starts[:-1]]
        self.values = device_array((int(starts[-1]),), np.float32)
        self.sums = device_array((len(counts), rows), np.float64)
        self._starts = cuda.to_device(starts[:-1].astype(np.int64))
        self._counts = cuda.to_device(np.array(counts, np.int64))
        self._threads = tile.reducers

    def total(self, stream: Any) -> Any:
        """float64 device array [groups, rows]: filled by `stream` when it comes to it."""
        groups, rows = self.sums.shape
        kernel = _row_sums(self._threads)
        kernel[(rows, groups), self._threads, stream](self.values, self._starts, self._counts, self.sums)
        return self.sums


class OnDevice:
    """What the features on the GPU have in common: the planes that they take, and how their results come back.

    Attributes
    ----------
    shape : of the planes: [frames, 1 + encodes, height, width].
    """

    sums: Callable[..., Any]
    features: Callable[..., NDArray[np.float64]]

    def __init__(
        self, feature: str, width: int, height: int, depth: int, encodes: int, frames: int, tile: Tile, smallest: int
    ) -> None:
        check_picture(feature, width, height, depth, smallest)
        self.shape = (frames, 1 + encodes, height, width)
        self.depth, self.tile = depth, tile

    def __call__(self, planes: Any, *others: Any, stream: Any = 0) -> NDArray[np.float64]:
        """The `features` of frames on the device, from the `sums` of the same arguments; waits for them."""
        sums = self.sums(planes, *others, stream).copy_to_host(stream=stream)
        if stream:
            stream.synchronize()
        return self.features(sums, planes.shape[0])


def device_array(shape: tuple[int, ...], dtype: Any) -> Any:
    """A device array of less than 2^31 samples.

    Raises
    ------
    ScoreError
        If it would be larger.
    """
    samples = int(np.prod(shape))
    if samples >= SAMPLES_OF_ARRAY:
        raise ScoreError(
            f"a batch of {samples} samples is too large for the GPU kernels; score fewer encodes at a time"
        )
    return cuda.device_array(shape, dtype)


def sample_type(depth: int) -> Any:
    """numpy's type of a sample of `depth` bits.

    Raises
    ------
    ScoreError
        If it is not 8, 10, 12 or 16.
    """
    if depth not in DEPTHS:
        raise ScoreError(f"samples of 8, 10, 12 or 16 bits can be scored, not of {depth}; convert the video")
    return np.uint8 if depth == 8 else np.uint16


def check_planes(planes: Any, shape: tuple[int, int, int, int], depth: int) -> int:
    """How many frames `planes` holds.

    Raises
    ------
    ScoreError
        If it is not [at most shape[0], shape[1], shape[2], shape[3]] of the type of `depth`.
    """
    frames = planes.shape[0]
    if not 0 < frames <= shape[0] or tuple(planes.shape[1:]) != shape[1:] or planes.dtype != sample_type(depth):
        raise ScoreError(
            f"frames on the device are {tuple(planes.shape)} of {planes.dtype}; expected at most {shape} (frames, "
            f"reference and encodes, height, width) of {np.dtype(sample_type(depth))}"
        )
    return int(frames)
