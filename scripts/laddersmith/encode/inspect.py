"""Reading back an encode: is it what was asked for, and how many bits did it take?"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from ..errors import EncodeError
from ..source.media import Colour
from .codecs import Codec, Settings
from .colour import CODES, codes


@dataclass(frozen=True)
class Packet:
    """One coded frame: the index of the frame it shows, its bytes, and whether decoding may start with it."""

    frame: int
    bytes: int
    keyframe: bool


@dataclass(frozen=True)
class Measured:
    """Bytes and frames of an encode; its mean rate and that of its dearest closed GOP, kbit/s."""

    bytes: int
    frames: int
    bitrate_kbps: float
    peak_kbps: float


def measure(
    path: Path, codec: Codec, settings: Settings, colour: Colour, width: int, height: int, *, frames: int
) -> Measured:
    """Check the encode at `path` against what was asked of the encoder, and measure it.

    Frames, size, pixel format, colour tags of the first decoded frame, and the places of keyframes must be as asked;
    colour that the source does not state is not compared.

    Raises
    ------
    EncodeError
        If anything differs, naming both sides, or the file cannot be read.
    """
    try:
        packets = read_packets(path, Fraction(settings.frame_rate))
        found = _header(path)
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise EncodeError(f"the encode cannot be read back ({error!r})") from error
    if len(packets) != frames:
        raise EncodeError(f"the encode has {len(packets)} frames, the shot {frames}")
    asked: dict[str, str | int] = {
        "codec": codec.decoded_as,
        "size": f"{width}x{height}",
        "pixel format": settings.pix_fmt,
    }
    asked |= codes(colour)
    for name, value in asked.items():
        if found[name] != value:
            raise EncodeError(f"{name} is {found[name]} in the encode, but {value} was asked for")
    _check_keyframes(packets, settings.keyint)
    rate = float(Fraction(settings.frame_rate)) / 125  # frames a second, bytes to kbit
    gops = [packets[start : start + settings.keyint] for start in range(0, frames, settings.keyint)]
    total = sum(packet.bytes for packet in packets)
    peak = max(sum(packet.bytes for packet in gop) / len(gop) for gop in gops)
    return Measured(total, frames, total / frames * rate, peak * rate)


def read_packets(path: Path, frame_rate: Fraction) -> list[Packet]:
    """Packets of the video in the order in which they are decoded."""
    with av.open(str(path), options={"protocol_whitelist": "file", "format_whitelist": "mov"}) as container:
        stream = container.streams.video[0]
        step = 1 / (frame_rate * (stream.time_base or Fraction(1)))
        return [
            Packet(round(packet.pts / step), packet.size, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None
        ]


def _check_keyframes(packets: list[Packet], keyint: int) -> None:
    """Keyframes at 0, keyint, 2 keyint, ...; each followed, in decoding order, by the frames up to the next alone."""
    found = [packet.frame for packet in packets if packet.keyframe]
    wanted = list(range(0, len(packets), keyint))
    if found != wanted:
        raise EncodeError(f"keyframes at {found}, but {wanted} was asked for")
    for start in wanted:
        end = min(start + keyint, len(packets))
        inside = [packet.frame for packet in packets[start:end]]
        if inside[0] != start or sorted(inside) != list(range(start, end)):
            raise EncodeError(f"the frames from {start} to {end} are not a closed group: decoded as {inside}")


def _header(path: Path) -> dict[str, str | int]:
    """Facts of the stream, as the decoder tells them with the first frame."""
    with av.open(str(path), options={"protocol_whitelist": "file", "format_whitelist": "mov"}) as container:
        frame = next(container.decode(container.streams.video[0]))
        return {
            "codec": container.streams.video[0].codec_context.codec.canonical_name,
            "size": f"{frame.width}x{frame.height}",
            "pixel format": frame.format.name.replace("yuvj", "yuv"),
            "range": int(frame.color_range) or CODES["range"]["tv"],  # a stream that says nothing is limited in range
            "matrix": int(frame.colorspace),
            "primaries": int(frame.color_primaries),
            "transfer": int(frame.color_trc),
        }
