"""What the workflow itself costs beside encoding and scoring: a dry run of many titles, and the demo's overhead.

Standard library only, and no room: the peak memory that Linux reports for a child begins at the size of its parent.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Any

from ..errors import ToolError
from ..machine import machine
from ..provenance import versions

SCHEMA = "laddersmith/bench_workflow/1"
SNAKEFILE = Path(__file__).resolve().parents[3] / "Snakefile"
TITLES = 200
HEAVY = ("numpy", "pandas", "pyarrow", "av", "cv2", "scenedetect", "altair", "numba", "onnxruntime")
STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \w+ (?:rule (\w+) )?", re.MULTILINE)
TOTAL = re.compile(r"^total +(\d+)$", re.MULTILINE)

# Snakemake with what it and its plugins load for themselves (numpy; with the plugin for SLURM, pandas too) taken away
# before the Snakefile is read. Whoever imports it then gets it back, since numpy cannot be loaded twice; so whatever of
# it is there at the end was asked for by the Snakefile's side.
PROBE = """
import json, sys
from importlib.util import spec_from_loader
from snakemake.cli import get_argument_parser, main

class Back:
    def find_spec(self, name, path=None, target=None):
        return spec_from_loader(name, self) if name in taken else None
    def create_module(self, spec):
        return taken[spec.name]
    def exec_module(self, module):
        pass

get_argument_parser()
heavy = set(json.loads(sys.argv.pop(1)))
taken = {name: sys.modules.pop(name) for name in heavy & set(sys.modules)}
sys.meta_path.insert(0, Back())
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps(sorted(heavy & set(sys.modules))))
sys.exit(code)
"""


@dataclass(frozen=True)
class Ran:
    """One command: its stdout and stderr together, wall seconds, CPU seconds of it and its children, peak MB of one."""

    output: str
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Job:
    """One job of a run: its rule, the seconds inside the library, and the cores that it held for them."""

    rule: str
    library_s: float
    threads: int

    @property
    def core_s(self) -> float:
        return self.library_s * self.threads


def bench_workflow(settings: str, titles: str, *, cores: int) -> dict[str, Any]:
    """The facts of `results/bench/workflow.json`.

    Parameters
    ----------
    settings, titles : config.yaml and titles.tsv of the demo.
    cores : that the demo runs on.

    Raises
    ------
    ToolError
        If Snakemake fails, or its answer or a job's log cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as folder:
        many = "title\tpath\n" + "".join(f"title-{number:03}\tdemo:bikes\n" for number in range(TITLES))
        place = workplace(Path(folder) / "many", "", many)
        dry = run_snakemake(place, "--dry-run", "--quiet", "rules")
        heavy = imported(place)
        place = workplace(Path(folder) / "demo", Path(settings).read_text("utf-8"), Path(titles).read_text("utf-8"))
        ran = run_snakemake(place, "--cores", str(cores), "--scheduler", "greedy", "--benchmark-extended")
        jobs = read_jobs(place)
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"snakemake": metadata.version("snakemake"), "python": platform.python_version()},
        "rows": [
            {
                "case": f"dry run of {TITLES} titles",
                "jobs": total_of(dry.output),
                "wall_s": round(dry.wall_s, 1),
                "peak_mb": round(dry.peak_mb),
                "heavy_imports": heavy,
            },
            {
                "case": "demo from an empty store",
                "cores": cores,
                "jobs": len(jobs),
                "wall_s": round(ran.wall_s, 1),
                "cpu_s": round(ran.cpu_s, 1),
                "library_core_s": round(sum(job.core_s for job in jobs), 1),
            },
            *by_rule(jobs),
        ],
        "summary": {
            "dry_run_jobs": total_of(dry.output),
            "dry_run_s": round(dry.wall_s, 1),
            "dry_run_mb": round(dry.peak_mb),
            "demo_wall_s": round(ran.wall_s, 1),
            "demo_overhead_pct": round(overhead_pct(jobs, ran.wall_s, cores), 1),
            "demo_jobs": len(jobs),
        },
    }


