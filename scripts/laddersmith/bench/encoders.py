"""What every software encoder takes at each of its presets: CPU time for a pixel, memory at two sizes.

Limits of jobs are reckoned from it (`needs.py`); estimates are not (`rates.py` has a run of the workflow for those).
"""

import os
import re
import resource
import subprocess
import tempfile
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from time import sleep
from typing import Any

from .. import ffmpeg
from ..encode.codecs import CODECS, Codec, Settings
from ..encode.run import arguments
from ..errors import ToolError
from ..machine import machine
from ..provenance import versions
from ..source import Media, frames
from ..titles import demo_clip

SCHEMA = "laddersmith/bench_encoders/1"
SOFTWARE = ("x264", "x265", "svtav1", "libaom", "rav1e", "vp9", "vvenc")
SPAN = (31, 76)  # of bikes: one shot, in which much moves
FEW = 12  # frames that a preset is first tried on; where that takes longer than SLOW_S it is enough
SLOW_S = 2.0
TIMED = (320, 136)
SMALL, LARGE = (480, 204), (1280, 544)
CPU_S = 600  # after which an encoder is given up
MEMORY_CPU_S = 6  # after which enough is seen of its memory: whatever looks ahead has all frames of SPAN by then
EVERY_S = 0.02


def bench_encoders() -> dict[str, Any]:
    """The facts of `results/bench/encoders.json` (config/schemas/bench_encoders.json).

    Raises
    ------
    ToolError
        If an encoder fails.
    """
    path, fault = demo_clip("bikes")
    if fault:
        raise ToolError(fault)
    media = Media(path, 640, 272, "yuv420p", 8, Fraction(25), 250)
    codecs = [CODECS[name] for name in SOFTWARE]
    rows = [_timed(codec, preset, media) for codec in codecs for preset in codec.presets]
    memory = [_memory(codec, media) for codec in codecs]
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(),
        "rows": rows,
        "memory": memory,
        "summary": {
            "slowest_ns_per_pixel": max(row["ns_per_pixel"] for row in rows),
            "most_mb_per_megapixel": max(row["mb_per_megapixel"] for row in memory),
        },
    }


def _timed(codec: Codec, preset: str, media: Media) -> dict[str, Any]:
    """CPU time of one preset at the better of the qualities that are usual, which takes the longer."""
    for span in ((SPAN[0], SPAN[0] + FEW), SPAN):
        cpu_s, _, whole = _encode(codec, preset, media, TIMED, span, CPU_S)
        if not whole:
            raise ToolError(f"{codec.name}, preset {preset}: not done after {CPU_S} s of CPU time")
        pixels = TIMED[0] * TIMED[1] * (span[1] - span[0])
        if cpu_s > SLOW_S:
            break
    return {"codec": codec.name, "preset": preset, "ns_per_pixel": float(f"{cpu_s / pixels * 1e9:.3g}")}


def _memory(codec: Codec, media: Media) -> dict[str, Any]:
    """A line through the memory at two sizes, by the slowest preset: it keeps the most pictures."""
    small, large = (width * height / 1e6 for width, height in (SMALL, LARGE))
    small_mb, large_mb = (
        _encode(codec, codec.presets[0], media, size, SPAN, MEMORY_CPU_S)[1] for size in (SMALL, LARGE)
    )
    each = max(0.0, (large_mb - small_mb) / (large - small))
    return {
        "codec": codec.name,
        "mb_start": round(max(0.0, small_mb - each * small)),
        "mb_per_megapixel": round(each),
    }


def _encode(
    codec: Codec, preset: str, media: Media, size: tuple[int, int], span: tuple[int, int], limit_s: int
) -> tuple[float, float, bool]:
    """CPU seconds and peak memory in MB of one encode, and whether it came to its end before `limit_s` CPU seconds."""
    settings = Settings(preset, codec.pix_fmts[0], codec.knob.default_crfs[1], 50, 1, "25/1")
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="laddersmith-bench-"))
        raw, told = (held.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        for picture in frames(media, *span, width=size[0], height=size[1], pix_fmt=settings.pix_fmt, threads=1):
            raw.write(picture)
        raw.seek(0)
        given = arguments(codec, settings, media.colour, *size)
        command = [ffmpeg.executable(), "-hide_banner", "-nostats", "-y", *given, str(Path(folder) / "out.mp4")]
        process = subprocess.Popen(
            command,
            stdin=raw,
            stdout=subprocess.DEVNULL,
            stderr=told,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s)),
        )
        # The kernel's own maximum (wait4) begins at the size of this process; a process's own is its own.
        peak_kb = 0
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            peak_kb = max(peak_kb, _peak_kb(process.pid))
            sleep(EVERY_S)
        told.seek(0)
        said = told.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode > 0:
        raise ToolError(f"{codec.name}, preset {preset}: ffmpeg failed\n{ffmpeg.report(command, said)}")
    return usage.ru_utime + usage.ru_stime, peak_kb / 1024, process.returncode == 0


def _peak_kb(pid: int) -> int:
    """A process's greatest resident memory until now in KiB; 0 once it has ended."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0
