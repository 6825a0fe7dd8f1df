"""One level of the db2 wavelet, a row of coefficients at a time, out of a ring of four rows of samples.

All kernels of ADM work in the lines of one float32 matrix. A row of samples takes two lines, one for its samples at
even places and one for those at odd places, so that a filter's step of two samples is a step of one lane. A line has
`PAD` floats before its first sample and room for two vectors behind the last; next to the samples stands their mirror
image.

The order of every addition is libvmaf's: a coefficient that is zero there is zero here, and the test of angles that
follows, which turns on the last bit where two coefficients are nothing but rounding, comes out the same.
"""

import numpy as np

from .adm_csf import LOW
from .vectors import (
    LANES,
    earlier,
    fused,
    inline,
    kernel,
    later,
    load,
    load_byte_pairs,
    load_word_pairs,
    prefetch,
    splat,
    store,
    store_split,
)

MIDDLE = 128  # taken off every sample, in steps of 8 bits
PAD = LANES
RING = 4  # rows of samples that one row of coefficients is made of: row r lies in lines r % 4 and 4 + r % 4 of the ring


def line_length(columns: int) -> int:
    """Floats of a line for `columns` samples: an odd number of vectors, so that lines spread over the cache."""
    return LANES * (-(-columns // LANES) + 3 | 1)


@inline
def taps(weights):
    """The four taps of a filter as vectors."""
    return splat(weights[0]), splat(weights[1]), splat(weights[2]), splat(weights[3])


@inline
def filtered(tap, a, b, c, d):
    """The sum of four products, from left to right."""
    return tap[0] * a + tap[1] * b + tap[2] * c + tap[3] * d


@inline
def ring_lines(ring, row, height):
    """The lines with the even samples of rows 2 row - 1 .. 2 row + 2 of a picture of that height.

    Beyond the picture its rows are mirrored: at the top around the first row (-1 is 1), at the bottom behind the last
    (height is height - 1).
    """
    a = abs(2 * row - 1)
    b = 2 * row
    c = min(2 * row + 1, 2 * height - 2 * row - 2)
    d = min(2 * row + 2, 2 * height - 2 * row - 3)
    return ring + a % RING, ring + b % RING, ring + c % RING, ring + d % RING


@inline
def mirror(work, line, width):
    """Continue a row of `width` samples on both sides, as the rows are continued at the top and at the bottom."""
    even, odd, pairs = line, line + RING, (width + 1) // 2
    work[odd, PAD - 1] = work[odd, PAD]
    if width % 2 == 0:
        work[even, PAD + pairs] = work[odd, PAD + pairs - 1]
    else:
        work[odd, PAD + pairs - 1] = work[even, PAD + pairs - 1]
        work[even, PAD + pairs] = work[odd, PAD + pairs - 2]


@inline
def sample(pixels, first, size, place, unit):
    """One sample of a row, in steps of 8 bits around the middle."""
    at = first + size * place
    value = np.int32(pixels[at]) if size == 1 else np.int32(pixels[at]) + 256 * np.int32(pixels[at + 1])
    return np.float32(value) * unit - np.float32(MIDDLE)


@kernel
def read_row(pixels, first, ahead, size, width, unit, work, line):
    """Turn a row of pixels of `size` bytes, from byte `first` on, into the two lines of a row of samples.

    Its samples are `unit` steps of 8 bits. `ahead` bytes from there lies a row that will be read before long.
    """
    step, middle = splat(unit), splat(-MIDDLE)
    pairs = width // 2
    if pairs < LANES:
        for x in range(pairs):
            work[line, PAD + x] = sample(pixels, first, size, 2 * x, unit)
            work[line + RING, PAD + x] = sample(pixels, first, size, 2 * x + 1, unit)
    for x in range(0, pairs if pairs >= LANES else 0, LANES):
        x = min(x, pairs - LANES)
        prefetch(pixels, first + ahead + 2 * size * x)
        if size == 1:
            even, odd = load_byte_pairs(pixels, first + 2 * x)
        else:
            even, odd = load_word_pairs(pixels, first + 4 * x)
        store(work, line, PAD + x, fused(even, step, middle))
        store(work, line + RING, PAD + x, fused(odd, step, middle))
    if width % 2:
        work[line, PAD + pairs] = sample(pixels, first, size, width - 1, unit)
    mirror(work, line, width)


@inline
def four(work, lines, x):
    """Sixteen samples at x of each of the four lines."""
    a, b, c, d = lines
    return load(work, a, x), load(work, b, x), load(work, c, x), load(work, d, x)


@inline
def odd_lines(lines):
    """The lines with the odd samples of the four rows."""
    a, b, c, d = lines
    return a + RING, b + RING, c + RING, d + RING


@inline
def smoothed_down(work, lines, low, x):
    """Low-pass down the columns: (even, odd) samples of sixteen pairs of columns."""
    a, b, c, d = four(work, lines, x)
    even = filtered(low, a, b, c, d)
    a, b, c, d = four(work, odd_lines(lines), x)
    return even, filtered(low, a, b, c, d)


@inline
def split_down(work, lines, low, high, x):
    """Both filters down the columns: (low even, low odd, high even, high odd) of sixteen pairs of columns."""
    a, b, c, d = four(work, lines, x)
    low_even, high_even = filtered(low, a, b, c, d), filtered(high, a, b, c, d)
    a, b, c, d = four(work, odd_lines(lines), x)
    return low_even, filtered(low, a, b, c, d), high_even, filtered(high, a, b, c, d)


@inline
def smoothed_across(before, here, behind, low):
    """Low-pass along the row: sixteen coefficients of the smooth band."""
    even, odd = here
    return filtered(low, earlier(before[1], odd), even, odd, later(even, behind[0]))


@inline
def split_across(before, here, behind, low, high):
    """Sixteen coefficients of each band: smooth, h (high-pass down), v (high-pass across), d (both)."""
    even, odd = here[0], here[1]
    odd_before, even_behind = earlier(before[1], odd), later(even, behind[0])
    smooth, v = filtered(low, odd_before, even, odd, even_behind), filtered(high, odd_before, even, odd, even_behind)
    even, odd = here[2], here[3]
    odd_before, even_behind = earlier(before[3], odd), later(even, behind[2])
    h, d = filtered(low, odd_before, even, odd, even_behind), filtered(high, odd_before, even, odd, even_behind)
    return smooth, h, v, d


@inline
def store_smooth(work, line, x, smooth):
    """Sixteen coefficients of the smooth band are samples of the next scale: half to the even line, half to the odd."""
    store_split(work, line, line + RING, PAD + x // 2, smooth)


@kernel
def smooth_row(work, lines, first, last, coarse):
    """Columns [first, last), whole vectors, of a row of the smooth band: samples of the next scale."""
    low = taps(LOW)
    if first < last:
        before = smoothed_down(work, lines, low, PAD + first - LANES)
        here = smoothed_down(work, lines, low, PAD + first)
    for x in range(first, last, LANES):
        behind = smoothed_down(work, lines, low, PAD + x + LANES)
        store_smooth(work, coarse, x, smoothed_across(before, here, behind, low))
        before, here = here, behind