def workplace(folder: Path, settings: str, titles: str) -> Path:
    """A working folder with this config and table of titles, and nothing finished in it."""
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "config.yaml").write_text(settings or "{}\n", encoding="utf-8")
    (folder / "config" / "titles.tsv").write_text(titles, encoding="utf-8")
    return folder


def run_snakemake(
    place: Path,
    *arguments: str,
    program: Sequence[str] = ("-m", "snakemake"),
    environment: Mapping[str, str] = os.environ,
) -> Ran:
    """Run this project's Snakefile in a working folder.

    Raises
    ------
    ToolError
        If it fails; with the tail of what it said.
    """
    command = [sys.executable, *program, "--snakefile", str(SNAKEFILE), "--directory", str(place), *arguments]
    variables = {name: value for name, value in environment.items() if name != "SNAKEMAKE_PROFILE"}
    with tempfile.TemporaryFile() as told:
        start = monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT, env=variables
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        output = told.read().decode(errors="replace")
    if process.returncode:
        raise ToolError(f"snakemake {' '.join(arguments)} ended with {process.returncode}:\n{output[-3000:]}")
    return Ran(output, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def imported(place: Path) -> list[str]:
    """The heavy packages that the Snakefile and what it imports load during a dry run."""
    ran = run_snakemake(place, "--dry-run", "--quiet", "all", program=("-c", PROBE, json.dumps(HEAVY)))
    names: list[str] = json.loads(ran.output.strip().splitlines()[-1])
    return names


def total_of(output: str) -> int:
    """The number of jobs that a dry run lists.

    Raises
    ------
    ToolError
        If there is no table of jobs in what Snakemake said.
    """
    found = TOTAL.search(output)
    if not found:
        raise ToolError(f"the dry run lists no total of jobs; Snakemake said:\n{output[-3000:]}")
    return int(found[1])


def read_jobs(place: Path) -> list[Job]:
    """The jobs of a finished run: seconds from each log, cores from the benchmark table beside it.

    Raises
    ------
    ToolError
        If a log has no beginning and end, or a benchmark table no threads.
    """
    logs = sorted((place / "logs").rglob("*.log"))
    return [job_of(log, place / "benchmarks" / log.relative_to(place / "logs").with_suffix(".tsv")) for log in logs]


def job_of(log: Path, benchmark: Path) -> Job:
    """One job, of its log and its benchmark table (written with --benchmark-extended).

    A door writes its log's first line just before the library is called and the last one just after, once every import
    of the door is done; what lies between is the library's time.
    """
    lines = list(STAMP.finditer(log.read_text(encoding="utf-8")))
    if len(lines) < 2 or not lines[0][2]:
        raise ToolError(f"{log}: no first line that names the rule and no last line after it; the job did not end well")
    first, last = (datetime.strptime(line[1], "%Y-%m-%d %H:%M:%S,%f") for line in (lines[0], lines[-1]))
    header, *rows = [line.split("\t") for line in benchmark.read_text(encoding="utf-8").splitlines()]
    if "threads" not in header or not rows:
        raise ToolError(f"{benchmark}: no threads in it; run Snakemake with --benchmark-extended")
    return Job(lines[0][2], (last - first).total_seconds(), int(rows[-1][header.index("threads")]))


def overhead_pct(jobs: Iterable[Job], wall_s: float, cores: int) -> float:
    """Percent of the cores' time in which no job was inside the library: 1 - sum(core s) / (wall s x cores)."""
    return 100 * (1 - sum(job.core_s for job in jobs) / (wall_s * cores))


def by_rule(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """One row per rule, the most core seconds first."""
    rows = []
    for rule in sorted({job.rule for job in jobs}):
        mine = [job for job in jobs if job.rule == rule]
        library_s, core_s = sum(job.library_s for job in mine), sum(job.core_s for job in mine)
        rows.append(
            {
                "case": f"demo, rule {rule}",
                "jobs": len(mine),
                "threads": max(job.threads for job in mine),
                "library_s": round(library_s, 1),
                "library_core_s": round(core_s, 1),
            }
        )
    return sorted(rows, key=lambda row: -row["library_core_s"])
