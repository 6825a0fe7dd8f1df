"""One encode: frames in, an MP4 out, by one run of ffmpeg."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from .. import ffmpeg
from ..errors import EncodeError, ToolError
from ..source.media import Colour
from . import regions
from .codecs import Codec, Settings
from .colour import filters

MIN_TIMESCALE = 10_000


def timescale(frame_rate: Fraction) -> int:
    """Ticks per second of the MP4: the rate's numerator times a power of two, so that every frame starts on a tick."""
    ticks = frame_rate.numerator
    while ticks < MIN_TIMESCALE:
        ticks *= 2
    return ticks


def arguments(codec: Codec, settings: Settings, colour: Colour, width: int, height: int) -> list[str]:
    """ffmpeg's arguments from a pipe of raw frames to an MP4, all but the name of the MP4.

    They are equal for equal encodes, and are part of a point's key.

    Raises
    ------
    EncodeError
        If the encoder cannot take the picture's size, state the source's range or chroma siting, or cap the rate as
        asked, or one cap lacks the other.
    """
    if (settings.maxrate_kbps is None) != (settings.bufsize_kbps is None):
        raise EncodeError("maxrate_kbps and bufsize_kbps cap a rate together; set both or none")
    if not codec.fits(width, height):
        raise EncodeError(
            f"{codec.name} takes pictures from {codec.min_side} to {codec.max_width}x{codec.max_height} pixels, "
            f"not {width}x{height}; leave this height or this codec out for the title"
        )
    if colour.range == "pc" and not codec.full_range:
        raise EncodeError(
            f"{codec.name} cannot state the source's full range, so that its pictures would be shown too harsh; leave "
            "this codec out for the title"
        )
    siting = colour.chroma_location
    if siting not in ("unknown", *codec.chroma_locations) and settings.pix_fmt.startswith("yuv420"):
        raise EncodeError(
            f"{codec.name} cannot state the source's chroma siting {siting!r}, so that its colours would be shifted; "
            "leave this codec out for the title"
        )
    offsets = len({region.offset for region in settings.regions})
    if offsets and (fault := codec.regions_fault(settings.preset, settings.low_latency, offsets)):
        raise EncodeError(f"{codec.name} {fault}")
    return [
        *("-v", "error", "-f", "rawvideo", "-pix_fmt", settings.pix_fmt, "-video_size", f"{width}x{height}"),
        *("-framerate", settings.frame_rate, "-i", "pipe:0", "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-vf", ",".join([*filters(colour), "setsar=1", *regions.filters(settings.regions)])),
        *codec.arguments(settings),
        *("-fflags", "+bitexact", "-flags:v", f"+bitexact{codec.flags}", "-map_metadata", "-1"),
        *("-video_track_timescale", str(timescale(Fraction(settings.frame_rate))), "-f", "mp4"),
    ]


def encode(
    given: list[str],
    frames: Iterable[bytes],
    target: Path | str,
    *,
    what: str,
    timeout_s: float,
    program: str | None = None,
    folder: Path | None = None,
) -> ffmpeg.Finished:
    """Run ffmpeg, a user's own `program` or that of the locked environment, with `arguments(...)`, writing `target`;
    `what` is told first in an error, and `folder` is where it runs.

    Raises
    ------
    EncodeError
        If ffmpeg fails, is killed or takes too long; with the full command and the tail of stderr.
    """
    try:
        return ffmpeg.run(
            [*given, str(target)], what=what, frames=frames, timeout_s=timeout_s, program=program, folder=folder
        )
    except ToolError as error:
        raise EncodeError(str(error)) from error
