"""The peak bitrate of a rendition, before it is stitched."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..encode.inspect import read_packets


def segment_peak_kbps(streams: Sequence[Path], frame_rate: Fraction, segment_s: float) -> float:
    """The highest bitrate of a segment, in kbit/s, of the shots in `streams` played one after another.

    A segment begins at the first keyframe in each new multiple of `segment_s`, as the packager cuts them. Segments
    shorter than half of `segment_s` are no measure of a peak (RFC 8216, section 4.3.4.2) unless there is no other.

    Parameters
    ----------
    streams : the encodes of the shots, in order.
    frame_rate : frames per second.
    """
    sizes: list[int] = []
    starts: list[int] = []
    offset = 0
    for stream in streams:
        packets = read_packets(stream, frame_rate)
        for packet in packets:
            frame = offset + packet.frame
            if packet.keyframe and (
                not starts or _slot(frame, frame_rate, segment_s) != _slot(starts[-1], frame_rate, segment_s)
            ):
                starts.append(frame)
                sizes.append(0)
            sizes[-1] += packet.bytes
        offset += len(packets)
    lengths = [float((end - start) / frame_rate) for start, end in zip(starts, [*starts[1:], offset], strict=True)]
    rates = [size * 8 / 1000 / length for size, length in zip(sizes, lengths, strict=True)]
    full = [rate for rate, length in zip(rates, lengths, strict=True) if length >= segment_s / 2]
    return max(full or rates)


def _slot(frame: int, frame_rate: Fraction, segment_s: float) -> int:
    return int(frame / frame_rate // Fraction(str(segment_s)))
