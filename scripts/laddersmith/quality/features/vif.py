"""Visual information fidelity (VIF): how much of what the eye could learn from the reference is left in an encode.

Sheikh & Bovik, "Image information and visual quality", IEEE Transactions on Image Processing 15 (2), 2006, in the
pixel domain and at four scales, as libvmaf's float VIF defines it. At each scale, with E the mean under a Gaussian
window (`FILTERS`), x the reference and y the encode:

    variance_x = E[x^2] - E[x]^2,  variance_y = E[y^2] - E[y]^2,  covariance = E[x y] - E[x] E[y]
    gain = covariance / variance_x,  rest = variance_y - gain covariance        (the paper's g and sigma_v^2)
    VIF = sum log2(1 + gain^2 variance_x / (rest + noise)) / sum log2(1 + variance_x / noise)

Where the covariance is negative nothing is left, and the gain is limited (to 100, or to 1 by the NEG models) after
`rest` is taken. Where variance_x < noise the reference says nothing: both sums get 1, the upper one less
variance_y noise^2 / 255^2. The next scale is the picture under the next scale's window, every second sample of every
second row. Borders are mirrored without repeating the outermost sample.
"""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .arrays import CACHE_LINE, check_frame, check_picture, flat, lines
from .vectors import LANES
from .vif_blocks import HALO, RING, ROWS, RUN, TILE, Scale, Work
from .vif_filters import FILTERS, NOISE, SCALES, SMALLEST
from .vif_frame import measure

__all__ = ["FILTERS", "NOISE", "SCALES", "SMALLEST", "Vif"]


class Vif:
    """VIF of encodes of one reference; the instance holds the memory, so that each thread needs its own.

    width, height: samples, 16 or more; depth: 8, 10, 12 or 16 bits; encodes: the most in one call.
    """

    def __init__(self, width: int, height: int, depth: int, encodes: int, gain_limit: float = 100.0) -> None:
        check_picture("VIF", width, height, depth, SMALLEST)
        self._shape, self._depth, self._encodes = (height, width), depth, encodes
        self._gain_limit = np.float32(gain_limit)
        # Samples stay in their own unit, which only shifts what they are compared with.
        self._unit = 4.0 ** (depth - 8)
        # So many vectors that halving three times leaves whole ones.
        vectors = -(-width // (LANES << (SCALES - 1))) << (SCALES - 1)
        self._line = np.zeros(LANES * max(vectors, LANES) + LANES, np.uint8 if depth == 8 else np.uint16)
        self._scales = [self._scale(scale, vectors >> scale) for scale in range(SCALES)]
        self._work = _work(vectors)
        self._sums = np.zeros((SCALES, encodes + 1, 2))

    def _scale(self, scale: int, vectors: int) -> Scale:
        height, width = (side >> scale for side in self._shape)
        dtype = np.float32 if scale else np.int8 if self._depth == 8 else np.int16
        stored = max(_whole_runs(vectors), LANES)
        position = np.arange(stored)[:, None] + vectors * np.arange(LANES)
        inside = (np.arange(stored)[:, None] < vectors) & (position < width)
        reach, next_reach = (FILTERS[min(s, SCALES - 1)].size // 2 for s in (scale, scale + 1))
        return Scale(
            height=height,
            vectors=vectors,
            ring=_lines((self._encodes + 1) * RING, stored * LANES, dtype),
            inside=inside.astype(np.float32).reshape(1, -1),
            halo=_mirrored(width, vectors, reach),
            next_halo=_mirrored(width, vectors, next_reach),
        )

    def __call__(self, reference: NDArray[np.integer], distorted: NDArray[np.integer]) -> NDArray[np.float64]:
        """vif_scale0..3 of each encode: float64 [encodes, 4].

        reference [height, width] and distorted [encodes, height, width]: uint8 for 8 bits, else uint16; the samples of
        a row are neighbours, rows may be padded.
        """
        count = len(distorted)
        check_frame("VIF", reference, distorted, self._shape, self._encodes, self._depth)
        strides = tuple(stride // self._line.itemsize for stride in (reference.strides[0], *distorted.strides[:2]))
        measure(
            *(flat(samples).view(samples.dtype) for samples in (reference, distorted)), strides, count, self._shape[1],
            1 << (self._depth - 1), self._line, *self._scales, self._work, np.float32(NOISE * self._unit),
            self._gain_limit, self._sums,
        )  # fmt: skip
        (capacity, still), (information, loss) = self._sums[:, 0].T, np.moveaxis(self._sums[:, 1 : count + 1], 2, 0)
        left = information + still[:, None] - loss * (NOISE**2 / 255**2 / self._unit)
        return (left / capacity[:, None]).T.copy()


def _whole_runs(vectors: int) -> int:
    return -(-vectors // RUN) * RUN


def _lines(rows: int, samples: int, dtype: DTypeLike) -> NDArray:
    """`lines`, each an odd number of cache lines long, so that rows spread over the cache."""
    size = np.dtype(dtype).itemsize
    return lines(rows, (-(-samples * size // CACHE_LINE) | 1) * CACHE_LINE // size, dtype)


def _work(vectors: int) -> Work:
    samples = (_whole_runs(vectors) + 2 * HALO + RUN) * LANES
    mean, square, cross, half = (_lines(ROWS, samples, np.float32) for _ in range(4))
    return Work(
        mean=mean,
        square=square,
        cross=cross,
        half=half,
        lines=_lines(3, (TILE + RUN) * LANES, np.float32),
        shared=_lines(2 * ROWS, samples, np.float32),
        totals=_lines(4, LANES, np.float32),
        rows=np.zeros(ROWS + 2 * HALO, np.int64),
    )


def _mirrored(width: int, vectors: int, reach: int) -> NDArray[np.int64]:
    """Pairs of places in a row of a plane: where a sample mirrored at the row's ends belongs, and that sample.

    A place right of the row is in the halo of the last lane, or in the padding of a lane; what is in the first
    vectors of a lane is in the halo of the lane before, too.
    """

    def place(sample: int) -> int:
        lane = min(sample // vectors, LANES - 1)
        return (HALO + sample - lane * vectors) * LANES + lane

    pairs = [((HALO - k) * LANES, place(k)) for k in range(1, reach + 1)]
    for sample in range(width, width + reach):
        source = place(2 * width - 2 - sample)
        pairs.append((place(sample), source))
        lane, first = divmod(sample, vectors)
        if first < reach and lane < LANES:
            pairs.append(((HALO + vectors + first) * LANES + lane - 1, source))
    return np.array(pairs, np.int64)
