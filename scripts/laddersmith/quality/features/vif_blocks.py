"""The arithmetic of VIF: what is done with a block of rows of one picture.

A row of samples is dealt to the sixteen lanes of vectors: lane l has its l-th stretch of `vectors` samples, and vector
i the i-th sample of each stretch. Neighbours in the picture are then neighbouring vectors, in a row as in a column, and
neither filter ever moves a sample within a vector. Vectors before and after a row (its halo) hold the neighbours of the
stretches' ends, and at the ends of the row itself the samples mirrored there. Every second sample is every second
vector, so that the order outlives the way to the next scale.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .vectors import LANES, fused, load, maximum, minimum, splat, store, where_reaches
from .vif_vectors import (
    addresses,
    column,
    copy,
    deal,
    exponent,
    filtered,
    filtered_in_order,
    mantissa,
    products,
    quotient,
    rounded_products,
    run,
    store_column,
    store_run,
)

ROWS = 8  # rows of a block
RUN = 4  # vectors filtered together along a row
TILE = 32  # vectors whose rows and results stay in the first-level cache between one step and the next
HALO = 8  # vectors
RING = 32  # rows kept of a picture at a scale: a block's, those above and below that its filter sees, and new ones


class Scale(NamedTuple):
    """One scale of all pictures, the reference's first."""

    height: int  # samples
    vectors: int  # of a row
    ring: NDArray  # [pictures * RING, samples]: picture p's row i is row p * RING + i % RING
    inside: NDArray[np.float32]  # [1, samples]: 1 where a lane is in the picture, 0 where it is padding
    halo: NDArray[np.int64]  # [n, 2]: places of a row of a plane, and those of the samples mirrored there
    next_halo: NDArray[np.int64]  # [n, 2]: the same for the filter of the next scale


class Work(NamedTuple):
    """What a block needs on the way, float32 planes of ROWS rows with halo."""

    mean: NDArray[np.float32]
    square: NDArray[np.float32]
    cross: NDArray[np.float32]
    half: NDArray[np.float32]  # every second row, filtered for the next scale
    lines: NDArray[np.float32]  # [3, samples of a tile]
    shared: NDArray[np.float32]  # [2 ROWS, samples]: mean and variance of the reference, for each row
    totals: NDArray[np.float32]  # [4, 16]
    rows: NDArray[np.int64]  # rows of a ring that a block sees


# A kernel is called from Python and kept on disk; a part is called from kernels and kept within them.
kernel = njit(nogil=True, cache=True, no_cfunc_wrapper=True)
part = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)


@part
def take_row(samples, start, width, middle, line, ring, row, vectors):
    """Deal a row of samples to the lanes."""
    copy(samples, start, width, line)
    for i in range(0, vectors - LANES + 1, LANES):
        deal(line, i, vectors, middle, ring, row, i * LANES)
    last = max(vectors - LANES, 0)
    deal(line, last, vectors, middle, ring, row, last * LANES)


@part
def mirrored_rows(rows, first, count, height):
    """The rows first, first + 1, ... of a ring, mirrored at the picture's first and last row."""
    for k in range(count):
        row = abs(first + k)
        rows[k] = max(min(row, 2 * height - 2 - row), 0) % RING


@part
def add_halo(plane, rows, vectors, reach, mirrored):
    """Fill the `reach` vectors before and after each row: the neighbour lane's end or beginning, or the mirror."""
    length = vectors * LANES
    for r in range(rows):
        for place in range((HALO - reach) * LANES, HALO * LANES, LANES):
            store(plane, r, place, load(plane, r, place + length - 1))
        for place in range(HALO * LANES, (HALO + reach) * LANES, LANES):
            store(plane, r, place + length, load(plane, r, place + 1))
        for k in range(mirrored.shape[0]):
            plane[r, mirrored[k, 0]] = plane[r, mirrored[k, 1]]


@part
def start_totals(totals, picture):
    """Products begin at one: of the reference the first row, of an encode the first two."""
    totals[:] = 0
    totals[0] = 1
    if picture:
        totals[1] = 1


