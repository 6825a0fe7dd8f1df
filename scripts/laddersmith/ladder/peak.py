"""The peak bitrate of a stream, and of a rendition before it is stitched."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..encode.inspect import read_packets


def peak_rate(sizes: Sequence[int], durations_s: Sequence[Fraction], target_s: Fraction | int) -> Fraction:
    """Peak bits per second of a stream of segments; never below its average.

    The highest rate of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, section 4.3.4.2); a
    stream shorter than that counts as a whole.

    Parameters
    ----------
    sizes : bytes of each segment, in order. durations_s : their seconds. target_s : seconds of a segment as wanted.
    """
    rates = [8 * sum(sizes) / sum(durations_s, Fraction(0))]
    for first in range(len(sizes)):
        duration_s, size = Fraction(0), 0
        for length_s, more in zip(durations_s[first:], sizes[first:], strict=True):
            duration_s, size = duration_s + length_s, size + more
            if 2 * duration_s > 3 * target_s:
                break
            if 2 * duration_s >= target_s:
                rates.append(8 * size / duration_s)
    return max(rates)


def segment_peak_kbps(streams: Sequence[Path], frame_rate: Fraction, segment_s: float) -> float:
    """The peak bitrate, in kbit/s, of the shots in `streams` played one after another.

    A segment begins at the first keyframe in each new multiple of `segment_s`, as the packager cuts them.

    Parameters
    ----------
    streams : the encodes of the shots, in order.
    frame_rate : frames per second.
    """
    target_s = Fraction(str(segment_s))
    sizes: list[int] = []
    starts: list[int] = []
    offset = 0
    for stream in streams:
        packets = read_packets(stream, frame_rate)
        for packet in packets:
            frame = offset + packet.frame
            if packet.keyframe and (
                not starts or frame / frame_rate // target_s != starts[-1] / frame_rate // target_s
            ):
                starts.append(frame)
                sizes.append(0)
            sizes[-1] += packet.bytes
        offset += len(packets)
    durations_s = [(end - start) / frame_rate for start, end in zip(starts, [*starts[1:], offset], strict=True)]
    return float(peak_rate(sizes, durations_s, target_s)) / 1000
