"""What scoring takes, and how far it is from libvmaf: our engines beside ffmpeg's filter."""

import logging
import platform
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..errors import LaddersmithError
from ..machine import machine
from ..provenance import versions
from ..quality.cuda_engine import check_device
from .agreement import agreement
from .end_to_end import end_to_end, memory
from .kernels import kernels
from .materials import footage

log = logging.getLogger(__name__)

SCHEMA = "laddersmith/bench_scoring/1"
ENGINE = "numba"
TIMED_ON = "bigbuckbunny"
GPU = ((540, 960), (720, 1280), (1080, 1920), (2160, 3840))
PACKAGES = ("numba", "llvmlite", "numpy", "av", "onnxruntime")


def bench_scoring(*, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/scoring.json`, from the demo clips and LADDERSMITH_FOOTAGE, if that names a folder.

    Parameters
    ----------
    threads : cores that either side of an end-to-end run is given.
    """
    clips = footage()
    parts = {}
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as name:
        folder = Path(name)
        parts["kernels"] = kernels(folder, clips[TIMED_ON])
        parts["end to end"] = end_to_end(folder, clips[TIMED_ON], engine=ENGINE, threads=threads)
        parts["memory"] = memory(folder, clips[TIMED_ON], engine=ENGINE, threads=threads)
        parts["gpu"] = gpu()
        parts["agreement"] = agreement(folder, clips, engine=ENGINE, threads=threads)
    rows = [{"part": part} | row for part, found in parts.items() for row in found]
    found = {package: metadata.version(package) for package in PACKAGES}
    found |= {"python": platform.python_version(), "ffmpeg": ffmpeg.version()}
    return {
        "schema": SCHEMA,
        "machine": machine() | {"threads": threads},
        "versions": versions() | found,
        "rows": [{name: _short(value) for name, value in row.items()} for row in rows],
        "summary": summary(rows),
    }


def gpu() -> list[dict[str, Any]]:
    """What a GPU gives, where numba-cuda and one are at hand: a row per size and number of encodes."""
    try:
        check_device()
    except LaddersmithError as error:
        log.info("no row of a GPU: %s", error)
        return []
    from ..quality.cuda_rates import rates

    return [rates(width=width, height=height, encodes=encodes) for height, width in GPU for encodes in (1, 2, 4, 8, 16)]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The headline figures: speed-ups per encode at 1080p, the greatest differences, memory for eight encodes."""

    def of(part: str, name: str, **where: int) -> list[float]:
        mine = [row for row in rows if row["part"] == part and all(row[key] == value for key, value in where.items())]
        return [row[name] for row in mine]

    [one] = of("kernels", "speedup", height=1080, encodes=1)
    [eight] = of("kernels", "speedup", height=1080, encodes=8)
    [whole] = of("end to end", "speedup", height=1080, encodes=8)
    [peak] = of("memory", "peak_mb", height=1080)
    found = {
        "kernel_speedup_1": one,
        "kernel_speedup_8": eight,
        "end_to_end_speedup_8": whole,
        "worst_feature": max(of("agreement", "worst_feature")),
        "worst_frame_vmaf": max(of("agreement", "worst_frame_vmaf")),
        "worst_mean_vmaf": max(of("agreement", "mean_vmaf")),
        "worst_integer_mean_vmaf": max(of("agreement", "integer_mean_vmaf")),
        "peak_mb_1080p_8": peak,
    }
    for fps in of("gpu", "fps", height=1080, encodes=8):
        found["gpu_fps_1080p_8"] = fps
    return {name: _short(value) for name, value in found.items()}


def _short(value: Any) -> Any:
    """Floats at four significant digits: the noise of any timing is greater."""
    return float(f"{value:.4g}") if isinstance(value, float) else value
