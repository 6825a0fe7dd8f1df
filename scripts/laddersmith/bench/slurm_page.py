"""docs/benchmarks/slurm.md, written from the facts beside it: `python -m laddersmith.bench.slurm_page`."""

from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

PAGE = """# What SLURM costs

Measured on {cores} cores of an {cpu}, {memory_gb} GiB of memory, by

    snakemake --profile profiles/local bench_slurm

Every figure is in [slurm.json](slurm.json). The SLURM is the machine's own for as long as it lasts: controller and
nodes of one core each, from Debian's packages, with SLURM's own settings of how it schedules. {titles} titles (one
clip at as many sizes, one height each) go through `profiles/slurm` as far as their ladders, every job with one
thread and looked at for the first time after {look} s; then the same without SLURM. They are tiny on purpose: this
is what surrounds work.

| run | jobs | wall time | work of a job | overhead of a job | in the queue |
|---|---|---|---|---|---|
{rows}

**Work** is what a job spends inside the library. **Overhead** is all else from when Snakemake sent the job (or
began it) until it saw its end, without the queue: on SLURM Snakemake starts twice, once for the job and once for
its step ({start} s of a node's time, with the job's own Python), and the end is seen at the next look. **In the
queue** is from submission to start: a wait for a free core, of which there are few here, and the time that SLURM
itself takes to schedule ({least} s at the least). Without SLURM all jobs count, with it those that were sent;
planning and choosing run beside Snakemake.

So a job on SLURM costs {overhead} s beside its work, {local} s without: of a job of ten minutes {share} %.

Two nodes were {speedup} times as fast as one. It cannot be 2: each title's jobs wait for one another, Snakemake
itself and both nodes share the machine's {cores} cores, and an end is seen no sooner with two.

**Empty rounds.** In these runs the second round of search has nothing to measure, as happens where a search knows
enough: its jobs ({empty_jobs} of {jobs}) are in the graph and run, find nothing to do, and end. A title waited
{empty} s for them on two nodes, the other titles' jobs among them. `search.max_rounds` says what may be spent so:
each round more is (codecs x heights + 1) jobs for each batch, empty or not.
"""


def page(facts: dict[str, Any]) -> str:
    """The page of the facts of a `slurm.json`."""
    rows, summary, machine = facts["rows"], facts["summary"], facts["machine"]
    lines = [
        f"| {row['case']} | {row['jobs']} | {row['wall_s']} s | {row['work_s']} s | {row['overhead_s']} s | "
        + (f"{row['queue_s']} s |" if "queue_s" in row else "- |")
        for row in rows
    ]
    two = rows[-1]
    return PAGE.format(
        **machine,
        rows="\n".join(lines),
        titles=facts["titles"],
        look=facts["first_look_s"],
        overhead=summary["overhead_s_per_job"],
        local=summary["local_overhead_s_per_job"],
        share=round(100 * summary["overhead_s_per_job"] / 600, 1),
        speedup=summary["speedup_2_nodes"],
        empty_jobs=two["empty_round_jobs"],
        jobs=two["jobs"],
        start=two["start_s"],
        least=two["queue_least_s"],
        empty=summary["empty_round_s"],
    )


if __name__ == "__main__":
    write_text(FOLDER / "slurm.md", page(read_json(FOLDER / "slurm.json")))
