"""What planning takes: the DAG of ever more titles, built of the real Snakefile by a Snakemake of its own.

Nothing heavy is imported, for the same reason as in `workflow`: the peak memory that Linux reports for a child begins
at the size of its parent.
"""

import math
import platform
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from ..catalogue.flow import count_jobs
from ..config import validate
from ..encode.codecs import CODECS
from ..errors import ToolError
from ..machine import machine
from ..provenance import versions
from ..titles import Title
from .workflow import Ran, run_snakemake, total_of, workplace

SCHEMA = "laddersmith/bench_dag/1"
JOBS_PER_SHARD = 20_000
WHOLE = (1, 100, 1_000)  # titles that are planned at once
CATALOGUES = (1_000, 10_000)  # titles that are run in shards


def bench_dag(jobs_per_shard: int = JOBS_PER_SHARD, whole: tuple[int, ...] = WHOLE) -> dict[str, Any]:
    """The facts of `results/bench/dag.json` (config/schemas/bench_dag.json): the default config, one batch to a title.

    A job's milliseconds and kilobytes are those by which a shard is beyond one title: the start of Snakemake is not in
    them, but in a shard's seconds and megabytes. Planning is what Snakemake does before its first job; a dry run also
    lists every job.

    Raises
    ------
    ToolError
        If Snakemake fails, or has other jobs than are reckoned (`catalogue.flow`).
    """
    config = validate({}, CODECS)
    each = count_jobs(config, Title("title", "demo:bikes", None, 1))
    per_shard = max(1, jobs_per_shard // each)
    counts = sorted({*whole, per_shard})
    ran = {count: plan(count) for count in counts}
    listed = plan(per_shard, dry_run=True)
    if total_of(listed.output) != per_shard * each + 1:
        raise ToolError(
            f"a shard of {per_shard} titles has {total_of(listed.output)} jobs, not {each} for each and one"
        )
    jobs = {count: count * each + 1 for count in counts}
    rows = [
        {
            "case": f"{count} title{'s' if count > 1 else ''} at once" if count != per_shard else "a shard",
            "titles": count,
            "jobs": jobs[count],
            "wall_s": round(ran[count].wall_s, 1),
            "cpu_s": round(ran[count].cpu_s, 1),
            "peak_mb": round(ran[count].peak_mb),
        }
        for count in counts
    ]
    one, shard = ran[1], ran[per_shard]
    more = jobs[per_shard] - jobs[1]
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"snakemake": metadata.version("snakemake"), "python": platform.python_version()},
        "rows": rows,
        "catalogues": [
            {
                "titles": titles,
                "jobs": titles * each,
                "shards": math.ceil(titles / per_shard),
                "planning_s": round(math.ceil(titles / per_shard) * shard.wall_s),
            }
            for titles in CATALOGUES
        ],
        "summary": {
            "jobs_per_title": each,
            "ms_per_job": round(1000 * (shard.wall_s - one.wall_s) / more, 2),
            "kb_per_job": round(1024 * (shard.peak_mb - one.peak_mb) / more, 1),
            "shard_jobs": jobs[per_shard],
            "shard_seconds": round(shard.wall_s, 1),
            "shard_mb": round(shard.peak_mb),
            "shard_dry_run_seconds": round(listed.wall_s, 1),
        },
    }


def plan(titles: int, *, dry_run: bool = False) -> Ran:
    """Build the DAG of so many titles, as that of a shard is: without the summary over all.

    With `dry_run` every job is then listed, which evaluates its resources and its message too.
    """
    table = "title\tpath\n" + "".join(f"title-{number:05}\tdemo:bikes\n" for number in range(titles))
    asked = ["--dry-run", "--quiet", "rules"] if dry_run else ["--rulegraph", "dot"]
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as folder:
        place = workplace(Path(folder) / "many", "", table)
        return run_snakemake(place, *asked, "--nolock", "--", "titles")
