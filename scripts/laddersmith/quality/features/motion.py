"""Motion: how much the reference changes from frame to frame.

libvmaf's feature (libvmaf/src/feature/float_motion.c): the mean absolute difference of two neighbouring frames after a
blur, in steps of 8-bit samples. The blur is linear, so it is taken once, of the difference.
"""

import numpy as np
from numpy.typing import NDArray

from .arrays import check_picture, check_samples, flat
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
    magnitude,
    prefetch,
    splat,
    store,
    total,
)

BLUR = (0.054488685, 0.244201342, 0.402619947, 0.244201342, 0.054488685)  # a Gaussian of standard deviation 1
SMALLEST = 3  # samples a side: the blur's mirror image needs two neighbours
_PAD = LANES
_RING = 5  # rows of differences that a blurred row is made of: row r lies in lines r % 5 and 5 + r % 5
_AHEAD = 4  # rows of pixels that are asked for before they are read


@inline
def _difference(previous, current, one, two, size):
    """Of one sample: the one of `size` bytes at `two` less the one at `one`."""
    if size == 1:
        return np.float32(current[two]) - np.float32(previous[one])
    low = np.float32(current[two]) - np.float32(previous[one])
    return low + np.float32(256) * (np.float32(current[two + 1]) - np.float32(previous[one + 1]))


@kernel
def _read_row(previous, current, one, two, ahead, size, width, work, line):
    """The difference of two rows of pixels: samples at even places in one line, those at odd places in another.

    one, two : first byte of the rows. Both lines go on with the row's mirror image, around its first and last sample.
    """
    pairs, even, odd = width // 2, line, line + _RING
    if pairs < LANES:
        for x in range(pairs):
            work[even, _PAD + x] = _difference(previous, current, one + 2 * x * size, two + 2 * x * size, size)
            work[odd, _PAD + x] = _difference(
                previous, current, one + (2 * x + 1) * size, two + (2 * x + 1) * size, size
            )
    for x in range(0, pairs if pairs >= LANES else 0, LANES):
        at = 2 * size * min(x, pairs - LANES)
        prefetch(previous, one + ahead + at)
        prefetch(current, two + ahead + at)
        if size == 1:
            before, here = load_byte_pairs(previous, one + at), load_byte_pairs(current, two + at)
        else:
            before, here = load_word_pairs(previous, one + at), load_word_pairs(current, two + at)
        x = min(x, pairs - LANES)
        store(work, even, _PAD + x, here[0] - before[0])
        store(work, odd, _PAD + x, here[1] - before[1])
    end = _PAD + pairs
    if width % 2:
        last = (width - 1) * size
        work[even, end] = _difference(previous, current, one + last, two + last, size)
        work[odd, end] = work[odd, end - 1]
        work[even, end + 1] = work[even, end - 1]
    else:
        work[even, end] = work[even, end - 1]
        work[odd, end] = work[odd, end - 2]
    work[odd, _PAD - 1] = work[odd, _PAD]
    work[even, _PAD - 1] = work[even, _PAD + 1]


@inline
def _blurred(outer, inner, middle):
    """The filter, given the sum of its outer samples, that of its inner ones, and the middle one."""
    return fused(splat(BLUR[0]), outer, fused(splat(BLUR[1]), inner, splat(BLUR[2]) * middle))


@inline
def _blurred_down(work, lines, x):
    a, b, c, d, e = lines
    outer, inner = load(work, a, x) + load(work, e, x), load(work, b, x) + load(work, d, x)
    return _blurred(outer, inner, load(work, c, x))


@inline
def _blurred_both(work, lines, x):
    """Sixteen even and sixteen odd samples, blurred down the columns."""
    a, b, c, d, e = lines
    odd = a + _RING, b + _RING, c + _RING, d + _RING, e + _RING
    return _blurred_down(work, lines, x), _blurred_down(work, odd, x)


@kernel
def _sum_row(work, lines, inside, columns):
    """Sum of |blurred difference| along a row of `columns` even samples.

    inside : the line with 1 at the row's even samples and 0 behind; that of the odd samples follows.
    """
    sums = splat(0)
    before = _blurred_both(work, lines, 0)
    here = _blurred_both(work, lines, _PAD)
    for x in range(_PAD, _PAD + columns, LANES):
        behind = _blurred_both(work, lines, x + LANES)
        even, odd = here
        odd_before, even_behind = earlier(before[1], odd), later(even, behind[0])
        evens = _blurred(earlier(before[0], even) + even_behind, odd_before + odd, even)
        odds = _blurred(odd_before + later(odd, behind[1]), even + even_behind, odd)
        sums = fused(magnitude(evens), load(work, inside, x), sums)
        sums = fused(magnitude(odds), load(work, inside + 1, x), sums)
        before, here = here, behind
    return total(sums)


@kernel
def _sum_frame(previous, current, strides, size, height, width):
    """Sum of |blurred difference| over a frame, in samples."""
    columns = (width + 1) // 2
    inside = 2 * _RING
    length = LANES * (columns // LANES + 4 | 1)  # an odd number of vectors: lines spread over the cache
    work = np.zeros((inside + 2, length), np.float32)
    work[inside, _PAD : _PAD + columns] = 1
    work[inside + 1, _PAD : _PAD + width // 2] = 1
    result, read = 0.0, 0
    for row in range(height):
        for y in range(read, min(row + 3, height)):
            _read_row(
                previous, current, y * strides[0], y * strides[1], _AHEAD * strides[0], size, width, work, y % _RING
            )
        read = min(row + 3, height)
        a, b = abs(row - 2) % _RING, abs(row - 1) % _RING
        d, e = (height - 1 - abs(height - 2 - row)) % _RING, (height - 1 - abs(height - 3 - row)) % _RING
        result += _sum_row(work, (a, b, row % _RING, d, e), inside, columns)
    return result


def motion(previous: NDArray[np.integer], current: NDArray[np.integer], depth: int) -> float:
    """Mean absolute difference of two blurred references.

    Parameters
    ----------
    previous, current : neighbouring frames [height, width], uint8, or uint16 of `depth` bits; rows may be padded.

    Returns
    -------
    The difference in steps of 8-bit samples.

    Raises
    ------
    ScoreError
        If the frames differ in shape, have another type than the depth calls for, or are smaller than 3x3.
    """
    height, width = current.shape
    check_picture("motion", width, height, depth, SMALLEST)
    for frame in (previous, current):
        check_samples("motion", frame, (height, width), depth)
    strides = previous.strides[0], current.strides[0]
    result = _sum_frame(flat(previous), flat(current), strides, current.itemsize, height, width)
    return result / (height * width * 2.0 ** (depth - 8))


def motion2(motion: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smaller of a frame's motion and the next frame's, float64 [frames].

    `motion` of the first frame, which has none before it, is 0. The last frame keeps its own.
    """
    result = np.minimum(motion, np.append(motion[1:], np.inf))
    result[:1] = 0.0
    return result
