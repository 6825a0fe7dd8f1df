"""Sound for the package: every track keeps its offset to the first picture, to the sample, and ends with the last one.

No track has an edit list. Where one would place the first sample, ffmpeg's DASH reader skips that many samples of every
segment, and other players none at all; time stamps alone mean the same to all of them. So the encoder's priming frame
goes, and sound begins with the first AAC frame at or after the first picture: up to one frame (21 ms at 48 kHz) late.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import av

from .. import ffmpeg
from ..errors import PackageError
from ..source.frames import OPTIONS, url
from .tracks import Track

FRAME = 1024  # samples in an AAC frame
RATES = (32000, 44100, 48000)  # which every player has; other rates become 48000
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
# Matroska rounds its time stamps to milliseconds; what strays further than this is a gap, not rounding.
JITTER_S = 0.003


@dataclass(frozen=True)
class Sound:
    """A track ready for the packager: its file, and how it came about ("copied", or "encoded" with the reason)."""

    file: Path
    how: str
    reason: str


class _CannotCopyError(Exception):
    """Why an AAC track must be encoded anew."""


def prepare_audio(
    source: str, track: Track, target: Path, *, start_s: Fraction, duration_s: Fraction, kbps: float, timeout_s: float
) -> Sound:
    """Write one audio track as AAC-LC in MP4 whose time zero is the first picture's, lasting as long as the pictures.

    AAC-LC is copied, with silent frames before a track that starts late and after one that ends early. Everything else
    is encoded, with silence in place of what is missing.

    Parameters
    ----------
    source : path of the title's file.
    target : file to write (.mp4).
    start_s : when the first picture is shown, on the source's clock.
    duration_s : of the pictures.
    kbps : bitrate of a stereo track; others get it by their number of full-range channels, half of it for each.

    Raises
    ------
    ToolError
        If ffmpeg fails.
    PackageError
        If the track holds no sample within the title.
    """
    what = f"{source}, audio track {track.number}"
    raw = target.with_name(f"{target.stem}_raw.mp4")
    with av.open(url(source), options=OPTIONS, metadata_errors="replace") as container:
        rate = container.streams.audio[track.number].rate
    opened = ["-copyts", *ffmpeg.SAFE_INPUT, "-i", url(source), "-map", f"0:a:{track.number}"]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp4"]
    reason = f"{track.codec} {track.profile}".strip() + " is not AAC-LC"
    if track.codec == "aac" and track.profile == "LC":
        exact = ["-c", "copy", "-movie_timescale", str(rate), *plain, url(raw)]
        ffmpeg.run([*opened, *exact], what=what, timeout_s=timeout_s)
        try:
            _lay_out(raw, target, what, rate, start_s, duration_s, timeout_s)
            return Sound(target, "copied", "")
        except _CannotCopyError as cause:
            reason = str(cause)
    rate = rate if rate in RATES else 48000
    exact = [*_encoder(track, rate, start_s, duration_s, kbps), "-movie_timescale", str(rate), *plain, url(raw)]
    ffmpeg.run([*opened, *exact], what=what, timeout_s=timeout_s)
    _lay_out(raw, target, what, rate, Fraction(0), duration_s, timeout_s)
    return Sound(target, "encoded", reason)


def _encoder(track: Track, rate: int, start_s: Fraction, duration_s: Fraction, kbps: float) -> list[str]:
    """ffmpeg's arguments to encode a track from the first picture to the end of the last one."""
    channels = min(track.channels, 6)
    full_range = channels if channels < 6 else 5
    last = f"{float(duration_s):.9f}"
    chain = [
        f"asetpts=PTS-({start_s.numerator}/{start_s.denominator})/TB",
        # Zero is the first picture: earlier samples go, missing ones become silence, gaps are filled.
        f"aresample={rate}:async=1:first_pts=0:min_hard_comp={JITTER_S}",
        f"aformat=channel_layouts={LAYOUTS[channels]}",
        f"apad=whole_dur={last}",
        f"atrim=end={last}",
    ]
    return ["-af", ",".join(chain), "-c:a", "aac", "-b:a", f"{round(kbps * 500 * full_range)}"]


