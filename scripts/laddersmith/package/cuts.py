"""Where the packager cuts: it begins segments at keyframes alone, so others are no longer told to be ones."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from ..encode.inspect import read_packets
from ..errors import PackageError

READING = {"protocol_whitelist": "file", "format_whitelist": "mov"}


def segment_starts(keyframes: Sequence[int], shots: Sequence[int], frames: int, longest: Fraction) -> list[int]:
    """First frames of segments that begin at shots, and within a shot longer than `longest` at its keyframes.

    No segment is shorter than half of `longest`, unless the title is: a shot shorter than that is one segment with what
    follows it (at the end of the title: with what precedes it), and what is left of a long shot after its last full
    segment joins that segment. With keyframes at most `longest` apart every segment stays below 1.5 times `longest`
    where no shot is shorter than half of it, and below twice in any case.

    Parameters
    ----------
    keyframes, shots : frames, ascending from 0; every shot begins with a keyframe.
    frames : of the title.
    longest : frames of a full segment.
    """
    chosen = [0]
    for start in shots:
        if start - chosen[-1] >= longest / 2 and frames - start >= longest / 2:
            chosen.append(start)
    found: list[int] = []
    for begin, end in pairwise([*chosen, frames]):
        found.append(begin)
        for key in keyframes[bisect_right(keyframes, begin) : bisect_left(keyframes, end)]:
            if key - found[-1] >= longest / 2 and end - key >= longest / 2:
                found.append(key)
    return found


def cut_at(file: Path, target: Path, starts: Collection[int], frame_rate: Fraction) -> None:
    """Copy a rendition's MP4, placed by an edit list, with none but the frames `starts` marked as keyframes.

    The pictures stay what they are: a decoder may still begin at the others, only the container no longer says so.

    Raises
    ------
    PackageError
        If one of them is no keyframe, or the file cannot be copied.
    """
    shown = {packet.frame for packet in read_packets(file, frame_rate) if packet.keyframe}
    if not set(starts) <= shown:
        raise PackageError(
            f"{file}: frames {sorted(set(starts) - shown)} begin segments but are no keyframes; every rung has "
            "them at the same places: run `assemble` again"
        )
    try:
        with (
            av.open(str(file), options=READING) as read,
            av.open(
                str(target), "w", format="mp4", options={"fflags": "+bitexact", "movie_timescale": "1000000"}
            ) as written,
        ):
            stream = read.streams.video[0]
            unit = stream.time_base or Fraction(1)
            copy = written.add_stream_from_template(stream, opaque=True)
            copy.time_base = unit
            for packet in read.demux(stream):
                if packet.size and packet.pts is not None:
                    packet.is_keyframe = round(packet.pts * unit * frame_rate) in starts
                    packet.stream = copy
                    written.mux(packet)
    except av.FFmpegError as error:
        raise PackageError(f"{file}: cannot be copied for the packager ({error})") from error


def shot_segments(
    rendition: Path, frame_rate: Fraction, segment_s: float, shots: Sequence[int]
) -> tuple[list[int], float]:
    """First frames of the segments (`segment_starts`), and the step that makes the packager begin one
    at each: the seconds of the shortest but the last, rounded down to a microsecond.

    The packager begins a segment with the first keyframe in each new multiple of the step. The sound's segments last
    about as long.

    Parameters
    ----------
    shots : first frames of the shots.
    """
    packets = read_packets(rendition, frame_rate)
    keys = sorted(packet.frame for packet in packets if packet.keyframe)
    longest_s = Fraction(str(segment_s))
    starts = segment_starts(keys, shots, len(packets), longest_s * frame_rate)
    shortest = min([*((b - a) / frame_rate for a, b in pairwise(starts)), longest_s])
    return starts, float(Fraction(shortest * 10**6 // 1, 10**6))
