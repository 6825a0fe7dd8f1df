"""ADM of one frame: a strip of the reference, then the strip of each encode; each scale as its rows get ready."""

import numpy as np

from .adm_bands import DETAIL, KEPT, encode_row, mask_row, reference_row
from .adm_csf import SCALES
from .adm_wavelet import PAD, RING, mirror, read_row, ring_lines, smooth_row
from .vectors import LANES, inline, kernel

STRIP = 8  # rows of the finest bands: what the encodes share of them stays in the second-level cache
AHEAD = 4  # rows of pixels that are asked for before they are read
_LOST = 3  # rows of impairments that a threshold is made of
# The lines of a picture at one scale: a ring of samples, two rows of what is kept, a ring of impairments.
_KEPT_AT, _LOST_AT, BLOCK = 2 * RING, 2 * RING + 2 * KEPT, 2 * RING + 2 * KEPT + _LOST

# A scale: the size of its picture and of its bands, the part that counts, the lines of the fence and of the reference's
# detail, the weights of the contrast sensitivity.
SCALE = np.dtype(
    [(name, "i8") for name in ("height", "width", "rows", "columns", "top", "bottom", "left", "right")]
    + [(name, "i8") for name in ("fence", "detail")]
    + [(name, "f4") for name in ("straight", "diagonal")],
)


@inline
def ripe(scales, done):
    """The coarsest scale whose next row can be made of what the scale before has made; -1 if there is none.

    Coarsest first: a row is used before the ring that it lies in comes round.
    """
    for scale in range(SCALES - 1, 0, -1):
        row = done[scale]
        if row < scales[scale].rows and done[scale - 1] >= min(2 * row + 3, scales[scale].height):
            return scale
    return -1


@kernel
def band_row(work, scales, scale, row, picture, pictures, gain, sums):
    """One row of coefficients of one picture (0: the reference) at one scale, and the masking that it completes.

    Bands are needed where coefficients count and one row and column further; elsewhere only the smooth band is.
    """
    at = scales[scale]
    block = (scale * pictures + picture) * BLOCK
    lines = ring_lines(block if scale else 0, row, at.height)
    coarse = ((scale + 1) * pictures + picture) * BLOCK + row % RING
    end = -(-at.columns // LANES) * LANES
    first = end
    last = end
    if at.top - 1 <= row <= at.bottom:
        first = max(at.left - 1, 0) // LANES * LANES
        last = min(-(-(at.right + 1) // LANES) * LANES, end)
        detail = at.detail + row % STRIP * DETAIL
        if picture == 0:
            place = scale if at.top <= row < at.bottom else len(sums) - 1
            reference_row(work, lines, first, last, coarse, detail, at.fence, at.straight, at.diagonal, sums, place)
        else:
            kept, lost = block + _KEPT_AT, block + _LOST_AT
            here = lost + row % _LOST
            encode_row(
                work, lines, first, last, coarse, detail, kept + row % 2 * KEPT, here, at.straight, at.diagonal, gain
            )
            if at.left == 0:
                work[here, PAD - 1] = work[here, PAD + 1]
                work[here, PAD + at.columns] = work[here, PAD + at.columns - 1]
            for middle in range(max(row - 1, at.top), min(row + (row == at.rows - 1), at.bottom)):
                up, down = abs(middle - 1), min(middle + 1, at.rows - 1)
                mask_row(
                    work, first, last, kept + middle % 2 * KEPT, lost + up % _LOST, lost + middle % _LOST,
                    lost + down % _LOST, at.fence, at.straight, at.diagonal, sums, picture * SCALES + scale,
                )  # fmt: skip
    if scale < SCALES - 1:
        smooth_row(work, lines, 0, first, coarse)
        smooth_row(work, lines, last, end, coarse)
        mirror(work, coarse, at.columns)


@kernel
def measure(reference, distorted, size, unit, strides, encodes, work, scales, gain, sums):
    """Sums of cubes of what is visible in a frame's pictures, the reference first.

    Parameters
    ----------
    reference, distorted : uint8, flat; a sample has `size` bytes and is worth `unit` steps of 8 bits.
    strides : bytes from row to row of the reference, from encode to encode, and from row to row of an encode.
    encodes : how many there are. work : the lines. scales : `SCALE` [4]. gain : the gain limit.
    sums : float64 [pictures x 4 + 1, 3], written: by picture and scale, by band (h, v, d); the last row is scrap.
    """
    pictures = (len(sums) - 1) // SCALES
    before, done = np.zeros(SCALES, np.int64), np.zeros(SCALES, np.int64)
    sums[:] = 0
    for start in range(0, scales[0].rows, STRIP):
        for picture in range(encodes + 1):
            pixels, first, stride = reference, 0, strides[0]
            if picture:
                pixels, first, stride = distorted, (picture - 1) * strides[1], strides[2]
            for scale in range(SCALES):
                done[scale] = before[scale]
            read = max(2 * start - 1, 0)
            for row in range(start, min(start + STRIP, scales[0].rows)):
                for y in range(read, min(2 * row + 3, scales[0].height)):
                    ahead = AHEAD * stride
                    read_row(pixels, first + y * stride, ahead, size, scales[0].width, unit, work, y % RING)
                read = min(2 * row + 3, scales[0].height)
                scale = 0
                while scale >= 0:
                    band_row(work, scales, scale, done[scale], picture, pictures, gain, sums)
                    done[scale] += 1
                    scale = ripe(scales, done)
        for scale in range(SCALES):
            before[scale] = done[scale]
