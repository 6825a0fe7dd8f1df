"""The page on catalogues: `PYTHONPATH=scripts python -m laddersmith.bench.scale_page` writes it anew."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..catalogue.scaling import REMEDIES
from ..jsonfile import read_json, write_text

DOCS = Path(__file__).resolve().parents[3] / "docs"

PAGE = """# A thousand titles

    python -m laddersmith catalogue --profile profiles/slurm -- --jobs 500
    python -m laddersmith status
    python -m laddersmith simulate --titles 1000 --nodes 20 100

## Shards

One Snakemake plans all its jobs before it begins the first. `catalogue` cuts the table of titles into shards of at
most {per_shard:,} jobs (`--jobs-per-shard`; `--shards` shows them), in the order of the table, and runs one
Snakemake after another, or `--at-once` a few side by side, over the same folder, results and store. What follows
`--` goes to every Snakemake; settings of your own are given by `--config FILE`. A title that fails stops no other
and no shard. At the end there is one `results/summary.html` over all titles, and the exit status says whether all
are done.

`results/catalogue/catalogue.json` ([schema](../config/schemas/catalogue.json)) says how each shard stands, and
`logs/catalogue/` has what Snakemake said. After a kill the same command goes on: shards that are done are passed
over as long as their titles, sources, settings, rules and versions are as they were and every title's last file is
there; in the others Snakemake does what is missing. `--again` looks at all. Titles added at the end of the table
leave the shards before them as they were. A first SIGTERM lets the jobs that run finish, a second interrupts them.

While a catalogue or a Snakemake of it is at work, no second one begins in that folder, and neither does a plain
`snakemake`: they say so and end. (Snakemake's own locks are not used: the first of several Snakemakes that ends
deletes those of all.)

Planning, measured by `bench_dag` on {machine} (the default config, {jobs_per_title} jobs to a title of one batch;
all that Snakemake does before its first job, its own start included):

| | titles | jobs | seconds | MiB |
|---|---|---|---|---|
{planning}

That is {ms_per_job} ms and {kb_per_job} KiB for each further job. A dry run of a shard, which lists every job as
well, takes {dry_s} s. Planning a catalogue of {catalogues}, one after another. Batches multiply jobs: count them by
`--shards`.

## How far it is

`python -m laddersmith status [FOLDER] [--config FILE] [--json FILE]` reads results, logs and the store, and no file
of Snakemake's own; it works while a run goes on, on another machine that sees the folder, after a kill, and before
the first job. For each title: done, running, failed (with the sentence of the cause), begun or waiting, at which
rule and round, jobs and encodes done of all; over all titles the encodes that were made, those that the store had,
and how many fewer they are than every CRF at every height; core hours, GPU hours, gigabytes. What is left goes by
the rates of [estimates](estimate.md), less the share of each title that is done; the time left is that over the
cores that jobs kept busy in the last hour. `--json` has everything ([schema](../config/schemas/status.json)).

A job is taken to live while its process does, or, from another machine, while its log's time stamp is younger than
five minutes; jobs set it every minute.

## On paper: 2 to 1,000 nodes

`python -m laddersmith simulate` plays a catalogue over a cluster: the jobs of the flow with all that each waits
for, at measured times, through Snakemake, SLURM's queue and the nodes. The figures here are of `bench_scale`
([scale.json](benchmarks/scale.json)), and follow from what is assumed:

- **Titles** of {minutes:g} minutes, {size} at {fps:g} pictures a second, by the default search (`{strategy}`):
  {batches} batches, so that the longest job lasts about {job_minutes:g} minutes; {title_jobs} jobs and
  {core_hours:g} core hours each. Encoding one title is harder than another by a log-normal factor (standard
  deviation of its logarithm {spread:g}). Titles are alike otherwise, and so are batches.
- **Job times** by [rates.json](benchmarks/rates.json), on nodes of {cores} such cores; a job of several cores keeps
  all of them busy. Nothing fails. The disk and the network do not slow anything down.
- **SLURM and Snakemake** (`simulate --help` has an option for each): {submit_s:g} s for a submission, two at a
  time; {queue_s:g} s from there to the start on a free node; {start_s:g} s for Snakemake's starts there, Python
  and imports, {local_start_s:g} s for those of a job without SLURM; questions to SLURM {ask_s:g} s apart,
  {ask_more_s:g} s more after each that finds nothing done, {ask_most_s:g} s at the most
  (so the executor plugin asks); {handle_ms:g} ms of Snakemake's own for a job and {plan_ms:g} ms to plan it. Jobs
  start in the order in which they came, and one that fits passes one that does not. No other user is there.

**The profile as it is**: {as_it_is_jobs} jobs at SLURM at a time, {as_it_is_local} cores for the local rules, one
shard after another. **Set for it**: {wide_jobs:,} jobs, {wide_local} cores, {wide_at_once} shards at once.

