"""Memory as the kernels want it: lines of floats that begin where a cache line does, and frames as flat bytes."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...errors import ScoreError

CACHE_LINE = 64  # bytes
DEPTHS = (8, 10, 12, 16)  # bits per sample that libvmaf reads, and so do the kernels


def lines(count: int, length: int) -> NDArray[np.float32]:
    """Zeros, float32 [count, length], whose first element begins a line of the cache."""
    spare = CACHE_LINE // 4
    memory = np.zeros(count * length + spare, np.float32)
    first = -(memory.ctypes.data // 4) % spare
    return memory[first : first + count * length].reshape(count, length)


def check_picture(feature: str, width: int, height: int, depth: int, smallest: int) -> None:
    """Refuse pictures that a feature cannot be computed of.

    Raises
    ------
    ScoreError
        If the picture is smaller than `smallest` samples a side, or libvmaf does not read that bit depth.
    """
    if depth not in DEPTHS:
        raise ScoreError(f"{feature} reads samples of 8, 10, 12 or 16 bits, not {depth}; convert the video")
    if min(width, height) < smallest:
        raise ScoreError(
            f"{feature} is not defined for {width}x{height}; score pictures of at least {smallest}x{smallest}"
        )


def check_samples(feature: str, samples: NDArray[np.integer], shape: tuple[int, ...], depth: int) -> None:
    """Refuse frames of another shape or type than promised: a kernel would read past their end.

    Raises
    ------
    ScoreError
        If the shape or the type differs, or the samples of a row do not lie side by side.
    """
    wanted = np.dtype(np.uint8 if depth == 8 else np.uint16)
    if samples.shape != shape or samples.dtype != wanted:
        raise ScoreError(f"{feature} was given {samples.dtype} {samples.shape} where {wanted} {shape} was promised")
    if samples.strides[-1] != samples.itemsize or min(samples.strides) < 0:
        raise ScoreError(f"{feature} reads rows of adjacent samples, one below the other; copy the frame first")


def flat(samples: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The bytes from the first sample to the last, with what stands between rows and frames; nothing is copied."""
    span = samples.itemsize + sum((n - 1) * step for n, step in zip(samples.shape, samples.strides, strict=True))
    head = samples[(slice(1),) * samples.ndim].reshape(-1).view(np.uint8)
    return as_strided(head, (span,), (1,), writeable=False)
