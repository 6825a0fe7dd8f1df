"""How fast streams decode: one thread, one stream at a time, on a machine that does nothing else of ours."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from .. import ffmpeg
from ..errors import ToolError

SCHEMA = "laddersmith/decoding/1"
RUNS = 3
DISTURBED = 1.25  # wall over CPU seconds of a decode by one thread beyond which something else took the core


def time_decoding(
    ladder: Mapping[str, Any],
    renditions: Mapping[str, Path],
    *,
    quality: float,
    title: str,
    timeout_s: float,
) -> list[dict[str, Any]]:
    """Per codec, the median of three decodes of one rendition: the rung whose quality is nearest to `quality`.

    Parameters
    ----------
    ladder : the contents of the title's `ladder.json`.
    renditions : by codec, the folder of its renditions, `<name of the rung>.mp4` each.
    timeout_s : wall seconds after which a decode is stopped.

    Returns
    -------
    One entry per codec: the rung's name, height, bitrate_kbps and quality; of the median run `wall_s` and `cpu_s`, with
    the start of the program; `fps`, frames per wall second, `realtime`, the same over the frame rate's, and
    `frames_per_cpu_s`; `disturbed`: whether its wall time was so far beyond its CPU time that another program must have
    had the core.

    Raises
    ------
    ToolError
        If a rendition is missing or does not decode.
    """
    source = ladder["source"]
    found = []
    for codec, folder in sorted(renditions.items()):
        rungs = [rung for rung in ladder["rungs"] if rung["codec"] == codec]
        if not rungs:
            continue
        rung = min(rungs, key=lambda one: (abs(one["quality"] - quality), one["bitrate_kbps"]))
        file = folder / f"{rung['name']}.mp4"
        if not file.is_file():
            raise ToolError(f"{title}, {codec}: there is no rendition {file}; run the rule `assemble` again")
        runs = [_decode(file, f"{title}, decoding {codec} {rung['name']}", timeout_s) for _ in range(RUNS)]
        wall_s = median(run.wall_s for run in runs)
        middle = next(run for run in runs if run.wall_s == wall_s)
        found.append(
            {"codec": codec, "runs": RUNS}
            | {key: rung[key] for key in ("name", "height", "bitrate_kbps", "quality")}
            | {"fps": source["frames"] / wall_s, "realtime": source["duration_s"] / wall_s}
            | {"frames_per_cpu_s": source["frames"] / middle.cpu_s}
            | {"wall_s": wall_s, "cpu_s": middle.cpu_s, "disturbed": wall_s > DISTURBED * middle.cpu_s}
        )
    return found


def _decode(file: Path, what: str, timeout_s: float) -> ffmpeg.Finished:
    given = ["-v", "error", "-xerror", "-threads", "1", *ffmpeg.SAFE_INPUT, "-i", str(file), "-map", "0:v:0"]
    return ffmpeg.run([*given, "-fps_mode", "passthrough", "-f", "null", "-"], what=what, timeout_s=timeout_s)