![Hours and busy cores over nodes](benchmarks/scale.svg)

| titles | nodes | as it is: hours | work | managing | held up by | set for it: hours | work | managing | held up by |
|---|---|---|---|---|---|---|---|---|---|
{curve}

*Work*: of the nodes' core time, that spent on jobs' own work. *Managing*: how much shorter it would be if planning,
submitting, waiting, starting and asking took nothing. *Held up by*: of the limits that no schedule passes, the
tightest. Of more than 16 shards 16 are played, and the whole is taken in proportion.

What to do about each:

{remedies}

**Empty rounds.** A round that has nothing to encode still has its jobs. {empty_titles} titles on {empty_nodes}
nodes, with {empty_rounds} empty rounds ({extra_jobs} further jobs a title): {one:g} hours become {many:g} with the
profile as it is, and {one_wide:g} become {many_wide:g} with `jobs` and `local-cores` set for it.

**Against a real run.** The demo as `bench_workflow` ran it ({local_jobs} jobs on {local_cores} cores) took
{measured_s:g} s; played from the mean time of each rule it takes {played_s:g} s: {off_pct:+g} %. The engine is also
held against cases solved by hand, and against what holds of every schedule: never shorter than the longest chain or
than the work over the cores, never longer than both together when managing takes nothing, never longer on more
nodes for jobs that wait for nothing.
"""


def page(scale: Mapping[str, Any], dag: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    title, manager, empty, local = (
        scale["assumed"]["title"],
        scale["assumed"]["manager"],
        scale["empty_rounds"],
        scale["local_run"],
    )
    settings = list(dict.fromkeys(row["setting"] for row in scale["rows"]))
    as_it_is, wide = ([row for row in scale["rows"] if row["setting"] == one] for one in settings)
    bound = dict.fromkeys(row["bound_by"] for row in scale["rows"])
    return PAGE.format(
        per_shard=title["jobs_per_shard"],
        machine=f"{dag['machine']['cores']} cores of an {dag['machine']['cpu']}",
        planning=_table(
            (row["case"], f"{row['titles']:,}", f"{row['jobs']:,}", row["wall_s"], row["peak_mb"])
            for row in dag["rows"]
        ),
        **{key: dag["summary"][key] for key in ("jobs_per_title", "ms_per_job", "kb_per_job")},
        dry_s=dag["summary"]["shard_dry_run_seconds"],
        catalogues=" and of ".join(
            f"{one['titles']:,} such titles ({one['jobs']:,} jobs, {one['shards']} shards) takes "
            f"{one['planning_s']:,} s"
            for one in dag["catalogues"]
        ),
        size=f"{title['width']}x{title['height']}",
        **{key: title[key] for key in ("minutes", "fps", "batches", "job_minutes", "spread", "cores")},
        strategy=scale["assumed"]["strategy"],
        title_jobs=sum(rule["jobs"] for rule in scale["rules"]),
        core_hours=scale["core_hours_per_title"],
        **{
            key: manager[key]
            for key in ("submit_s", "queue_s", "start_s", "local_start_s", "ask_s", "ask_more_s", "ask_most_s")
        },
        handle_ms=1000 * manager["handle_s"],
        plan_ms=1000 * manager["plan_s"],
        as_it_is_jobs=as_it_is[0]["jobs_at_slurm"],
        as_it_is_local=as_it_is[0]["local_cores"],
        wide_jobs=wide[0]["jobs_at_slurm"],
        wide_local=wide[0]["local_cores"],
        wide_at_once=wide[0]["at_once"],
        curve=_table(
            (f"{one['titles']:,}", f"{one['nodes']:,}", *_cells(one), *_cells(other))
            for one, other in zip(as_it_is, wide, strict=True)
        ),
        remedies="\n".join(f"- {name}: {REMEDIES[name]}." for name in bound),
        empty_titles=empty["titles"],
        empty_nodes=empty["nodes"],
        empty_rounds=empty["empty_rounds"],
        extra_jobs=empty["extra_jobs_per_title"],
        one=empty["one_round_hours"],
        many=empty["with_empty_rounds_hours"],
        one_wide=empty["one_round_set_for_it_hours"],
        many_wide=empty["with_empty_rounds_set_for_it_hours"],
        local_jobs=local["jobs"],
        local_cores=local["cores"],
        measured_s=local["measured_s"],
        played_s=local["played_s"],
        off_pct=local["off_pct"],
    )


def _cells(row: Mapping[str, Any]) -> Sequence[str]:
    return f"{row['hours']:.4g}", f"{row['utilisation_pct']:.0f} %", f"{row['scheduler_pct']:.0f} %", row["bound_by"]


def _table(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def main() -> None:
    facts = (read_json(DOCS / "benchmarks" / f"{name}.json") for name in ("scale", "dag"))
    write_text(DOCS / "scale.md", page(*facts))


if __name__ == "__main__":
    main()
