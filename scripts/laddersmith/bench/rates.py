"""What encoding, scoring and all other jobs take: a small run of the workflow, read as any finished work is read."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..encode.codecs import CODECS, QUALITY
from ..machine import machine
from ..provenance import versions
from ..schema import load
from ..search.rates import ENCODER, own_rates
from .workflow import run_snakemake, workplace

SCHEMA = "laddersmith/bench_rates/1"
# The demo clips, each at two sizes.
TITLES = """title\tpath\theights
bikes\tdemo:bikes\t360,180
bigbuckbunny\tdemo:bigbuckbunny\t720,360
"""
RUNGS = 3
DIGITS = 5


def bench_rates(config: Mapping[str, Any], *, cores: int) -> dict[str, Any]:
    """The facts of `results/bench/rates.json` (config/schemas/bench_rates.json), from which estimates are made.

    Each encoder of the config's variants (codec, preset, pixel format, what it keeps) is run at two CRFs, those next to
    the ends of its adapter's coarse grid, or at the least and the greatest of its bitrates, at two sizes of each clip,
    and at the CRFs that the rungs then want; the engine and the model are the config's.

    Parameters
    ----------
    config : as `config.validate` returned it.
    cores : that the run may use; rates are of CPU time, and depend little on them.

    Raises
    ------
    ToolError
        If Snakemake fails.
    """
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as folder:
        settings = yaml.safe_dump(small(config), sort_keys=False)
        place = workplace(Path(folder) / "rates", settings, TITLES)
        run_snakemake(place, "--cores", str(cores), "--scheduler", "greedy")
        found = own_rates(place, "bench_rates")
    rows = {
        name: [{key: _short(value) for key, value in row.items() if value == value} for row in table.to_dict("records")]
        for name, table in (("encodes", found.encodes), ("jobs", found.jobs))
    }
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(),
        **rows,
        "bytes_per_score": _short(found.bytes_per_score),
    }


def small(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config of the same encoders, engine and model, for a run of a minute or two."""
    variants: dict[tuple[str, ...], dict[str, Any]] = {}
    for settings in config["variants"].values():
        own = {"rate": QUALITY} | {key: settings[key] for key in (*ENCODER, "threads") if key in settings}
        if own["rate"] == QUALITY:
            crfs = CODECS[settings["codec"]].knob.default_crfs
            tried = {"crfs": [float(crfs[1]), float(crfs[-2])]}
        else:
            tried = {"kbps": sorted({min(settings["kbps"]), max(settings["kbps"])})}
        variants.setdefault(tuple(own[key] for key in ENCODER), own | tried)
    quality = {key: config["quality"][key] for key in ("engine", "model", "kernel_cache", "timeout_s")}
    quality["kernel_cache"] = str(Path(quality["kernel_cache"] or Path(config["store"]["path"]) / "kernels").resolve())
    fixed = load("config")["properties"]["fixed_ladder"]["properties"]["rungs"]["default"]
    program = config["ffmpeg"]
    return {
        "ffmpeg": str(Path(program).resolve()) if program and Path(program).exists() else program,
        "variants": {f"v{number}": settings for number, settings in enumerate(variants.values())},
        "quality": quality,
        "verify": {"exact": config["verify"]["exact"]},
        "ladder": {"rungs": RUNGS, "min_step": 1, "min_quality": 0, "min_kbps": 1},
        "fixed_ladder": {"rungs": {codec: [] for codec in fixed}},
    }


def _short(value: Any) -> Any:
    """Numbers with as many digits as mean anything."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
