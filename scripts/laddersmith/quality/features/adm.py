"""ADM: how much of the reference's visible detail is left in an encode.

Li, Zhang, Ma, Ngan: Image Quality Assessment by Separately Evaluating Detail Losses and Additive Impairments, IEEE
Trans. Multimedia 13(5), 2011, as libvmaf computes it (libvmaf/src/feature/adm.c, float, default options):

    bands of both pictures          db2 wavelet, four scales                            adm_wavelet.py
    r, a = decoupled(t, o)          what an encode t kept of the reference o, and what  adm_bands.py
                                    else is in it
    threshold                       impairments a around a place, seen by the eye       adm_bands.py
    numerator, denominator          (sum of x^3)^(1/3) + (area / 32)^(1/3) over the     here
                                    inner part of each band, of what is visible of r
                                    and of o; added over bands and scales
    adm2 = numerator / denominator  and adm_scale0..3 for each scale alone

The work is done line by line and strip by strip (adm_frame.py), so that all of it stays in the caches.
"""

import numpy as np
from numpy.typing import NDArray

from .adm_bands import DETAIL
from .adm_csf import NOISE, SCALES, pooled, sensitivity
from .adm_frame import BLOCK, SCALE, STRIP, measure
from .adm_wavelet import PAD, line_length
from .arrays import check_frame, check_picture, flat, lines

SMALLEST = 17  # samples a side: below, a band of the coarsest scale has one coefficient and no neighbour to mirror
OUTSIDE = -1e30  # added to coefficients that do not count


class Adm:
    """ADM of one reference frame against its encodes; holds the workspace, so one instance serves one thread.

    Parameters
    ----------
    width, height : of the frames, in samples, at least 17.
    depth : bits per sample: 8, 10, 12 or 16.
    encodes : the most that will come at once.
    gain_limit : how many times the reference's detail an encode may show and have counted (libvmaf's
        adm_enhn_gain_limit): 100, and 1 in the NEG models.

    Raises
    ------
    ScoreError
        If the frames are too small, or the depth is another.
    """

    def __init__(self, width: int, height: int, depth: int, encodes: int, gain_limit: float = 100.0) -> None:
        check_picture("ADM", width, height, depth, SMALLEST)
        self._shape, self._depth, self._encodes = (height, width), depth, encodes
        self._unit, self._gain = np.float32(0.5 ** (depth - 8)), np.float32(gain_limit)
        pictures = encodes + 1
        blocks = (SCALES + 1) * pictures * BLOCK
        self._scales = _scales(width, height, blocks)
        self._work = lines(blocks + SCALES * (STRIP * DETAIL + 1), line_length(int(self._scales["columns"][0])))
        for scale in self._scales:
            self._work[scale["fence"]] = OUTSIDE
            self._work[scale["fence"], PAD + scale["left"] : PAD + scale["right"]] = 0
        self._sums = np.zeros((pictures * SCALES + 1, 3))
        area = (self._scales["bottom"] - self._scales["top"]) * (self._scales["right"] - self._scales["left"])
        self._noise = 3 * np.cbrt(area * NOISE)

    def __call__(self, reference: NDArray[np.integer], distorted: NDArray[np.integer]) -> NDArray[np.float64]:
        """ADM of each encode.

        Parameters
        ----------
        reference : [height, width], uint8, or uint16 of `depth` bits; rows may be padded.
        distorted : [n, height, width] of the same type, n no more than `encodes`.

        Returns
        -------
        float64 [n, 5]: adm2, adm_scale0 (finest) to adm_scale3; 1 is all detail kept.

        Raises
        ------
        ScoreError
            If shape or type are not as promised.
        """
        count = len(distorted)
        check_frame("ADM", reference, distorted, self._shape, self._encodes, self._depth)
        strides = (reference.strides[0], *distorted.strides[:2])
        measure(
            flat(reference), flat(distorted), reference.itemsize, self._unit, strides, count, self._work, self._scales,
            self._gain, self._sums,
        )  # fmt: skip
        visible = np.cbrt(self._sums[:-1]).sum(axis=1).reshape(-1, SCALES)[: count + 1] + self._noise
        whole = visible.sum(axis=1, keepdims=True)
        visible = np.hstack([whole, visible])
        return visible[1:] / visible[0]


def _scales(width: int, height: int, blocks: int) -> NDArray[np.void]:
    """Sizes, weights and lines of each scale, `SCALE` [4]; the lines of the pictures are the first `blocks`."""
    scales = np.zeros(SCALES, SCALE)
    for s, scale in enumerate(scales):
        scale["height"], scale["width"] = height, width
        height, width = (height + 1) // 2, (width + 1) // 2
        scale["rows"], scale["columns"] = height, width
        (scale["top"], scale["bottom"]), (scale["left"], scale["right"]) = pooled(height), pooled(width)
        scale["straight"], scale["diagonal"] = sensitivity(s)
        scale["detail"] = blocks + s * STRIP * DETAIL
        scale["fence"] = blocks + SCALES * STRIP * DETAIL + s
    return scales
