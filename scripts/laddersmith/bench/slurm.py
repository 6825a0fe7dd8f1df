"""What SLURM costs beside a run on the same machine: small titles run locally, on one node and on two.

The SLURM is this machine's own for as long as the benchmark lasts (`slurm_here.py`); every node has one core, every job
one thread, so that two nodes have twice the cores of one, as on a real cluster, and local runs can be set beside them.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow.parquet as pq
import yaml

from ..errors import ToolError
from ..machine import machine
from ..provenance import versions
from .slurm_here import slurm_here
from .workflow import STAMP, Ran, run_snakemake, workplace

SCHEMA = "laddersmith/bench_slurm/1"
PROFILE = Path(__file__).resolve().parents[3] / "profiles" / "slurm"
HEIGHTS = (180, 160, 144)  # one for each title: the same clip at another size, so that no encode is another's
FIRST_LOOK_S = 5
# Round 1 has nothing to do: no multiple of the step lies between the two CRFs.
SETTINGS: dict[str, Any] = {
    "variants": {"x264": {"codec": "x264", "preset": "medium", "crfs": [20, 30]}},
    "search": {"strategy": "refine", "max_rounds": 2, "crf_step": 10},
    "ladder": {"rungs": 2, "min_step": 1, "min_quality": 0, "min_kbps": 1},
    "fixed_ladder": {"rungs": {"x264": [{"height": height, "kbps": 200} for height in HEIGHTS]}},
}
EMPTY = 1
LINE = re.compile(
    r"^\[(?P<at>\w{3} \w{3} +\d+ [\d:]+ \d{4})\]\n(?:Job (?P<began>\d+): (?P<what>.*)|Finished jobid: (?P<ended>\d+) )",
    re.MULTILINE,
)
SENT = re.compile(r"^Job (\d+) has been submitted with SLURM jobid (\d+) ", re.MULTILINE)
CLOCK = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True)
class Told:
    """A job as Snakemake tells of it: the message of its rule, when it began or was sent, and was seen to end."""

    what: str
    began: datetime
    ended: datetime


def bench_slurm(config: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of `results/bench/slurm.json` (config/schemas/bench_slurm.json).

    Parameters
    ----------
    config : as `config.validate` returned it; of it the folder of compiled kernels is taken.

    Raises
    ------
    ToolError
        If there is no SLURM on this machine, or a run fails.
    """
    with tempfile.TemporaryDirectory(prefix="laddersmith-", dir="/tmp") as folder:
        root, settings = Path(folder), yaml.safe_dump(_settings(config), sort_keys=False)
        titles = "title\tpath\tduration_s\theights\n"
        titles += "".join(f"t{height}\tdemo:bikes\t10\t{height}\n" for height in HEIGHTS)
        # Kernels compiled, libraries read from the disk once.
        warm = workplace(root / "warm", settings, titles)
        run_snakemake(warm, f"results/t{HEIGHTS[0]}/b0/r0/scores.parquet", *_local(2))
        shutil.rmtree(warm)
        rows = [_run_locally(workplace(root / "local", settings, titles))]
        for nodes in (1, 2):
            rows.append(_run_on(workplace(root / f"nodes-{nodes}", settings, titles), root / f"slurm-{nodes}", nodes))
    local, one, two = rows
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(),
        "titles": len(HEIGHTS),
        "first_look_s": FIRST_LOOK_S,
        "rows": rows,
        "summary": {
            "jobs": two["jobs"],
            "overhead_s_per_job": two["overhead_s"],
            "local_overhead_s_per_job": local["overhead_s"],
            "speedup_2_nodes": round(one["wall_s"] / two["wall_s"], 2),
            "empty_round_s": two["empty_round_s"],
        },
    }


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    kernels = Path(config["quality"]["kernel_cache"] or Path(config["store"]["path"]) / "kernels").resolve()
    return SETTINGS | {"heights": list(HEIGHTS), "quality": {"kernel_cache": str(kernels)}}


def _local(cores: int) -> list[str]:
    return ["--cores", str(cores), "--max-threads", "1", "--scheduler", "greedy"]


def _run_locally(place: Path) -> dict[str, Any]:
    ran = run_snakemake(place, "ladders", *_local(2))
    told, work = jobs_told(ran.output), library(place)
    spent = sum((job.ended - job.began).total_seconds() for job in told.values())
    return _row("local, 2 cores", ran, len(told), sum(work) / len(told), max(0.0, spent - sum(work)) / len(told))


