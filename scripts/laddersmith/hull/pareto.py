"""The exact set of points that no other beats, over one, two or three axes, and its knees."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

# +1 where more is better, -1 where less is. Costs are compared on a logarithmic scale when a knee is sought.
AXES = {"bitrate_kbps": -1, "encode_cpu_s": -1, "quality": 1}
SENSITIVITY = 1.0  # Kneedle's S
LEVEL = 1e-9  # differences of normalised curves below this are rounding


def pareto_set(points: Mapping[str, ArrayLike]) -> NDArray[np.intp]:
    """Indices of the points that no other point beats: as good on every axis, and better on one.

    Of points that are equal on every axis the first is kept. The order is that of the axes as they are given: by the
    first from best to worst, where that is equal by the second, and so on.

    Parameters
    ----------
    points : one to three columns of n finite numbers under names of `AXES`; kbit/s, seconds, quality.

    Raises
    ------
    ValueError
        If an axis is unknown, the lengths differ or a value is not finite.

    Source: Kung, Luccio and Preparata, "On finding the maxima of a set of vectors", Journal of the ACM 22(4), 1975. Two
    axes need one sort and a running minimum; three are divided and merged level by level, each level in one pass over
    all blocks: n log n steps whatever the points.
    """
    return non_dominated(costs(points))


def costs(points: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """The points (n, axes) with the sign of each axis turned so that less is better.

    Raises
    ------
    ValueError
        As `pareto_set` says.
    """
    unknown = [name for name in points if name not in AXES]
    if unknown or not points:
        raise ValueError(f"the axes are {', '.join(AXES)}, or some of them, not {', '.join(unknown) or 'none'}")
    columns = {name: np.asarray(values, float) for name, values in points.items()}
    if any(column.ndim != 1 for column in columns.values()) or len({len(c) for c in columns.values()}) > 1:
        raise ValueError("every axis needs one number per point")
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise ValueError(f"{name} holds {column[~np.isfinite(column)][0]}; every value must be finite")
    return np.column_stack([-AXES[name] * column for name, column in columns.items()])


def non_dominated(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the rows of `cost` (n, 1 to 3; finite, less is better) that no other beats, in lexicographic order.

    Of equal rows the first is kept.
    """
    order = np.lexsort(cost.T[::-1])
    rows = cost[order] + 0.0  # one zero, so that equal rows are equal in bits too
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    order, rows = order[new], rows[new]
    # In this order a row can only be beaten by one before it, and is if that one is as good on the other axes.
    if cost.shape[1] == 1:
        return order[:1]
    if cost.shape[1] == 2:
        best = np.minimum.accumulate(np.append(np.inf, rows[:, 1]))
        return order[rows[:, 1] < best[:-1]]
    return order[~_beaten(rows[:, 1], rows[:, 2])]


def knees(points: Mapping[str, ArrayLike]) -> NDArray[np.intp]:
    """Indices of the knees of the points' Pareto set: where giving up more on one axis stops buying much on the others.

    Every axis is scaled to 0..1 over the set, costs by their logarithm; G is the gain over the straight line (with
    three axes: the plane) between the ends of the axes, 1 minus the sum of a point's costs. Over two axes every knee of
    Kneedle is given, best first; over three the one point of greatest G; over one, and where nothing is gained (G is
    nowhere above the mean step, or 0), none.

    Parameters and errors are those of `pareto_set`; a cost that is not positive has no logarithm and is a ValueError.

    Source: V. Satopaa, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'kneedle' in a haystack", ICDCS Workshops 2011,
    offline and without smoothing, S = 1. Three axes: the point at the least Manhattan distance from the ideal, W.-Y.
    Chiu, G. G. Yen, T.-K. Juan, "Minimum Manhattan distance approach to multiple criteria decision making in
    multiobjective optimization problems", IEEE Trans. Evolutionary Computation 20(6), 2016; over two axes the highest
    knee is that point as well.
    """
    front = pareto_set(points)
    if len(points) < 2 or len(front) < 3:
        return front[:0]
    scaled = np.column_stack([_scaled(name, np.asarray(column, float)[front]) for name, column in points.items()])
    gain = len(points) - 1 - scaled.sum(axis=1)
    if len(points) == 3:
        best = int(np.argmax(gain))
        return front[[best]] if gain[best] > LEVEL else front[:0]
    order = np.argsort(scaled[:, 0], kind="stable")
    found = _kneedle(scaled[order, 0], gain[order])
    return front[order[sorted(found, key=lambda place: -gain[order][place])]]


def _beaten(y: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an earlier point is no worse in y and in z. `y`, `z` : (n,), no point twice among those of equal rank.

    Blocks of 2^k points, each sorted by y: a point in a block's right half is beaten by the left half if the least z up
    to its y is no more than its own. The blocks of the next level are those halves, which keep their order.
    """
    count = len(y)
    padded = 1 << max(0, count - 1).bit_length()
    height = np.append(z, np.full(padded - count, np.inf))
    order = np.argsort(np.append(y, np.full(padded - count, np.inf)), kind="stable")
    beaten = np.zeros(padded, bool)
    half = padded // 2
    while half:
        blocks = order.reshape(-1, 2 * half)
        right = (blocks & half) != 0
        own = height[blocks]
        least = np.minimum.accumulate(np.where(right, np.inf, own), axis=1)
        beaten[blocks[right & (least <= own)]] = True
        order = np.concatenate([blocks[~right].reshape(-1, half), blocks[right].reshape(-1, half)], axis=1).ravel()
        half //= 2
    return beaten[:count]


def _scaled(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """An axis over the set as a cost from 0, the best, to 1."""
    if AXES[name] < 0:
        if (values <= 0).any():
            raise ValueError(f"{name} holds {values.min():g}; a knee is sought over the logarithms of positive costs")
        values = np.log(values)
    low, high = values.min(), values.max()
    share = (values - low) / (high - low) if high > low else np.zeros(len(values))
    return share if AXES[name] < 0 else 1 - share


def _kneedle(x: NDArray[np.float64], difference: NDArray[np.float64]) -> list[int]:
    """Places of the local maxima after which the difference curve falls by S mean steps before the next one."""
    step = SENSITIVITY * float(np.diff(x).mean())
    inner = difference[1:-1]
    peaks = np.flatnonzero((inner > difference[:-2] + LEVEL) & (inner >= difference[2:])) + 1
    ends = [*peaks[1:], len(x)][: len(peaks)]
    falls = [difference[peak] - difference[peak + 1 : end].min() for peak, end in zip(peaks, ends, strict=True)]
    return [int(peak) for peak, fall in zip(peaks, falls, strict=True) if fall > step and difference[peak] > LEVEL]
