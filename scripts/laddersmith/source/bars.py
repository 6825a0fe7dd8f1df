"""Letterbox and pillarbox bars, from the luma of sampled frames."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# A sample is lit when it is this far above black, in 8-bit steps: more than the noise of a coded bar.
ABOVE_BLACK = 8
# Share of lit samples up to which a row is black (a bar may hold a speck), and from which it is surely picture.
BLACK, PICTURE = 0.01, 0.5
# The picture's first row must show within this many rows of the bar's end: scaled bars have soft edges.
EDGE = 4
LEAST_PICTURE = 0.25


@dataclass
class BarFinder:
    """Collects, over frames of one size, how much of each row and column was ever lit.

    A row belongs to a bar when no sampled frame lit it, so dark scenes and fades never make a bar. An edge counts
    only where the picture next to it was once lit over at least half its length: a night sky, or white words on
    black, have no such edge and are left whole.
    """

    black: float
    rows: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    columns: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    samples: int = 0

    def add(self, luma: NDArray, bits: int) -> None:
        """Take one frame's luma, (height, width), of `bits` bits a sample."""
        lit = luma > (self.black + ABOVE_BLACK) * 2 ** (bits - 8)
        rows, columns = lit.mean(axis=1), lit.mean(axis=0)
        if self.samples:
            rows, columns = np.maximum(rows, self.rows), np.maximum(columns, self.columns)
        self.rows, self.columns, self.samples = rows, columns, self.samples + 1

    def found(self, step_x: int = 2, step_y: int = 2) -> dict[str, int]:
        """Pixels of bar at each side, rounded down to multiples of the steps (even, so that chroma stays in place)."""
        top, bottom = _ends(self.rows, float((self.columns > BLACK).mean()))
        left, right = _ends(self.columns, float((self.rows > BLACK).mean()))
        sides = {"left": left, "right": right, "top": top, "bottom": bottom}
        steps = (step_x, step_x, step_y, step_y)
        return {side: size // step * step for (side, size), step in zip(sides.items(), steps, strict=True)}


def _ends(lit: NDArray, whole: float) -> tuple[int, int]:
    """Bar before and after the picture; `whole` is the share of a line that can be lit at all."""
    if whole < LEAST_PICTURE:
        whole = 1.0
    first, last = _one_end(lit / whole), _one_end(lit[::-1] / whole)
    if len(lit) - first - last < LEAST_PICTURE * len(lit):
        return 0, 0
    return first, last


def _one_end(lit: NDArray) -> int:
    picture = np.flatnonzero(lit > BLACK)
    if not len(picture):
        return 0
    size = int(picture[0])
    return size if lit[size : size + EDGE].max() >= PICTURE else 0
