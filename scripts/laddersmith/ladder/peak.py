"""How evenly a rendition flows: its peak bitrate and the buffer it needs, before it is stitched."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..encode.inspect import Packet, read_packets


@dataclass(frozen=True)
class Flow:
    """A stream's highest bitrate over segments, and the buffer of a decoder that is fed at that rate, in kbit."""

    peak_kbps: float
    buffer_kbit: float


def peak_rate(sizes: Sequence[int], durations_s: Sequence[Fraction], target_s: Fraction | int) -> Fraction:
    """Peak bits per second of a stream of segments; never below its average.

    The highest rate of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, section 4.3.4.2); a
    stream shorter than that counts as a whole.

    Parameters
    ----------
    sizes : bytes of each segment, in order. durations_s : their seconds. target_s : seconds of a segment as wanted.
    """
    rates = [8 * sum(sizes) / sum(durations_s, Fraction(0))]
    for first, end, duration_s in counted_runs(durations_s, target_s):
        rates.append(8 * sum(sizes[first:end]) / duration_s)
    return max(rates)


def counted_runs(durations_s: Sequence[Fraction], target_s: Fraction | int) -> Iterator[tuple[int, int, Fraction]]:
    """The runs of segments that count for a peak (`peak_rate`): number of the first segment, of the one after the last,
    and seconds."""
    for first in range(len(durations_s)):
        duration_s = Fraction(0)
        for end in range(first + 1, len(durations_s) + 1):
            duration_s += durations_s[end - 1]
            if 2 * duration_s > 3 * target_s:
                break
            if 2 * duration_s >= target_s:
                yield first, end, duration_s


def segment_starts(
    keyframes: Iterable[int], frame_rate: Fraction, segment_s: float, *, every_keyframe: bool
) -> list[int]:
    """The frames at which segments begin: every keyframe, or the first one in each new multiple of `segment_s`."""
    target_s = Fraction(str(segment_s))
    starts: list[int] = []
    for frame in keyframes:
        if every_keyframe or not starts or frame / frame_rate // target_s != starts[-1] / frame_rate // target_s:
            starts.append(frame)
    return starts


def flow(streams: Sequence[Path], frame_rate: Fraction, segment_s: float, *, every_keyframe: bool = False) -> Flow:
    """How the shots in `streams`, played one after another, flow.

    A segment begins at the first keyframe in each new multiple of `segment_s`, as the packager cuts them, or at every
    keyframe. Where segments follow the shots the packager joins some of the latter: its peak is this one at most.

    Parameters
    ----------
    streams : the encodes of the shots, in order.
    frame_rate : frames per second.
    """
    shots = [read_packets(stream, frame_rate) for stream in streams]
    peak_kbps = _peak_kbps(shots, frame_rate, segment_s, every_keyframe)
    sizes = [packet.bytes for packets in shots for packet in packets]
    return Flow(peak_kbps, buffer_kbit(sizes, frame_rate, peak_kbps))


def segment_peak_kbps(streams: Sequence[Path], frame_rate: Fraction, segment_s: float) -> float:
    """`peak_kbps` of `flow`, where a segment begins at the first keyframe in each new multiple of `segment_s`."""
    return flow(streams, frame_rate, segment_s).peak_kbps


def buffer_kbit(sizes: Sequence[int], frame_rate: Fraction, rate_kbps: float) -> float:
    """The smallest buffer, in kbit, from which a decoder never runs dry: full at the start, filled at `rate_kbps` as
    long as there is room, and emptied of one packet at each frame.

    It is the greatest content of a leaky bucket that every packet's bits flow into and that drains at the same rate: J.
    Ribas-Corbera, P. Chou, S. Regunathan, "A generalized hypothetical reference decoder for H.264/AVC", IEEE Trans.
    Circuits and Systems for Video Technology 13(7), 2003, section II.

    Parameters
    ----------
    sizes : bytes of the packets in decoding order.
    """
    poured = 8 * np.cumsum(np.asarray(sizes, np.float64)) / 1000
    drained = np.arange(len(poured)) * (rate_kbps / float(frame_rate))
    before = np.concatenate([[0.0], poured[:-1]]) - drained
    return float((poured - drained - np.minimum.accumulate(before)).max())


def _peak_kbps(
    shots: Sequence[Sequence[Packet]], frame_rate: Fraction, segment_s: float, every_keyframe: bool
) -> float:
    keyframes: list[int] = []
    groups: list[int] = []
    offset = 0
    for packets in shots:
        for packet in packets:
            if packet.keyframe:
                keyframes.append(offset + packet.frame)
                groups.append(0)
            groups[-1] += packet.bytes
        offset += len(packets)
    starts = segment_starts(keyframes, frame_rate, segment_s, every_keyframe=every_keyframe)
    edges = [*(bisect_left(keyframes, start) for start in starts), len(keyframes)]
    sizes = [sum(groups[first:end]) for first, end in pairwise(edges)]
    durations_s = [(end - start) / frame_rate for start, end in pairwise([*starts, offset])]
    return float(peak_rate(sizes, durations_s, Fraction(str(segment_s)))) / 1000
