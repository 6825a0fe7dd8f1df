"""A SLURM for the system tests, and a whole run on it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from clips import ROOT
from laddersmith.bench.slurm_here import Cluster
from workflow.workplace import Workplace, workplace_like

LIMIT_S = 600
# What a clock wrote: the only columns in which two runs may differ.
TIMINGS = {"encode_wall_s", "encode_cpu_s"}


def place_of(folder: Path, source: Path, **settings: Any) -> Workplace:
    """A folder with one tiny title in it: one codec, two heights, one batch."""
    place = workplace_like(folder)
    place.config |= settings
    place.titles({"tiny": source})
    return place


def run_on(cluster: Cluster, place: Workplace, profile: str, *arguments: str) -> str:
    """What Snakemake says of a run with one of our profiles, which must succeed; first looks come early."""
    command, environment = place.command("--profile", str(ROOT / "profiles" / profile), *arguments)
    command += ["--slurm-init-seconds-before-status-checks", "6"]
    return _run(command, environment | dict(cluster.environment), place.path)


def run_locally(place: Workplace, *arguments: str) -> str:
    return _run(*place.command("--profile", str(ROOT / "profiles" / "local"), *arguments), place.path)


def _run(command: Sequence[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def files_of(place: Workplace) -> dict[str, bytes | pd.DataFrame]:
    """Every result by its name: bytes, and tables without the columns of clocks."""
    root = place.path / "results"
    found: dict[str, bytes | pd.DataFrame] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(root))
            found[name] = _table(path) if path.suffix == ".parquet" else path.read_bytes()
    return found


def _table(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    return table.drop(columns=[name for name in table if name in TIMINGS])
