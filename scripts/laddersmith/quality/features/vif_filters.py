"""The constants of VIF."""

import math

import numpy as np
from numpy.typing import NDArray

SCALES = 4
NOISE = 2.0  # variance of what the eye itself adds, in squared 8-bit levels
SMALLEST = 16  # samples a side: below, libvmaf reads beside the picture


def _gaussian(taps: int) -> NDArray[np.float32]:
    """Rounded to float32 where libvmaf rounds (libvmaf/src/feature/vif_tools.c, get_1d_gaussian_kernel).

    The last bits tell: a variance is the small difference of two large means under these taps.
    """
    deviation = float(np.float32(taps) / np.float32(5))
    distance = np.arange(taps) - taps // 2
    density = np.exp(-0.5 * distance / deviation * distance / deviation).astype(np.float32)
    density /= np.float32(1 / (deviation * math.sqrt(2 * math.pi)))
    total = np.float32(0)
    for weight in density:
        total += weight
    return density / total


# One Gaussian per scale, of 2^(4 - scale) + 1 taps and a standard deviation of a fifth of them.
FILTERS = tuple(_gaussian(2 ** (SCALES - scale) + 1) for scale in range(SCALES))
