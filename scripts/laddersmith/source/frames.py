"""Reading frames by index, cropped, scaled and packed for a pipe."""

import errno
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from numpy.typing import DTypeLike, NDArray

from ..errors import SourceError
from ..ffmpeg import DEMUXERS
from .media import Media

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "max_pixels": str(8192 * 8192)}
# How far before the wanted frame a seek aims when the nearest one did not arrive at a clean frame; then from the start.
REACHES_S = (0.0, 2.0, 10.0)


def url(path: str | Path) -> str:
    """A path in a form that no name can turn into a protocol or an option."""
    return f"file:{path}"


def packed_bytes(pix_fmt: str, width: int, height: int) -> int:
    """Bytes of one packed frame: every plane's rows without padding."""
    return sum(rows * columns for rows, columns in _plane_shapes(pix_fmt, width, height))


def frames(
    media: Media,
    start: int = 0,
    end: int | None = None,
    *,
    width: int | None = None,
    height: int | None = None,
    pix_fmt: str | None = None,
    threads: int = 0,
) -> Iterator[bytes]:
    """Frames `[start, end)` in presentation order, cropped, then scaled (bicubic) to `width` x `height` in `pix_fmt`.

    Each frame is the bytes of its planes, row by row without padding, as ffmpeg's rawvideo reads them
    (samples over 8 bits are two little-endian bytes). The range of the samples (full, limited) stays what it is.
    At most `threads` decode and scale; 0: as many as there are cores.

    Raises
    ------
    SourceError
        If the range lies outside the title, a frame is missing, or the decoder reports damage.
    """
    end = media.frames if end is None else end
    if not 0 <= start < end <= media.frames:
        raise SourceError(f"{media.path}: frames [{start}, {end}) asked for, but the title has {media.frames}")
    width, height, pix_fmt = width or media.width, height or media.height, plain(pix_fmt or media.pix_fmt)
    reformatter = VideoReformatter()
    for picture in pictures(media, start, end, threads=threads):
        if (picture.width, picture.height, plain(picture.format.name)) != (width, height, pix_fmt):
            picture = reformatter.reformat(picture, width, height, pix_fmt, interpolation="BICUBIC", threads=threads)
        yield pack(picture)


def pictures(media: Media, start: int, end: int, *, threads: int = 0) -> Iterator[av.VideoFrame]:
    """Decoded frames `[start, end)`, cropped to the picture used; threads and errors as `decoded`."""
    return (_crop(frame, media) for frame in decoded(media, start, end, threads=threads))


def decoded(media: Media, start: int, end: int, *, threads: int = 0) -> Iterator[av.VideoFrame]:
    """Decoded frames `[start, end)` as they come, uncropped; found by index from a clean keyframe before.

    At most `threads` decode; 0: as many as there are cores.
    """
    reaches = [round(reach * media.frame_rate) for reach in REACHES_S] if media.seekable else []
    for reach in [*(reach for reach in reaches if reach < start), None]:
        with opened(media.path) as container:
            stream = container.streams.video[media.video_stream]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            coming = _arrive(container, stream, media, start, reach)
            if coming is None:
                continue
            expected = None
            for index, frame in coming:
                if expected is not None and index != expected:
                    raise SourceError(f"{media.path}: frame {expected} is missing (frame {index} came instead)")
                expected = index + 1
                if start <= index < end:
                    yield frame
                if expected >= end:
                    return
            raise SourceError(f"{media.path}: decoding ended before frame {end}; the file is truncated or damaged")


@contextmanager
def opened(path: str) -> Iterator[av.container.InputContainer]:
    """The file, opened for reading nothing but itself; the decoder's errors come out as ours.

    Raises
    ------
    SourceError
        If it cannot be opened or decoded.
    MemoryError
        If an allocation failed.
    """
    try:
        with av.open(url(path), options=OPTIONS, metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, IndexError) as error:
        lacks_memory(error)
        raise SourceError(f"{path}: cannot be decoded ({error}); the file is truncated or corrupt") from error


