"""What a rung's height means in pixels."""

from collections.abc import Iterable
from fractions import Fraction

WIDEST = Fraction(16, 9)


def box(width: int, height: int, h: int) -> tuple[int, int]:
    """Width and height at which a picture of `width` x `height` pixels is encoded for the rung height `h`.

    The picture keeps its shape inside round(16/9 h) x h (transposed for portrait), both rounded down to even numbers,
    and is never enlarged. One side fills the box, or is the picture's own; the other is the nearest even number.
    """
    across, down = _even(round(WIDEST * h)), _even(h)
    if height > width:
        across, down = down, across
    scale = min(Fraction(across, width), Fraction(down, height), Fraction(1))
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def boxes(media_w: int, media_h: int, heights: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The boxes of `heights`, rising, without those that give the same picture as a smaller one."""
    kept: dict[int, tuple[int, int]] = {}
    for h in sorted(set(heights)):
        size = box(media_w, media_h, h)
        if size not in kept.values():
            kept[h] = size
    return kept


def _even(side: int) -> int:
    """The greatest even number up to `side`."""
    return side - side % 2
