"""The constants of VIF."""

import numpy as np
from numpy.typing import NDArray

SCALES = 4
NOISE = 2.0  # variance of what the eye itself adds, in squared 8-bit levels
SMALLEST = 16  # samples a side: below, libvmaf reads beside the picture
DEPTHS = (8, 10, 12, 16)


def _gaussian(taps: int) -> NDArray[np.float32]:
    distance = np.arange(taps) - taps // 2
    weights = np.exp(-0.5 * (distance / (taps / 5)) ** 2)
    return (weights / weights.sum()).astype(np.float32)


# One Gaussian per scale, of 2^(4 - scale) + 1 taps and a standard deviation of a fifth of them.
FILTERS = tuple(_gaussian(2 ** (SCALES - scale) + 1) for scale in range(SCALES))
