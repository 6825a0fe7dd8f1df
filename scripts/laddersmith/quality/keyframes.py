"""What ffmpeg says of the keyframes of many encodes: all that a bitstream can state anew, chroma siting among it."""

import re
from collections.abc import Sequence

from .. import ffmpeg
from ..errors import ScoreError, ToolError
from ..source.frames import url
from . import decode_log
from .engine import Distorted, Reference

_LINE = re.compile(r"^\[showinfo@e(\d+) @ \w+\] (.*)$", re.MULTILINE)


def check_keyframes(reference: Reference, distorted: Sequence[Distorted], *, timeout_s: float) -> list[Distorted]:
    """Refuse an encode whose keyframes disagree with the reference in geometry, pixel format or colour.

    A stream can change its description only at a keyframe. One process decodes the keyframes of all encodes and
    nothing else of them (measured: 18 ms of CPU time for each encode of 5 s at 640x360, with three keyframes).

    Returns
    -------
    The encodes of which no keyframe decodes.

    Raises
    ------
    ScoreError
        Naming both sides, or the encode whose file is missing or no video.
    """
    for one in distorted:
        if not one.path.is_file():
            raise ScoreError(f"{one.what}: {one.path} does not exist; encode it again")
    shown = _shown(reference.what, distorted, timeout_s)
    lines: dict[int, list[str]] = {}
    for match in _LINE.finditer(shown):
        lines.setdefault(int(match[1]), []).append(match[2])
    silent = []
    for place, one in enumerate(distorted):
        seen = decode_log.seen("\n".join(lines.get(place, [])))
        if seen.pictures:
            decode_log.check_pictures(seen, reference, one)
        else:
            silent.append(one)
    return silent


def _shown(what: str, distorted: Sequence[Distorted], timeout_s: float) -> str:
    """ffmpeg's stderr, with the lines of the filter `showinfo@e2` for the third encode."""
    # Damage is the decoder's to tell, with the number of the frame: here it ends nothing.
    arguments = ["-v", "info", "-max_error_rate", "1"]
    for one in distorted:
        arguments += ["-skip_frame", "nokey", "-threads", "1", *ffmpeg.SAFE_INPUT, "-i", url(one.path)]
    show = decode_log.SHOW.replace("showinfo", "showinfo@e{0}", 1)
    graph = ";".join(f"[{place}:v:0]{show.format(place)}[o{place}]" for place in range(len(distorted)))
    arguments += ["-filter_threads", "1", "-filter_complex_threads", "1", "-lavfi", graph]
    for place in range(len(distorted)):
        arguments += ["-map", f"[o{place}]"]
    arguments += ["-fps_mode", "passthrough", "-f", "null", "-"]
    try:
        return ffmpeg.run(arguments, what=what, timeout_s=timeout_s).stderr
    except ToolError as error:
        if len(distorted) == 1:
            raise ScoreError(
                f"{distorted[0].what}: {distorted[0].path.name} cannot be decoded as video ({error})"
            ) from error
        raise _culprit(distorted, timeout_s, error) from error


def _culprit(distorted: Sequence[Distorted], timeout_s: float, error: ToolError) -> Exception:
    """The error of the first encode that fails by itself; the error of all where each succeeds alone."""
    for one in distorted:
        try:
            _shown(one.what, [one], timeout_s)
        except ScoreError as own:
            return own
    return error
