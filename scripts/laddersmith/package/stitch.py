"""Joining the encodes of shots into one stream, packet by packet."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from ..encode.codecs import CODECS
from ..encode.run import timescale
from ..errors import PackageError
from ..ffmpeg import temporary_beside

READING = {"protocol_whitelist": "file", "format_whitelist": "mov"}
# First pts 0 without an edit list: composition offsets may be negative, and nothing shifts the time stamps.
WRITING = {
    "movflags": "negative_cts_offsets",
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "fflags": "+bitexact",
}


@dataclass(frozen=True)
class _Part:
    """One file's parameter sets, and the frame that each packet shows, in decoding order."""

    file: Path
    parameter_sets: bytes
    order: list[int]


def stitch(files: Sequence[str | Path], target: str | Path, *, frame_rate: Fraction, codec: str) -> None:
    """Join `files`, encodes of consecutive shots, into the MP4 `target` without encoding anew.

    Packets are copied; frame i of the whole is shown at i / `frame_rate` seconds, the first at 0 without an edit
    list. Equal inputs give an equal file, byte for byte.

    Raises
    ------
    PackageError
        If two files differ in their parameter sets, a file's frames are not whole steps of the rate from 0 on, a file
        does not start with a keyframe, is of another codec or cannot be read.
    """
    if not files:
        raise PackageError(f"{target}: there are no encodes to stitch")
    parts = [_survey(Path(file), frame_rate, codec) for file in files]
    for part in parts[1:]:
        if part.parameter_sets != parts[0].parameter_sets:
            raise PackageError(
                f"{target}: {parts[0].file} and {part.file} differ in their parameter sets and cannot be one stream; "
                "were they made with different settings? Delete both and run again"
            )
    delay = max(position - frame for part in parts for position, frame in enumerate(part.order))
    partial = temporary_beside(target)
    try:
        _write(parts, partial, frame_rate, codec, delay)
        os.replace(partial, target)
    except (av.FFmpegError, OSError) as error:
        raise PackageError(f"{target}: cannot be stitched ({error})") from error
    finally:
        partial.unlink(missing_ok=True)


def _survey(file: Path, frame_rate: Fraction, codec: str) -> _Part:
    """What must be known of a file before anything is written."""
    try:
        with av.open(str(file), options=READING) as container:
            stream = container.streams.video[0]
            if stream.codec_context.codec.canonical_name != CODECS[codec].decoded_as:
                raise PackageError(f"{file}: holds {stream.codec_context.codec.canonical_name}, not {codec}")
            ticks = Fraction(1) / frame_rate / (stream.time_base or 1)
            packets = [packet for packet in container.demux(stream) if packet.size]
            shown = [Fraction(packet.pts) / ticks for packet in packets if packet.pts is not None]
            extradata = bytes(stream.codec_context.extradata or b"")
    except (av.FFmpegError, IndexError, TypeError, AttributeError) as error:
        raise PackageError(f"{file}: cannot be read as an encode ({error!r}); delete it and run again") from error
    if sorted(shown) != list(range(len(packets))):
        raise PackageError(
            f"{file}: its frames are not at whole steps of {frame_rate} a second; delete it and run again"
        )
    if not packets or not packets[0].is_keyframe or shown[0] != 0:
        raise PackageError(f"{file}: does not start with a keyframe; delete it and run again")
    return _Part(file, extradata, [int(frame) for frame in shown])


def _write(parts: Sequence[_Part], target: Path, frame_rate: Fraction, codec: str, delay: int) -> None:
    """Copy the packets. Decoding times rise by one frame each, the first `delay` frames before the first picture."""
    ticks = timescale(frame_rate)
    step = int(ticks / frame_rate)
    with av.open(str(target), "w", format="mp4", options=WRITING | {"video_track_timescale": str(ticks)}) as output:
        written = None
        first = 0
        for part in parts:
            with av.open(str(part.file), options=READING) as container:
                stream = container.streams.video[0]
                if written is None:
                    written = output.add_stream_from_template(stream, opaque=True)
                    written.codec_context.codec_tag = CODECS[codec].sample_entry
                    written.time_base = Fraction(1, ticks)
                packets = (packet for packet in container.demux(stream) if packet.size)
                for position, (packet, frame) in enumerate(zip(packets, part.order, strict=True)):
                    packet.time_base = Fraction(1, ticks)
                    packet.pts = (first + frame) * step
                    packet.dts = (first + position - delay) * step
                    packet.duration = step
                    packet.stream = written
                    output.mux(packet)
            first += len(part.order)
