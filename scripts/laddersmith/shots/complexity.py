"""How busy pictures are in space and time: SI and TI after ITU-T P.910 (10/2023), sections 7.7.1 and 7.7.2.

For luma Y_n on the 8-bit scale, at the size of `measured_size`:

    SI(n) = std over the inner pixels of sqrt(Gx(n)^2 + Gy(n)^2), with the 3x3 Sobel kernels Gx, Gy
    TI(n) = std over all pixels of Y_n - Y_{n-1}

The recommendation takes the largest value over time; a shot's complexity here is the mean over its frames, and
TI takes no difference across a cut.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

LARGEST = (640, 360)


def measured_size(width: int, height: int) -> tuple[int, int]:
    """The size at which complexity is measured: the picture's own, or shrunk to no more pixels than 640x360.

    One common size keeps titles of different resolutions comparable, and the measure cheap.
    """
    shrink = min(1.0, (LARGEST[0] * LARGEST[1] / (width * height)) ** 0.5)
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def spatial_information(luma: NDArray[np.float32]) -> float:
    """SI of one picture, (height, width); 0 where it has no inner pixel."""
    if min(luma.shape) < 3:
        return 0.0
    across, down = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    # Not cv2.magnitude: its last bits depend on where in memory the pictures happen to lie.
    return _deviation(np.sqrt(across * across + down * down)[1:-1, 1:-1])


def temporal_information(luma: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    """TI of one picture against the one before it, both (height, width)."""
    return _deviation(cv2.subtract(luma, before))


def shot_means(
    spatial: NDArray[np.float64], temporal: NDArray[np.float64], starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[list[float], list[float]]:
    """Mean SI and TI of the shots `[starts, ends)` from the frames' values, each (frames,).

    The first frame of a shot counts in SI but not in TI; the TI of a single frame is 0.
    """
    spans = list(zip(starts, ends, strict=True))
    return (
        [float(spatial[start:end].mean()) for start, end in spans],
        [float(temporal[start + 1 : end].mean()) if end - start > 1 else 0.0 for start, end in spans],
    )


def _deviation(values: np.ndarray) -> float:
    """Population standard deviation."""
    return float(cv2.meanStdDev(values)[1][0, 0])