def _run_on(place: Path, folder: Path, nodes: int) -> dict[str, Any]:
    """One run with profiles/slurm; light rules stay with Snakemake, and are no part of the figures for each job."""
    with slurm_here(folder, nodes=nodes, cpus=1, memory_mb=64_000) as cluster:
        arguments = ["--profile", str(PROFILE), "--max-threads", "1", "--retries", "0"]
        arguments += ["--slurm-init-seconds-before-status-checks", str(FIRST_LOOK_S)]
        ran = run_snakemake(place, "ladders", *arguments, environment=cluster.environment)
        jobs = cluster.jobs()
    return _of_slurm(nodes, place, ran, jobs)


def _of_slurm(nodes: int, place: Path, ran: Ran, jobs: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The row of a run, from what Snakemake said, what SLURM remembers and the jobs' logs."""
    slurm, sent = {job["JobId"]: job for job in jobs}, dict(SENT.findall(ran.output))
    told = {number: job for number, job in jobs_told(ran.output).items() if number in sent}
    if not told or set(sent.values()) - set(slurm):
        raise ToolError(f"SLURM tells of {len(slurm)} jobs, Snakemake of {len(sent)}; the run cannot be measured")
    queue, ran_s, held = [], [], []
    for number, job in told.items():
        times = ("SubmitTime", "StartTime", "EndTime")
        sent_at, began, ended = (datetime.fromisoformat(slurm[sent[number]][key]) for key in times)
        queue.append(max(0.0, (began - sent_at).total_seconds()))
        ran_s.append((ended - began).total_seconds())
        held.append((job.ended - job.began).total_seconds() - queue[-1])
    rules = {_rule(slurm[number]) for number in sent.values()}
    work = [seconds for rule in rules for seconds in library(place, rule)]
    row = _row(f"SLURM, {nodes} node{'s' * (nodes > 1)}", ran, len(told), sum(work) / len(told), _over(held, work))
    return row | {
        "nodes": nodes,
        "queue_s": round(mean(queue), 1),
        "queue_least_s": min(queue),
        "start_s": round(_over(ran_s, work), 1),
        "empty_round_jobs": len([job for job in told.values() if f"round {EMPTY}" in job.what]),
        "empty_round_s": round(_empty_round_s(place, told), 1),
    }


def _over(held: Sequence[float], work: Sequence[float]) -> float:
    return max(0.0, sum(held) - sum(work)) / len(held)


def _row(case: str, ran: Ran, jobs: int, work_s: float, overhead_s: float) -> dict[str, Any]:
    return {
        "case": case,
        "jobs": jobs,
        "wall_s": round(ran.wall_s, 1),
        "work_s": round(work_s, 2),
        "overhead_s": round(overhead_s, 1),
    }


def jobs_told(output: str) -> dict[str, Told]:
    """The finished jobs by Snakemake's number."""
    began, jobs = {}, {}
    for line in LINE.finditer(output):
        at = datetime.strptime(line["at"], CLOCK)
        if line["began"]:
            began[line["began"]] = (line["what"], at)
        elif line["ended"] in began:
            jobs[line["ended"]] = Told(*began[line["ended"]], at)
    return jobs


def library(place: Path, rule: str | None = None) -> list[float]:
    """Seconds that each job, of a rule or of all, spent inside the library, by its log."""
    found = []
    for log in sorted((place / "logs").rglob("*.log")):
        lines = list(STAMP.finditer(log.read_text(encoding="utf-8")))
        if not lines or not lines[0][2]:
            raise ToolError(f"{log}: no first line that names the rule; the job did not end well")
        if rule in (None, lines[0][2]):
            first, last = (datetime.strptime(line[1], "%Y-%m-%d %H:%M:%S,%f") for line in (lines[0], lines[-1]))
            found.append((last - first).total_seconds())
    return found


def _rule(job: Mapping[str, str]) -> str:
    """The rule of a SLURM job, of the folder that the executor writes its output to: .../rule_encode/t180_0.../7.log"""
    found = re.search(r"/(?:rule|group)_(\w+?)/", job["StdOut"])
    if not found:
        raise ToolError(f"job {job['JobId']} of SLURM writes to {job['StdOut']}, which names no rule")
    return found[1]


def _empty_round_s(place: Path, told: Mapping[str, Told]) -> float:
    """Seconds from the empty round's first job to the end of its last, as a title waited for it, on average."""
    spans = []
    for height in HEIGHTS:
        plan = place / "results" / f"t{height}" / f"r{EMPTY}" / "plan.parquet"
        if pq.read_metadata(plan).num_rows:
            raise ToolError(f"{plan}: has rows, and the benchmark is of an empty round")
        mine = [job for job in told.values() if re.match(rf"t{height}: .*round {EMPTY}\b", job.what)]
        spans.append((max(job.ended for job in mine) - min(job.began for job in mine)).total_seconds())
    return mean(spans)
