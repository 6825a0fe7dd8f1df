"""VIF of one frame: every scale of every picture, block by block as its rows get ready, so that little is in hand."""

from .vif_blocks import RING, ROWS, kernel, measures, part, take_row
from .vif_filters import FILTERS

_REACH = tuple(taps.size // 2 for taps in FILTERS)
_HALVES = tuple(tuple(taps[: taps.size // 2 + 1]) for taps in FILTERS)  # the filters mirror themselves
_measure_first = measures(_HALVES[0], _HALVES[1], last=False)
_measure_second = measures(_HALVES[1], _HALVES[2], last=False)
_measure_third = measures(_HALVES[2], _HALVES[3], last=False)
_measure_fourth = measures(_HALVES[3], _HALVES[3], last=True)


@part
def _ripe(top, reach, ready, height):
    """Whether the block from `top` on is still to be measured and all rows that it sees are there."""
    return top < height and ready >= min(top + ROWS + reach, height)


@kernel
def measure(
    reference, distorted, strides, encodes, width, middle, line, first, second, third, fourth, work, noise, gain_limit,
    sums,
):  # fmt: skip
    """Sums of a frame's information, float64 [scales, pictures, 2]; see `describe` and `compare`.

    reference, distorted: flat samples from the first to the last; strides: samples from a row of the reference to the
    next, from an encode to the next, from a row of an encode to the next. middle: half the range of a sample.
    """
    sums[:] = 0
    taken = second_top = third_top = fourth_top = 0
    for top in range(0, first.height, ROWS):
        seen = min(top + ROWS + _REACH[0], first.height)
        for row in range(taken, seen):
            take_row(reference, row * strides[0], width, middle, line, first.ring, row % RING, first.vectors)
            for e in range(encodes):
                start, target = e * strides[1] + row * strides[2], (e + 1) * RING + row % RING
                take_row(distorted, start, width, middle, line, first.ring, target, first.vectors)
        taken = seen
        _measure_first(first, second, work, top, encodes, noise, gain_limit, sums[0])
        while _ripe(second_top, _REACH[1], min((top + ROWS) // 2, second.height), second.height):
            _measure_second(second, third, work, second_top, encodes, noise, gain_limit, sums[1])
            second_top += ROWS
        while _ripe(third_top, _REACH[2], min(second_top // 2, third.height), third.height):
            _measure_third(third, fourth, work, third_top, encodes, noise, gain_limit, sums[2])
            third_top += ROWS
        while _ripe(fourth_top, _REACH[3], min(third_top // 2, fourth.height), fourth.height):
            _measure_fourth(fourth, fourth, work, fourth_top, encodes, noise, gain_limit, sums[3])
            fourth_top += ROWS
