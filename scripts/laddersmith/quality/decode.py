"""One encode's frames in this process: decoded in presentation order, checked, and scaled to the display."""

from collections.abc import Generator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from ..errors import ScoreError
from ..source.frames import OPTIONS, lacks_memory, plain, plane_rows, url
from .engine import Distorted, Reference
from .picture import packed_format, same_colour, subsampling_and_depth

EXPLODE = {"err_detect": "explode"}  # damage is an error, not a picture put together from what is left


def plane_shapes(pix_fmt: str, width: int, height: int) -> list[tuple[int, int]]:
    """Rows and columns, in samples, of each plane."""
    return [(part.height, part.width) for part in av.VideoFormat(pix_fmt, width, height).components]


def picture_bytes(pix_fmt: str, width: int, height: int) -> list[int]:
    """Bytes of each plane, without padding."""
    sample = sample_type(pix_fmt)().itemsize
    return [rows * columns * sample for rows, columns in plane_shapes(pix_fmt, width, height)]


def sample_type(pix_fmt: str) -> type[np.unsignedinteger]:
    """uint8 for 8 bits, uint16 above."""
    return np.uint8 if subsampling_and_depth(pix_fmt)[1] == 8 else np.uint16


class Planes:
    """Frames brought to one size and pixel format by ffmpeg's own filters, with the reference's colour description.

    The filters and their order are those of the engine libvmaf (`setparams`, then bicubic `scale` straight into the
    scoring format), so the pixels are the same; a frame that has the size and the format passes untouched.
    """

    def __init__(self, reference: Reference, pix_fmt: str) -> None:
        self._size = reference.width, reference.height
        self._pix_fmt = pix_fmt
        self._same = same_colour(reference).removeprefix("setparams=")
        self._graph: Graph | None = None
        self._kind = sample_type(pix_fmt)

    def __call__(self, frame: av.VideoFrame) -> list[NDArray[Any]]:
        """The three planes [rows, columns], uint8 or uint16, as views of the frame's memory: rows may be padded."""
        if (frame.width, frame.height, plain(frame.format.name)) != (*self._size, self._pix_fmt):
            if self._graph is None:
                self._graph = self._built(frame)
            self._graph.push(frame)
            frame = self._graph.pull()  # type: ignore[assignment]
        return [
            plane_rows(plane, self._kind)[: component.height, : component.width]
            for plane, component in zip(frame.planes, frame.format.components, strict=True)
        ]

    def of_packed(self, packed: bytes, pix_fmt: str) -> list[NDArray[Any]]:
        """The planes of a frame that `Reference.read` yields in `pix_fmt`."""
        width, height = self._size
        shapes = plane_shapes(pix_fmt, width, height)
        ends = np.cumsum([0, *(rows * columns for rows, columns in shapes)])
        samples = np.frombuffer(packed, sample_type(pix_fmt))
        planes = [samples[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes, strict=False)]
        if plain(pix_fmt) == self._pix_fmt:
            return planes
        frame = av.VideoFrame(width, height, plain(pix_fmt))
        for plane, target in zip(planes, frame.planes, strict=True):
            plane_rows(target, plane.dtype)[: plane.shape[0], : plane.shape[1]] = plane
        return self(frame)

    def _built(self, frame: av.VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        across, down = self._size
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
        )
        steps = [("setparams", self._same), ("scale", f"{across}:{down}:flags=bicubic"), ("format", self._pix_fmt)]
        graph.link_nodes(source, *(graph.add(name, given) for name, given in steps), graph.add("buffersink"))
        graph.configure()
        return graph


class Encode:
    """The frames of one encode, one after the other, brought to the display's size and the scoring format.

    One thread at a time may use it. `close` ends it.
    """

    def __init__(self, distorted: Distorted, reference: Reference, pix_fmt: str) -> None:
        self.what = distorted.what
        self._distorted = distorted
        self._planes = Planes(reference, pix_fmt)
        self._frames = _decoded(distorted)
        self._first: tuple[Any, ...] | None = None
        self._seen = 0

    def planes(self) -> list[NDArray[Any]] | None:
        """The next frame's planes, or None after the last.

        Raises
        ------
        ScoreError
            If the file is damaged, or a frame has not the size, format, shape or colour that all should have.
        """
        frame = self.skip()
        return None if frame is None else self.scaled(frame)

    def skip(self) -> av.VideoFrame | None:
        """The next frame as it was decoded, and checked; None after the last."""
        try:
            found = next(self._frames, None)
        except av.FFmpegError as error:
            lacks_memory(error)
            raise ScoreError(
                f"{self.what}: {self._distorted.path.name} cannot be decoded to its end (after {self._seen} frames: "
                f"{error.strerror}); it is damaged, encode it again"
            ) from error
        if found is None:
            return None
        frame, aspect = found
        self._check(frame, aspect)
        self._seen += 1
        return frame

    def scaled(self, frame: av.VideoFrame) -> list[NDArray[Any]]:
        """The planes of a frame that `skip` gave."""
        return self._planes(frame)

    def _check(self, frame: av.VideoFrame, aspect: object) -> None:
        distorted = self._distorted
        size, pix_fmt = (frame.width, frame.height), frame.format.name
        if (*size, packed_format(pix_fmt)) != (distorted.width, distorted.height, packed_format(distorted.pix_fmt)):
            raise ScoreError(
                f"{self.what}: decodes to {size[0]}x{size[1]} {pix_fmt}, but it should be "
                f"{distorted.width}x{distorted.height} {distorted.pix_fmt}"
            )
        if frame.rotation % 360:
            raise ScoreError(
                f"{self.what}: asks players to turn its picture by {frame.rotation} degrees; encode it upright"
            )
        range_ = ColorRange.JPEG if pix_fmt.startswith("yuvj") else frame.color_range
        look = (pix_fmt, aspect, range_, frame.colorspace, frame.color_primaries, frame.color_trc)
        if self._first is None:
            self._first = look
        if look != self._first:
            raise ScoreError(
                f"{self.what}: its pixel format, shape or colour description changes at frame {self._seen}; "
                "make it one of a kind first"
            )

    def close(self) -> None:
        """Give the file and the decoder back."""
        self._frames.close()


def _decoded(distorted: Distorted) -> Generator[tuple[av.VideoFrame, object], None, None]:
    """Each frame with the sample aspect ratio that holds at it; damage ends it with ffmpeg's error."""
    with av.open(url(distorted.path), options=OPTIONS | EXPLODE, metadata_errors="replace") as container:
        if not container.streams.video:
            raise ScoreError(f"{distorted.what}: {distorted.path.name} has no video; encode it again")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context is None:
            raise ScoreError(f"{distorted.what}: {distorted.path.name} names no codec that is known; encode it again")
        context.thread_count = 1
        context.options = EXPLODE
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise av.InvalidDataError(0, "a packet is damaged")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise av.InvalidDataError(0, "a frame is damaged")
                yield frame, context.sample_aspect_ratio
