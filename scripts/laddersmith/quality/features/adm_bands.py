"""What ADM does with the bands of a row: decouple what an encode kept from what it added, mask, and pool.

The columns [first, last) of a row are whole vectors and reach beyond the part of the band that counts; a line called
`fence`, 0 where a column counts and far below 0 where not, keeps the others out of the sums.
"""

from .adm_csf import COS2_ONE_DEGREE, HIGH, LOW, MASKING
from .adm_wavelet import PAD, split_across, split_down, store_smooth, taps
from .vectors import (
    LANES,
    earlier,
    fused,
    inline,
    kernel,
    later,
    load,
    magnitude,
    maximum,
    minimum,
    splat,
    store,
    total,
    towards,
    where_reaches,
)

DETAIL = 4  # lines that the reference keeps of a row: bands h, v, d, and what the test of angles needs of h and v
KEPT = 3  # lines that an encode keeps of a row: bands h, v, d


@inline
def add_cubes(sums, h, v, d, straight, diagonal, offset):
    """Add max(weight x + offset, 0)^3 of the three bands to the sums."""
    zero = splat(0)
    h, v = maximum(fused(h, straight, offset), zero), maximum(fused(v, straight, offset), zero)
    d = maximum(fused(d, diagonal, offset), zero)
    return fused(h * h, h, sums[0]), fused(v * v, v, sums[1]), fused(d * d, d, sums[2])


@inline
def pool(sums, place, cubes):
    """Add the lanes of three vectors to three sums."""
    sums[place, 0] += total(cubes[0])
    sums[place, 1] += total(cubes[1])
    sums[place, 2] += total(cubes[2])


@kernel
def reference_row(work, lines, first, last, coarse, detail, fence, straight, diagonal, sums, place):
    """The reference's bands in columns [first, last) of a row, and its visible detail (the denominator of ADM)."""
    low, high, cone = taps(LOW), taps(HIGH), splat(COS2_ONE_DEGREE)
    straights, diagonals = splat(straight), splat(diagonal)
    cubes = splat(0), splat(0), splat(0)
    before = split_down(work, lines, low, high, PAD + first - LANES)
    here = split_down(work, lines, low, high, PAD + first)
    for x in range(first, last, LANES):
        behind = split_down(work, lines, low, high, PAD + x + LANES)
        smooth, h, v, d = split_across(before, here, behind, low, high)
        before, here = here, behind
        store_smooth(work, coarse, x, smooth)
        store(work, detail, PAD + x, h)
        store(work, detail + 1, PAD + x, v)
        store(work, detail + 2, PAD + x, d)
        store(work, detail + 3, PAD + x, cone * (h * h + v * v))
        outside = load(work, fence, PAD + x)
        cubes = add_cubes(cubes, magnitude(h), magnitude(v), magnitude(d), straights, diagonals, outside)
    pool(sums, place, cubes)


@inline
def decoupled(t, o, limit):
    """(|r|, |t - r|): what the encode t kept of the reference o, and what else there is in t.

    Li et al. 2011, section III: r = clip(t / o, 0, 1) o, but r = t where the encode only changes the contrast; libvmaf
    bounds that by a limit: clip(t / o, 0, limit) o. Either is the value next to t between 0 and limit x o.
    """
    kept = maximum(minimum(towards(t, o), limit * magnitude(o)), splat(0))
    return kept, magnitude(t) - kept


@kernel
def encode_row(work, lines, first, last, coarse, detail, kept, lost, straight, diagonal, gain):
    """An encode's bands in columns [first, last) of a row: what it kept, and its weighted impairments summed up.

    The contrast alone has changed where the angle between (oh, ov) and (th, tv) is less than one degree:

        dot = oh th + ov tv >= 0  and  dot^2 >= cos^2(1 degree) |o|^2 |t|^2
    """
    low, high, one, gains = taps(LOW), taps(HIGH), splat(1), splat(gain)
    straights, diagonals = splat(-MASKING * straight), splat(-MASKING * diagonal)
    before = split_down(work, lines, low, high, PAD + first - LANES)
    here = split_down(work, lines, low, high, PAD + first)
    for x in range(first, last, LANES):
        behind = split_down(work, lines, low, high, PAD + x + LANES)
        smooth, th, tv, td = split_across(before, here, behind, low, high)
        before, here = here, behind
        store_smooth(work, coarse, x, smooth)
        oh, ov, od = load(work, detail, PAD + x), load(work, detail + 1, PAD + x), load(work, detail + 2, PAD + x)
        dot = oh * th + ov * tv
        bound = load(work, detail + 3, PAD + x) * (th * th + tv * tv)
        limit = where_reaches(dot * magnitude(dot), bound, gains, one)
        kept_h, lost_h = decoupled(th, oh, limit)
        kept_v, lost_v = decoupled(tv, ov, limit)
        kept_d, lost_d = decoupled(td, od, limit)
        store(work, kept, PAD + x, kept_h)
        store(work, kept + 1, PAD + x, kept_v)
        store(work, kept + 2, PAD + x, kept_d)
        store(work, lost, PAD + x, fused(lost_h + lost_v, straights, lost_d * diagonals))


@inline
def three(work, up, middle, down, x):
    """Sixteen sums over three rows of impairments."""
    return load(work, up, x) + load(work, middle, x) + load(work, down, x)


@kernel
def mask_row(work, first, last, kept, up, middle, down, fence, straight, diagonal, sums, place):
    """What is kept in columns [first, last) of a row above the threshold of the impairments around it.

    Contrast masking of Li et al. 2011, section III: the threshold is a thirtieth of the impairments of all three bands
    at each of the eight neighbours, and a fifteenth at the place itself. They are stored negative.
    """
    straights, diagonals = splat(straight), splat(diagonal)
    cubes = splat(0), splat(0), splat(0)
    before = three(work, up, middle, down, PAD + first - LANES)
    here = three(work, up, middle, down, PAD + first)
    for x in range(first, last, LANES):
        behind = three(work, up, middle, down, PAD + x + LANES)
        around = earlier(before, here) + here + later(here, behind) + load(work, middle, PAD + x)
        before, here = here, behind
        h, v, d = load(work, kept, PAD + x), load(work, kept + 1, PAD + x), load(work, kept + 2, PAD + x)
        cubes = add_cubes(cubes, h, v, d, straights, diagonals, around + load(work, fence, PAD + x))
    pool(sums, place, cubes)
