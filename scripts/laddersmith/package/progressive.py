"""Rungs that the packager cannot carry: each as one MP4 with the title's sound and text, to be played progressively."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import ffmpeg
from ..encode.codecs import CODECS
from ..encode.rfc6381 import codecs_string
from ..errors import PackageError, ToolError
from ..source.frames import url
from .tracks import Track

FOLDER = "progressive"
UNKNOWN = "und"


def write_progressive(
    rung: dict,
    rendition: Path,
    tracks: Sequence[tuple[Track, Path]],
    languages: Mapping[tuple[str, int], str],
    work: Path,
    *,
    what: str,
    timeout_s: float,
) -> dict:
    """Write FOLDER/{codec}/{name}.mp4 in `work`, and return the rung's file, its `codecs` string and its bytes.

    The streams are copied; text becomes the MP4's own kind. The header stands first, so that playing can begin before
    the file is there.

    Parameters
    ----------
    tracks : sound and text with their prepared files. languages : the source's own, by kind and number.

    Raises
    ------
    ToolError
        If ffmpeg fails.
    """
    place = f"{FOLDER}/{rung['codec']}/{rung['name']}.mp4"
    target = work / place
    target.parent.mkdir(parents=True, exist_ok=True)
    inputs = [*ffmpeg.SAFE_INPUT, "-i", url(rendition)]
    maps = ["-map", "0:v:0"]
    counts = {"audio": 0, "text": 0}
    for number, (track, file) in enumerate(tracks, 1):
        inputs += [*ffmpeg.SAFE_INPUT, "-i", url(file)]
        kind = "a" if track.kind == "audio" else "s"
        out = f"s:{kind}:{counts[track.kind]}"
        counts[track.kind] += 1
        flags = "+".join(name for name in ("default", "forced") if getattr(track, name))
        maps += ["-map", f"{number}:{kind}:0", f"-disposition:{out[2:]}", flags or "0"]
        maps += [f"-metadata:{out}", f"language={_three_letters(languages.get((track.kind, track.number), ''))}"]
        maps += [f"-metadata:{out}", f"title={track.name}"]
    copied = ["-c", "copy", "-c:s", "mov_text", "-tag:v", CODECS[rung["codec"]].sample_entry, "-map_metadata", "-1"]
    plain = ["-movflags", "+faststart", "-fflags", "+bitexact", "-f", "mp4", url(target)]
    ffmpeg.run([*inputs, *maps, *copied, *plain], what=what, timeout_s=timeout_s)
    size = target.stat().st_size
    return {"file": place, "codecs": codecs_string(target), "bytes": size, "reason": CODECS[rung["codec"]].unpackaged}


def check_progressive(target: Path, ladder: dict, *, timeout_s: float) -> list[str]:
    """What is wrong with a package's progressive files, in sentences; each is decoded whole.

    Parameters
    ----------
    target : the package's folder. ladder : the contents of its ladder.json.
    """
    problems = []
    wanted = ladder["source"]["frames"]
    for rung in ladder["progressive"]:
        where, file = f"{rung['codec']}/{rung['name']}", target / rung["file"]
        try:
            found = _decoded(file, timeout_s)
            if found != wanted:
                problems.append(f"{rung['file']}: {where} gives {found} frames, but the title has {wanted}")
        except (PackageError, ToolError) as error:
            problems.append(f"{rung['file']}: {error}")
    return problems


def _decoded(file: Path, timeout_s: float) -> int:
    """Frames that a file's video gives.

    Raises
    ------
    PackageError
        If its decoder complains.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "frames"
        given = ["-v", "error", *ffmpeg.SAFE_INPUT, "-i", url(file), "-map", "0:v:0", "-fps_mode", "passthrough"]
        done = ffmpeg.run([*given, "-f", "framecrc", url(log)], what=str(file), timeout_s=timeout_s)
        if done.stderr.strip():
            raise PackageError(f"the decoder says: {done.stderr.strip().splitlines()[0]}")
        return sum(not line.startswith("#") for line in log.read_text().splitlines())


def _three_letters(said: str) -> str:
    """A language as MP4 has it (ISO 639-2/T), or "und"."""
    return said if re.fullmatch(r"[a-z]{3}", said) else UNKNOWN
