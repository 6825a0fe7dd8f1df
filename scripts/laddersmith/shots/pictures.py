"""Small pictures for detectors and measures, made from the packed frame that is hashed anyway."""

from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from ..source import Media, plane_rows


class Plane(NamedTuple):
    """Where one plane lies in a packed frame: rows, columns, offset in bytes."""

    rows: int
    columns: int
    offset: int


class Shrinker:
    """Makes small RGB pictures in full range of whole frames: ffmpeg's bicubic filter, colours and size in one step.

    So does the tool with which TransNetV2 was trained (`-s 48x27 -pix_fmt rgb24`); it also reckons with where chroma
    stands, which moves single code values by a few.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """(height, width, 3) uint8."""
        small = self._reformatter.reformat(frame, *self._size, "rgb24", interpolation="BICUBIC", threads=1)
        width, height = self._size
        return plane_rows(small.planes[0], np.uint8)[:height, : 3 * width].reshape(height, width, 3).copy()


class Pictures:
    """Reads the packed native frames of one title (`source.frames`) as pictures of other sizes.

    Shrinking averages over areas (OpenCV's INTER_AREA). Nothing here is seen by a viewer or scored.
    """

    def __init__(self, media: Media) -> None:
        self.width, self.height = media.width, media.height
        self._sample = np.dtype("<u2") if media.bit_depth > 8 else np.dtype(np.uint8)
        self._to_8_bit = 0.5 ** (media.bit_depth - 8)
        self._full_range = media.colour.range == "pc" or media.pix_fmt.startswith("yuvj")
        self._planes: list[Plane] = []
        offset = 0
        for component in av.VideoFormat(media.pix_fmt, media.width, media.height).components:
            self._planes.append(Plane(component.height, component.width, offset))
            offset += component.height * component.width * self._sample.itemsize

    def luma(self, packed: bytes, width: int, height: int) -> NDArray[np.float32]:
        """The luma plane as (height, width) float32 code values on the 8-bit scale, as coded (no range expansion)."""
        return self._plane(packed, 0, width, height)

    def bgr(self, packed: bytes, width: int, height: int) -> NDArray[np.uint8]:
        """The picture as (height, width, 3) uint8 BGR in full range.

        Through the matrix of BT.601 whatever the title's own is: detectors compare pictures of one title
        with each other. A title without chroma gives grey.
        """
        y = self._plane(packed, 0, width, height)
        chroma = [self._plane(packed, i, width, height) for i in (2, 1)] if len(self._planes) > 2 else []
        if not self._full_range:  # BT.601, 8-bit scale: luma 16 to 235, chroma 16 to 240
            y = (y - 16) * np.float32(255 / 219)
            chroma = [(c - 128) * np.float32(255 / 224) + 128 for c in chroma]
        neutral = np.full_like(y, 128)
        stacked = cv2.merge([y, *(chroma or (neutral, neutral))])
        whole = np.clip(np.rint(stacked), 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(whole, cv2.COLOR_YCrCb2BGR), np.uint8)

    def _plane(self, packed: bytes, index: int, width: int, height: int) -> NDArray[np.float32]:
        rows, columns, offset = self._planes[index]
        plane: NDArray = np.frombuffer(packed, self._sample, rows * columns, offset).reshape(rows, columns)
        if (columns, rows) != (width, height):
            plane = np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA))
        return plane.astype(np.float32) * np.float32(self._to_8_bit)
