"""Text subtitles as WebVTT on the package's clock."""

import re
from fractions import Fraction
from pathlib import Path

from .. import ffmpeg
from ..source.frames import url
from .tracks import Track

_TIME = r"(-?)(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})"
_CUE = re.compile(rf"{_TIME} --> {_TIME}(.*)")


def prepare_text(
    source: str, track: Track, target: Path, *, start_s: Fraction, duration_s: Fraction, timeout_s: float
) -> int:
    """Write one subtitle track as WebVTT, time zero being the first picture; returns how many cues it holds.

    Cues are cut at the title's ends; those outside it are dropped. Zero cues write nothing.

    Raises
    ------
    ToolError
        If ffmpeg cannot convert the track.
    """
    raw = target.with_name(f"{target.stem}_raw.vtt")
    arguments = ["-copyts", *ffmpeg.SAFE_INPUT, "-i", url(source), "-map", f"0:s:{track.number}", "-map_metadata", "-1"]
    what = f"{source}, subtitle track {track.number}"
    ffmpeg.run([*arguments, "-c:s", "webvtt", "-f", "webvtt", url(raw)], what=what, timeout_s=timeout_s)
    cues = shifted(raw.read_text(encoding="utf-8", errors="replace"), start_s, duration_s)
    raw.unlink()
    if cues:
        target.write_text("\n\n".join(["WEBVTT", *cues]) + "\n", encoding="utf-8")
    return len(cues)


def shifted(webvtt: str, start_s: Fraction, duration_s: Fraction) -> list[str]:
    """The cues of a WebVTT file as ffmpeg writes it, `start_s` earlier, cut to [0, duration_s).

    Cue identifiers are dropped. A blank line within a cue would end it, and "-->" would begin another: both go.
    """
    first, last = round(1000 * start_s), round(1000 * duration_s)
    cues: list[tuple[int, int, str, list[str]]] = []
    for line in webvtt.splitlines():
        if times := _CUE.fullmatch(line.strip()):
            begin, end = (_milliseconds(times.groups()[i : i + 5]) - first for i in (0, 5))
            cues.append((begin, end, times[11], []))
        elif cues and line.strip():
            cues[-1][3].append(line.replace("-->", "--&gt;"))
    return [
        "\n".join([f"{_clock(max(0, begin))} --> {_clock(min(last, end))}{settings}", *lines])
        for begin, end, settings, lines in cues
        if lines and max(0, begin) < min(last, end)
    ]


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts[1:])
    return (-1 if parts[0] else 1) * (((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths)


def _clock(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}"
