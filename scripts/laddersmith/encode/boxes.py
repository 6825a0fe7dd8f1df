"""What a rung's height means in pixels."""

from collections.abc import Iterable
from fractions import Fraction

WIDEST = Fraction(16, 9)


def box(width: int, height: int, h: int) -> tuple[int, int]:
    """Width and height at which a picture of `width` x `height` pixels is encoded for the rung height `h`.

    The picture keeps its shape inside round(16/9 h) x h (transposed for portrait), is never enlarged, and both sides
    are even: the side that fills the box is rounded down, the other one to the nearest even number.
    """
    across, down = round(WIDEST * h), h
    if height > width:
        across, down = down, across
    scale = min(Fraction(across, width), Fraction(down, height), Fraction(1))
    return _even(width * scale, min(across, width)), _even(height * scale, min(down, height))


def boxes(media_w: int, media_h: int, heights: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The boxes of `heights`, rising, without those that give the same picture as a smaller one."""
    kept: dict[int, tuple[int, int]] = {}
    for h in sorted(set(heights)):
        size = box(media_w, media_h, h)
        if size not in kept.values():
            kept[h] = size
    return kept


def _even(side: Fraction, limit: int) -> int:
    """The even number next to `side`, at least 2 and never above `limit`."""
    nearest = 2 * round(side / 2)
    return max(2, min(nearest, limit - limit % 2))
