"""Memory as the kernels want it: lines of floats that begin where a cache line does, and frames as flat bytes."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from ...errors import ScoreError

CACHE_LINE = 64  # bytes
DEPTHS = (8, 10, 12, 16)  # bits per sample that libvmaf reads, and so do the kernels


def lines(count: int, length: int, kind: DTypeLike = np.float32) -> NDArray[Any]:
    """Zeros [count, length] whose first element begins a line of the cache."""
    size = count * length * np.dtype(kind).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(kind).reshape(count, length)


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


def check_frame(
    feature: str,
    reference: NDArray[np.integer],
    distorted: NDArray[np.integer],
    shape: tuple[int, int],
    encodes: int,
    depth: int,
) -> None:
    """Refuse other than a reference of `shape` and 1 to `encodes` encodes [n, *shape]; errors as `check_samples`."""
    check_samples(feature, reference, shape, depth)
    check_samples(feature, distorted, (min(max(len(distorted), 1), encodes), *shape), depth)


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
    whole = all(step >= 0 and step % samples.itemsize == 0 for step in samples.strides)
    if samples.strides[-1] != samples.itemsize or not whole:
        raise ScoreError(f"{feature} reads rows of adjacent samples, one below the other; copy the frame first")


def flat(samples: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The bytes from the first sample to the last, with what stands between rows and frames; nothing is copied."""
    span = samples.itemsize + sum((n - 1) * step for n, step in zip(samples.shape, samples.strides, strict=True))
    head = samples[(slice(1),) * samples.ndim].reshape(-1).view(np.uint8)
    return as_strided(head, (span,), (1,), writeable=False)
