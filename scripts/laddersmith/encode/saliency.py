"""Where people look first, from the pictures alone: two methods without training.

Both go by a picture whose shorter side has SIDE pixels, and by samples as they are coded, whatever their transfer.
"""

from collections.abc import Callable, Iterable

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ..source import Media, pictures

SIDE = 64  # "64 pixels in width (or height)": Hou and Zhang, section 3.1
SIGMA = 8.0  # pixels, of the Gaussian that smooths a map: Hou and Zhang, section 3.1

Floats = NDArray[np.float64]


def spectral_residual(rgb: NDArray[np.uint8]) -> Floats:
    """Saliency [rows, columns] of a picture [rows, columns, 3]: what its spectrum has beyond a smooth one.

    The logarithm of the amplitude of the luma's Fourier transform, less its mean over 3 x 3 frequencies, goes back to
    the picture's plane with the phase that was there; the square is smoothed.

    Source: X. Hou, L. Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007, equations 4 to 7.
    """
    spectrum = np.fft.fft2(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64))
    amplitude = np.abs(spectrum)
    log = np.log(np.maximum(amplitude, 1e-9))  # a flat picture has no amplitude but its mean
    residual = log - cv2.blur(log, (3, 3), borderType=cv2.BORDER_REFLECT_101)
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    return np.asarray(cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), SIGMA), np.float64)


def frequency_tuned(rgb: NDArray[np.uint8]) -> Floats:
    """Saliency [rows, columns] of a picture [rows, columns, 3]: how far each place's colour is from the mean one.

    The distance, in CIE L*a*b*, of the picture smoothed by a 5 x 5 binomial kernel from the picture's mean; the map is
    smoothed, so that it marks places and not edges.

    Source: R. Achanta, S. Hemami, F. Estrada, S. Suesstrunk, "Frequency-tuned Salient Region Detection", CVPR 2009,
    equation 4.
    """
    lab = cv2.cvtColor((rgb / 255).astype(np.float32), cv2.COLOR_RGB2Lab).astype(np.float64)
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    smooth = cv2.sepFilter2D(lab, -1, kernel, kernel)
    distance = np.linalg.norm(smooth - lab.mean(axis=(0, 1)), axis=2)
    return np.asarray(cv2.GaussianBlur(distance, (0, 0), SIGMA), np.float64)


METHODS: dict[str, Callable[[NDArray[np.uint8]], Floats]] = {
    "spectral_residual": spectral_residual,
    "frequency_tuned": frequency_tuned,
}


def shot_saliency(media: Media, start: int, end: int, *, method: str, frames: int, threads: int = 0) -> Floats:
    """Saliency [rows, columns] of a shot: the mean over `frames` of its frames, spread evenly, each map with sum 1.

    Parameters
    ----------
    start, end : frames [start, end) of the title. method : a name in METHODS.

    Raises
    ------
    SourceError
        If a frame cannot be read.
    """
    count = min(frames, end - start)
    wanted = {start + int((place + 0.5) * (end - start) / count) for place in range(count)}
    maps = [METHODS[method](small(frame)) for frame in _picked(media, start, max(wanted) + 1, wanted, threads)]
    return np.mean([one / max(one.sum(), 1e-12) for one in maps], axis=0)


def small(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A frame in RGB [rows, columns, 3], its shorter side of SIDE pixels."""
    scale = SIDE / min(frame.width, frame.height)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    return np.asarray(frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray(), np.uint8)


def most_salient(values: Floats, weights: Floats, share: float, levels: int) -> NDArray[np.int64]:
    """Levels [rows, columns] of cells: the most salient ones that make up `share` of the picture get 1 to `levels`, in
    equal shares, the most salient `levels`; the others 0. Equal values go by rows, then columns.

    Parameters
    ----------
    values : [rows, columns] saliency. weights : [rows, columns] each cell's share of the picture.
    """
    order = np.argsort(-values, axis=None, kind="stable")
    weight = weights.ravel()[order]
    above = np.cumsum(weight) - weight / 2  # share of the picture more salient than a cell's middle
    found = np.zeros(values.size, np.int64)
    found[order] = np.where(above < share, levels - np.floor(above / share * levels).astype(np.int64), 0)
    return found.reshape(values.shape)


def _picked(media: Media, start: int, end: int, wanted: set[int], threads: int) -> Iterable[av.VideoFrame]:
    decoded = enumerate(pictures(media, start, end, threads=threads), start)
    return (frame for index, frame in decoded if index in wanted)