def _lay_out(
    raw: Path, target: Path, what: str, rate: int, start_s: Fraction, duration_s: Fraction, timeout_s: float
) -> None:
    """Write the AAC frames of `raw` to `target` without a gap, from the first at or after `start_s` for `duration_s`.

    Raises
    ------
    _CannotCopyError
        If the frames are not plain AAC-LC of 1024 samples, their time stamps jump, or the title is too short.
    """
    end = ceil(duration_s * rate)
    with av.open(url(raw), options=OPTIONS, metadata_errors="replace") as container:
        stream = container.streams.audio[0]
        unit = stream.time_base or Fraction(1, rate)
        layout = _check_plain(bytes(stream.codec_context.extradata or b""), rate)
        frames = [
            (round((p.pts * unit - start_s) * rate), bytes(p)) for p in container.demux(stream) if p.pts is not None
        ]
        if not frames:
            raise PackageError(f"{what}: holds no sample; leave the track out of the source")
        start = frames[0][0]
        stray = max(abs(position - start - FRAME * i) for i, (position, _) in enumerate(frames))
        if stray > JITTER_S * rate:
            raise _CannotCopyError(f"its time stamps stray by {1000 * stray / rate:.0f} ms from its samples")
        first = start % FRAME
        wanted = ceil((end - first) / FRAME)
        if wanted < 1:
            raise _CannotCopyError("the title is shorter than one of its frames")
        silence = _silent_frame(rate, layout, target, what, timeout_s)
        before = start // FRAME  # frames of silence; negative: how many of its frames go
        packets = [silence] * before + [data for _, data in frames[max(0, -before) :]]
        packets = packets[:wanted] + [silence] * (wanted - len(packets))
        _write(target, stream, packets, first, rate, end)
    raw.unlink()


def _write(target: Path, template: av.AudioStream, packets: list[bytes], first: int, rate: int, end: int) -> None:
    # Fragments carry the time of their first sample; a plain MP4 could only start at zero or by an edit list.
    options = {
        "movflags": "empty_moov+default_base_moof+frag_discont",
        "frag_duration": "1000000",
        "use_editlist": "0",
        "avoid_negative_ts": "disabled",
        "fflags": "+bitexact",
    }
    with av.open(url(target), "w", format="mp4", options=options) as container:
        stream = container.add_stream_from_template(template)
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.pts = packet.dts = first + number * FRAME
            packet.duration = min(FRAME, end - packet.pts)
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, rate), stream, True
            container.mux(packet)


def _check_plain(config: bytes, rate: int) -> str:
    """The channel layout of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) that a silent frame can be made for."""
    rates = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
    bits = struct.unpack(">H", config[:2])[0] if len(config) >= 2 else 0
    kind, index, channels, short = bits >> 11, bits >> 7 & 15, bits >> 3 & 15, bits >> 2 & 1
    if kind != 2 or short or channels not in LAYOUTS or index >= len(rates) or rates[index] != rate:
        raise _CannotCopyError("its AAC configuration is not plain AAC-LC of up to 5.1 channels")
    return LAYOUTS[channels]


def _silent_frame(rate: int, layout: str, target: Path, what: str, timeout_s: float) -> bytes:
    """One AAC-LC frame of silence, made by the encoder itself."""
    silent = target.with_name(f"{target.stem}_silent.mp4")
    source = ["-f", "lavfi", "-i", f"anullsrc=sample_rate={rate}:channel_layout={layout}"]
    made = ["-t", "0.5", "-c:a", "aac", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp4", url(silent)]
    ffmpeg.run([*source, *made], what=f"{what}, silence", timeout_s=timeout_s)
    with av.open(url(silent)) as container:
        frames = _packets(container)
        next(frames)
        data = bytes(next(frames))
    silent.unlink()
    return data


def _packets(container: av.container.InputContainer) -> Iterator[av.Packet]:
    return (packet for packet in container.demux(container.streams.audio[0]) if packet.pts is not None)
