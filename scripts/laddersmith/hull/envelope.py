"""The upper convex envelope: the points that some exchange rate of bits for quality would choose."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .pareto import pareto_set


def convex_hull(bitrate_kbps: ArrayLike, quality: ArrayLike) -> NDArray[np.intp]:
    """Indices of the points on the upper convex envelope, in order of rising bitrate.

    A point is on the envelope if, for some price of a bit, no other point has a better
    quality minus cost. Of points that coincide the first is kept; points on a straight
    stretch of the envelope between two others are left out.

    Parameters
    ----------
    bitrate_kbps : (n,) positive, finite, kbit/s.
    quality : (n,) finite, higher is better (VMAF points, say).

    Raises
    ------
    ValueError
        If the lengths differ, or a value is not finite, or a bitrate is not positive.

    Source: Andrew, "Another efficient algorithm for convex hulls in two dimensions",
    Information Processing Letters 9(5), 1979; upper chain, cut where quality stops rising.
    """
    rate, value = checked_points(bitrate_kbps, quality)
    chain: list[int] = []
    for i in np.lexsort((-value, rate)):
        if chain and value[i] <= value[chain[-1]]:
            continue  # dearer and no better
        while len(chain) > 1 and not _turns_down(rate, value, chain[-2], chain[-1], i):
            chain.pop()
        chain.append(i)
    return np.array(chain, dtype=np.intp)


def pareto_front(bitrate_kbps: ArrayLike, quality: ArrayLike) -> NDArray[np.intp]:
    """Indices of the points that no other point beats (cheaper and as good, or better and as cheap), by rising bitrate.

    Parameters and errors are those of `convex_hull`; of points that coincide the first is kept.
    """
    rate, value = checked_points(bitrate_kbps, quality)
    return pareto_set({"bitrate_kbps": rate, "quality": value})


def checked_points(bitrate_kbps: ArrayLike, quality: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points as float64 arrays.

    Raises
    ------
    ValueError
        As `convex_hull` says.
    """
    rate, value = np.asarray(bitrate_kbps, float), np.asarray(quality, float)
    if rate.shape != value.shape or rate.ndim != 1:
        raise ValueError(f"bitrates {rate.shape} and qualities {value.shape} must be two lists of one length")
    if not (np.isfinite(rate).all() and np.isfinite(value).all() and (rate > 0).all()):
        raise ValueError("every point needs a positive, finite bitrate and a finite quality")
    return rate, value


def _turns_down(rate: NDArray, value: NDArray, a: int, b: int, c: int) -> bool:
    """Whether the path a -> b -> c bends down at b, so that b stands above the line from a to c."""
    return (value[b] - value[a]) * (rate[c] - rate[b]) > (value[c] - value[b]) * (rate[b] - rate[a])
