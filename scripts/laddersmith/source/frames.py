"""Reading frames by index, cropped, scaled and packed for a pipe."""

from collections.abc import Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ..errors import SourceError
from ..ffmpeg import DEMUXERS
from .media import Media

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}


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
) -> Iterator[bytes]:
    """Frames `[start, end)` in presentation order, cropped, then scaled (bicubic) to `width` x `height` in `pix_fmt`.

    Each frame is the bytes of its planes, row by row without padding, as ffmpeg's rawvideo reads them
    (samples over 8 bits are two little-endian bytes).

    Raises
    ------
    SourceError
        If the range lies outside the title, a frame is missing, or the decoder reports damage.
    """
    end = media.frames if end is None else end
    if not 0 <= start < end <= media.frames:
        raise SourceError(f"{media.path}: frames [{start}, {end}) asked for, but the title has {media.frames}")
    width, height, pix_fmt = width or media.width, height or media.height, pix_fmt or media.pix_fmt
    reformatter = VideoReformatter()
    for frame in decoded(media, start, end):
        picture = _crop(frame, media)
        if (picture.width, picture.height, picture.format.name) != (width, height, pix_fmt):
            picture = reformatter.reformat(picture, width, height, pix_fmt, interpolation="BICUBIC")
        yield pack(picture)


def decoded(media: Media, start: int, end: int) -> Iterator[av.VideoFrame]:
    """Decoded frames `[start, end)` as they come, uncropped; found by index from the nearest keyframe before."""
    try:
        with av.open(media.path, options=OPTIONS) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            first = stream.start_time or 0
            step = 1 / (media.frame_rate * stream.time_base)
            if start:
                container.seek(int(first + start * step), stream=stream)
            expected = None
            for frame in container.decode(stream):
                if frame.pts is None:
                    raise SourceError(f"{media.path}: a frame has no time stamp; set probe.normalise: true")
                index = round((frame.pts - first) / step)
                if expected is None and start and index > start:
                    raise SourceError(f"{media.path}: seeking to frame {start} arrived at frame {index}")
                if expected is not None and index != expected:
                    raise SourceError(f"{media.path}: frame {expected} is missing (frame {index} came instead)")
                expected = index + 1
                if index >= end:
                    return
                if index >= start:
                    yield frame
                if expected >= end:
                    return
            raise SourceError(f"{media.path}: decoding ended before frame {end}; the file is truncated or damaged")
    except (av.FFmpegError, IndexError) as error:
        raise SourceError(f"{media.path}: cannot be decoded ({error})") from error


def pack(frame: av.VideoFrame) -> bytes:
    """The frame's planes, row by row without padding."""
    shapes = _plane_shapes(frame.format.name, frame.width, frame.height)
    return b"".join(
        np.frombuffer(plane, np.uint8)[: plane.line_size * rows].reshape(rows, plane.line_size)[:, :columns].tobytes()
        for plane, (rows, columns) in zip(frame.planes, shapes, strict=True)
    )


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
        rows = np.frombuffer(whole, np.uint8).reshape(-1, whole.line_size)
        x, y = media.crop_x // across * sample, media.crop_y // down
        target = np.frombuffer(part, np.uint8).reshape(-1, part.line_size)
        kept = rows[y : y + part.height, x : x + part.width * sample]
        target[: part.height, : part.width * sample] = kept
    cropped.colorspace, cropped.color_range = frame.colorspace, frame.color_range
    return cropped