def lacks_memory(error: Exception) -> None:
    """Raise MemoryError where the decoder's error is that memory, or a thread (its stack), could not be had."""
    if getattr(error, "errno", None) in (errno.ENOMEM, errno.EAGAIN):
        raise MemoryError(str(error)) from error


def pack(frame: av.VideoFrame) -> bytes:
    """The frame's planes, row by row without padding."""
    shapes = _plane_shapes(frame.format.name, frame.width, frame.height)
    return b"".join(
        plane_rows(plane, np.uint8)[:rows, :columns].tobytes()
        for plane, (rows, columns) in zip(frame.planes, shapes, strict=True)
    )


def plane_rows(plane: VideoPlane, kind: DTypeLike) -> NDArray[Any]:
    """A plane's memory as rows of samples of type `kind`, padding included."""
    samples = np.frombuffer(plane, kind)  # type: ignore[call-overload]
    return samples.reshape(-1, plane.line_size // samples.itemsize)


def plain(pix_fmt: str) -> str:
    """The name without the letter by which old formats say full range, which is Colour.range's to say."""
    return pix_fmt.replace("yuvj", "yuv")


def _arrive(
    container: av.container.InputContainer, stream: av.VideoStream, media: Media, start: int, reach: int | None
) -> Iterator[tuple[int, av.VideoFrame]] | None:
    """Frames with their indices from a keyframe at or before `start`; None when the seek came down after it.

    A seek aims `reach` frames before `start`; with None the file is read from its beginning. Frames that come out
    before the first keyframe leant on pictures that were skipped and are dropped.
    """
    first = media.first_pts if media.first_pts is not None else stream.start_time or 0
    assert stream.time_base is not None
    step = 1 / (media.frame_rate * stream.time_base)
    if reach is not None:
        container.seek(int(first + (start - reach) * step), stream=stream)
    coming = ((_index(media, frame, first, step), frame) for frame in container.decode(stream))
    if reach is None:
        return coming
    clean = itertools.dropwhile(lambda item: not item[1].key_frame, coming)
    landed = next(clean, None)
    return itertools.chain([landed], clean) if landed and landed[0] <= start else None


def _index(media: Media, frame: av.VideoFrame, first: int, step: Fraction) -> int:
    if frame.pts is None:
        raise SourceError(f"{media.path}: a frame has no time stamp; set probe.normalise: true")
    return round((frame.pts - first) / step)


def _plane_shapes(pix_fmt: str, width: int, height: int) -> list[tuple[int, int]]:
    """Rows and bytes per row of each plane."""
    layout = av.VideoFormat(pix_fmt, width, height)
    if any(component.plane != i for i, component in enumerate(layout.components)):
        raise SourceError(f"pixel format {pix_fmt} is not planar YUV or grey; set probe.normalise: true")
    sample = 2 if max(component.bits for component in layout.components) > 8 else 1
    return [(component.height, component.width * sample) for component in layout.components]


def _crop(frame: av.VideoFrame, media: Media) -> av.VideoFrame:
    """The picture within the bars. Offsets are even, so that chroma stays where it was."""
    if (frame.width, frame.height) == (media.width, media.height):
        return frame
    cropped = av.VideoFrame(media.width, media.height, frame.format.name)
    for whole, part, component in zip(frame.planes, cropped.planes, frame.format.components, strict=True):
        across, down = frame.width // component.width, frame.height // component.height
        sample = 2 if component.bits > 8 else 1
        rows = plane_rows(whole, np.uint8)
        x, y = media.crop_x // across * sample, media.crop_y // down
        target = plane_rows(part, np.uint8)
        kept = rows[y : y + part.height, x : x + part.width * sample]
        target[: part.height, : part.width * sample] = kept
    cropped.colorspace, cropped.color_range = frame.colorspace, frame.color_range
    cropped.color_primaries, cropped.color_trc = frame.color_primaries, frame.color_trc
    return cropped