@part
def describe(work, row, first, vectors, inside, noise):
    """What a tile of the reference tells about itself; its moments are kept for the encodes.

    totals: the product of 1 + variance / noise where the variance reaches the noise, as mantissas and exponents, and
    how many samples there are where it does not.
    """
    lines, shared, totals = work.lines, work.shared, work.totals
    zero, one, floor, inverse = splat(0.0), splat(1.0), splat(noise), splat(np.float32(1) / noise)
    capacity, powers, flat = load(totals, 0, 0), load(totals, 1, 0), load(totals, 2, 0)
    for start in range(0, vectors * LANES, RUN * LANES):
        for i in range(start, start + RUN * LANES, LANES):
            place = first * LANES + i
            mean, within = load(lines, 0, i), load(inside, 0, place)
            variance = maximum(load(lines, 1, i) - mean * mean, zero) * within
            textured = where_reaches(variance, floor, one, zero)
            store(shared, 2 * row, place, mean)
            store(shared, 2 * row + 1, place, variance)
            capacity = capacity * fused(textured * variance, inverse, one)
            flat = flat + (within - textured)
        powers = powers + exponent(capacity)
        capacity = mantissa(capacity)
    store(totals, 0, 0, capacity)
    store(totals, 1, 0, powers)
    store(totals, 2, 0, flat)


@part
def compare(work, row, first, vectors, inside, noise, gain_limit):
    """What a tile of an encode has left of what the reference tells.

    totals: of 1 + gain^2 variance_x / (rest + noise) the products of the upper and of the lower side, as mantissas,
    and the difference of their exponents; the sum of variance_y where the reference is flat.

    A side is at most the greatest variance and the noise, 2^14 times the least at 8 bits and 2^30 at 16: products of
    RUN of them stay within float32.
    """
    lines, shared, totals = work.lines, work.shared, work.totals
    zero, floor, limit = splat(0.0), splat(noise), splat(gain_limit)
    above, below, powers, flat = load(totals, 0, 0), load(totals, 1, 0), load(totals, 2, 0), load(totals, 3, 0)
    for start in range(0, vectors * LANES, RUN * LANES):
        for i in range(start, start + RUN * LANES, LANES):
            place = first * LANES + i
            mean_x, variance_x = load(shared, 2 * row, place), load(shared, 2 * row + 1, place)
            mean_y, within = load(lines, 0, i), load(inside, 0, place)
            variance_y = maximum(load(lines, 1, i) - mean_y * mean_y, zero) * within
            covariance = maximum(load(lines, 2, i) - mean_x * mean_y, zero)
            gain = where_reaches(variance_x, floor, quotient(covariance, maximum(variance_x, floor)), zero)
            rest = maximum(variance_y - gain * covariance, zero) + floor
            gain = minimum(gain, limit)
            above = above * fused(gain * gain, variance_x, rest)
            below = below * rest
            flat = flat + where_reaches(variance_x, floor, zero, variance_y)
        powers = powers + (exponent(above) - exponent(below))
        above, below = mantissa(above), mantissa(below)
    store(totals, 0, 0, above)
    store(totals, 1, 0, below)
    store(totals, 2, 0, powers)
    store(totals, 3, 0, flat)


@part
def add_totals(totals, picture, sums):
    """Of the reference: bits it tells (one where it is flat), flat samples; of an encode: bits, variance there."""
    first = second = 1.0
    powers = flat = 0.0
    for lane in range(LANES):
        first *= totals[0, lane]
        second *= totals[1, lane] if picture else 1.0
        powers += totals[2, lane] if picture else totals[1, lane]
        flat += totals[3, lane] if picture else totals[2, lane]
    sums[picture, 0] += math.log2(first / second) + powers + (0.0 if picture else flat)
    sums[picture, 1] += flat


