"""One full decode of a file: frame count, time stamps, interlacing, bars, damage, and whether seeks can be trusted."""

import itertools
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from ..errors import SourceError
from .bars import BarFinder
from .frames import decoded, lacks_memory, opened, pack, plain, plane_rows
from .media import Media
from .pixels import READABLE

# A file may end this much before what its header promises, in seconds and as a share: tracks end a frame or two apart.
SHORT_S, SHORT_SHARE = 0.5, 0.02
# Luma is sampled for bars so often, and never less often than every frame of the first ones.
SAMPLES_PER_S, FIRST_SAMPLES = 2, 48
SEEKS_TRIED = 12


@dataclass
class Survey:
    """What a full decode saw.

    Attributes
    ----------
    pts : time stamps in presentation order, in `time_base` seconds; None where a frame had none.
    interlaced : number of frames flagged as interlaced.
    keys : indices of the keyframes.
    checks : CRC-32 of each frame's planes; empty for formats that are not read as planes.
    declared : the container's frame rates, most trusted first.
    """

    time_base: Fraction
    declared: list[Fraction]
    bars: BarFinder
    pts: list[int | None] = field(default_factory=list)
    width: int = 0
    height: int = 0
    pix_fmt: str = ""
    interlaced: int = 0
    keys: list[int] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)

    @property
    def stamps(self) -> list[int] | None:
        """The time stamps, or None when one is missing or they do not rise."""
        known = [stamp for stamp in self.pts if stamp is not None]
        rising = len(known) == len(self.pts) and all(a < b for a, b in itertools.pairwise(known))
        return known if rising else None


def survey(path: str, video_stream: int, *, full_range: bool, timeout_s: float) -> Survey:
    """Decode every frame of a video stream once.

    Raises
    ------
    SourceError
        If there are no frames, a frame is damaged, the picture changes its size or format, the file ends before what
        its header promises, or the decode takes longer than `timeout_s`.
    """
    with opened(path) as container:
        stream = container.streams.video[video_stream]
        rates = (stream.base_rate, stream.average_rate, stream.guessed_rate)
        declared = [Fraction(rate) for rate in rates if rate]
        seen = Survey(stream.time_base or Fraction(1, 1000), declared, BarFinder(0 if full_range else 16))
    every = max(1, round(float(seen.declared[0]) / SAMPLES_PER_S)) if seen.declared else 12
    for index, frame in enumerate(every_frame(path, video_stream, timeout_s)):
        if not index:
            seen.width, seen.height, seen.pix_fmt = frame.width, frame.height, frame.format.name
        seen.pts.append(frame.pts)
        seen.interlaced += bool(frame.interlaced_frame)
        if frame.key_frame:
            seen.keys.append(index)
        if plain(seen.pix_fmt) in READABLE:
            seen.checks.append(zlib.crc32(pack(frame)))
        if index < FIRST_SAMPLES or index % every == 0:
            seen.bars.add(*luma(frame))
    if not seen.pts:
        raise SourceError(
            f"{path}: has a video track but not one frame in it; the file is truncated or empty of pictures"
        )
    return seen


def every_frame(path: str, video_stream: int, timeout_s: float) -> Iterator[av.VideoFrame]:
    """All frames in presentation order, whatever their time stamps; the guards are `survey`'s."""
    late = time.monotonic() + timeout_s
    count, shape = 0, None
    with opened(path) as container:
        stream = container.streams.video[video_stream]
        if stream.codec_context is None:
            raise SourceError(f"{path}: the video track's codec is not known here; transcode it losslessly first")
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"err_detect": "explode"}
        for frame in _decode(path, container, stream):
            if time.monotonic() > late:
                raise SourceError(
                    f"{path}: not decoded within {timeout_s:g} s ({count} frames were); raise probe.timeout_s"
                )
            if frame.is_corrupt:
                raise SourceError(f"{path}: frame {count} is damaged; the file is corrupt, copy or export it again")
            shape = shape or (frame.width, frame.height, frame.format.name)
            if shape != (frame.width, frame.height, frame.format.name):
                raise SourceError(
                    f"{path}: the picture changes at frame {count} from {shape[0]}x{shape[1]} {shape[2]} to "
                    f"{frame.width}x{frame.height} {frame.format.name}; cut the file there"
                )
            yield frame
            count += 1


def luma(frame: av.VideoFrame) -> tuple[NDArray, int]:
    """The luma of a frame, (height, width), and its bits per sample; other formats by way of 8-bit YUV."""
    if plain(frame.format.name) not in READABLE:
        frame = VideoReformatter().reformat(frame, format="yuv444p")
    bits = frame.format.components[0].bits
    return plane_rows(frame.planes[0], "<u2" if bits > 8 else np.uint8)[: frame.height, : frame.width], bits


def seeks_are_exact(media: Media, seen: Survey) -> bool:
    """Whether reading from an index gives the pictures of the full decode.

    Tried before and at keyframes spread over the title, where open groups of pictures and recovery points would show.
    """
    keys = [key for key in seen.keys if key > 1]
    for key in keys[:: max(1, len(keys) // (SEEKS_TRIED // 2))][: SEEKS_TRIED // 2 + 1]:
        for start in (key - 1, key):
            try:
                got = zlib.crc32(pack(next(decoded(media, start, start + 1))))
            except SourceError:
                return False
            if got != seen.checks[start]:
                return False
    return True


def _decode(path: str, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Frames of a stream; the other streams' packets are read too, to see that the file lasts as long as it says."""
    promised = container.duration / 1_000_000 if container.duration else 0.0
    origin, reached, count = 0.0, 0.0, 0
    try:
        for packet in container.demux():
            if packet.pts is not None:
                start = float(packet.pts * packet.time_base)
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                # Durations in headers count from the first time stamp or, in Matroska, from zero.
                origin = min(origin, start)
                reached = max(reached, end - origin)
            if packet.stream.index == stream.index:
                for frame in packet.decode():
                    assert isinstance(frame, av.VideoFrame)
                    yield frame
                    count += 1
    except av.FFmpegError as error:
        lacks_memory(error)
        raise SourceError(
            f"{path}: damaged after {count} frames ({error.strerror}); the file is corrupt, copy it again"
        ) from error
    _check_complete(path, stream)
    if promised - reached > max(SHORT_S, SHORT_SHARE * promised):
        raise SourceError(
            f"{path}: is truncated: its header promises {promised:.2f} s, "
            f"but its data end after {reached:.2f} s; copy it again"
        )


def _check_complete(path: str, stream: av.VideoStream) -> None:
    """Compare the index of a file that has one (MP4) with the file's size."""
    if "mp4" not in stream.container.format.name:
        return
    size = Path(path).stat().st_size
    beyond = sum(1 for entry in stream.index_entries if entry.pos + entry.size > size)
    if beyond:
        raise SourceError(f"{path}: is truncated: {beyond} pictures lie beyond the end of the file; copy it again")
