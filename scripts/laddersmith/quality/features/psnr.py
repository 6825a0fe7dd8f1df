"""Squared error of two planes, and the peak signal-to-noise ratio that follows from it."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Below this mean squared error libvmaf takes this one instead (libvmaf/src/feature/integer_psnr.c).
SMALLEST_ERROR = 1e-16


@njit(cache=True, nogil=True)
def squared_error(reference: NDArray[np.unsignedinteger], distorted: NDArray[np.unsignedinteger]) -> int:
    """The sum of squared differences, exact, of two planes [height, width] of one dtype, uint8 or uint16."""
    total = np.int64(0)
    for i in range(reference.shape[0]):
        row = np.uint64(0)
        for j in range(reference.shape[1]):
            difference = np.int32(reference[i, j]) - np.int32(distorted[i, j])
            row += np.uint64(np.uint32(difference * difference))
        total += np.int64(row)
    return int(total)


def psnr(squared_error: int, samples: int, depth: int) -> float:
    """10 log10(peak^2 / mean squared error) in dB, peak = 2^depth - 1, at most libvmaf's 6 depth + 12."""
    peak = 2**depth - 1
    error = max(squared_error / samples, SMALLEST_ERROR)
    return min(10 * math.log10(peak**2 / error), 6.0 * depth + 12)