def measures(weights: tuple[float, ...], next_weights: tuple[float, ...], *, last: bool) -> Callable[..., None]:
    """The function that measures a block of rows of all pictures at one scale, with the scale's filter compiled in.

    weights, next_weights: outer half and middle of the filter of this scale and of the next, float32; last: whether
    there is no next.
    """
    reach, next_reach = len(weights) - 1, len(next_weights) - 1
    seen, along, along_half = ROWS + 2 * reach, RUN + 2 * reach, 2 * RUN - 1 + 2 * next_reach
    halves = ROWS // 2

    def smoothing(filtered: Callable, products: Callable) -> tuple[Callable, ...]:
        """The moments of a picture, filtered and multiplied in this way."""

        @part
        def mean_columns(ring, rows, picture, first, end, mean, half):
            """Down the columns of vectors first to end: E[y], and every second row of the next scale's window."""
            lines = addresses(ring, rows, picture * RING, seen)
            for i in range(first * LANES, end * LANES, LANES):
                y = column(ring, lines, i)
                store_column(mean, HALO * LANES + i, filtered(weights, y, reach, 1, ROWS))
                store_column(half, HALO * LANES + i, filtered(next_weights, y, reach, 2, halves))

        @part
        def square_columns(ring, rows, picture, first, end, square):
            """E[y^2]."""
            lines = addresses(ring, rows, picture * RING, seen)
            for i in range(first * LANES, end * LANES, LANES):
                y = column(ring, lines, i)
                store_column(square, HALO * LANES + i, filtered(weights, products(y, y), reach, 1, ROWS))

        @part
        def smooth(plane, row, first, vectors, lines, line):
            """Along a row: one of the moments of a tile."""
            for i in range(0, vectors * LANES, RUN * LANES):
                values = run(plane, row, (HALO + first - reach) * LANES + i, along)
                store_run(lines, line, i, filtered(weights, values, reach, 1, RUN))

        @part
        def shrink(half, rows, scale, coarser, picture, top):
            """Along the rows for the next scale: every second vector, into its ring."""
            add_halo(half, rows, scale.vectors, next_reach, scale.next_halo)
            for row in range(rows):
                target = picture * RING + (top + row) % RING
                for i in range(0, coarser.vectors * LANES, RUN * LANES):
                    values = run(half, row, (HALO - next_reach) * LANES + 2 * i, along_half)
                    store_run(coarser.ring, target, i, filtered(next_weights, values, next_reach, 2, RUN))

        return mean_columns, square_columns, smooth, shrink

    # VIF jumps where the variance of the reference crosses the noise, and a last bit can decide on which side it is.
    x_mean_columns, x_square_columns, x_smooth, x_shrink = smoothing(filtered_in_order, rounded_products)
    y_mean_columns, y_square_columns, y_smooth, y_shrink = smoothing(filtered, products)

    @part
    def cross_columns(ring, rows, picture, first, end, cross):
        """E[x y], x being the reference."""
        reference_lines, lines = addresses(ring, rows, 0, seen), addresses(ring, rows, picture * RING, seen)
        for i in range(first * LANES, end * LANES, LANES):
            x, y = column(ring, reference_lines, i), column(ring, lines, i)
            store_column(cross, HALO * LANES + i, filtered(weights, products(x, y), reach, 1, ROWS))

    @part
    def measure_reference(scale, coarser, work, top, rows, noise):
        for first in range(0, scale.vectors, TILE):
            end = min(first + TILE, scale.vectors)
            x_mean_columns(scale.ring, work.rows, 0, first, end, work.mean, work.half)
            x_square_columns(scale.ring, work.rows, 0, first, end, work.square)
        add_halo(work.mean, rows, scale.vectors, reach, scale.halo)
        add_halo(work.square, rows, scale.vectors, reach, scale.halo)
        if not last:
            x_shrink(work.half, min(halves, coarser.height - top // 2), scale, coarser, 0, top // 2)
        for row in range(rows):
            for first in range(0, scale.vectors, TILE):
                vectors = min(TILE, scale.vectors - first)
                x_smooth(work.mean, row, first, vectors, work.lines, 0)
                x_smooth(work.square, row, first, vectors, work.lines, 1)
                describe(work, row, first, vectors, scale.inside, noise)

    @part
    def measure_encode(scale, coarser, work, top, rows, picture, noise, gain_limit):
        for first in range(0, scale.vectors, TILE):
            end = min(first + TILE, scale.vectors)
            y_mean_columns(scale.ring, work.rows, picture, first, end, work.mean, work.half)
            y_square_columns(scale.ring, work.rows, picture, first, end, work.square)
            cross_columns(scale.ring, work.rows, picture, first, end, work.cross)
        add_halo(work.mean, rows, scale.vectors, reach, scale.halo)
        add_halo(work.square, rows, scale.vectors, reach, scale.halo)
        add_halo(work.cross, rows, scale.vectors, reach, scale.halo)
        if not last:
            y_shrink(work.half, min(halves, coarser.height - top // 2), scale, coarser, picture, top // 2)
        for row in range(rows):
            for first in range(0, scale.vectors, TILE):
                vectors = min(TILE, scale.vectors - first)
                y_smooth(work.mean, row, first, vectors, work.lines, 0)
                y_smooth(work.square, row, first, vectors, work.lines, 1)
                y_smooth(work.cross, row, first, vectors, work.lines, 2)
                compare(work, row, first, vectors, scale.inside, noise, gain_limit)

    @part
    def measure_block(scale, coarser, work, top, encodes, noise, gain_limit, sums):
        """Add what the rows from `top` on tell to the sums [pictures, 2]; write their halves for the coarser scale."""
        rows = min(ROWS, scale.height - top)
        mirrored_rows(work.rows, top - reach, seen, scale.height)
        for picture in range(encodes + 1):
            start_totals(work.totals, picture)
            if picture:
                measure_encode(scale, coarser, work, top, rows, picture, noise, gain_limit)
            else:
                measure_reference(scale, coarser, work, top, rows, noise)
            add_totals(work.totals, picture, sums)

    return measure_block
