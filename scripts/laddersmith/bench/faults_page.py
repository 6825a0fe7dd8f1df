"""The page on `bench_faults`: `PYTHONPATH=scripts python -m laddersmith.bench.faults_page` writes it from its facts."""

from pathlib import Path
from statistics import median
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

PAGE = """# Runs that are killed

Measured on {cores} cores of an {cpu}, {memory} GiB of memory, by

    snakemake --profile profiles/local bench_faults

Every figure is in [faults.json](faults.json); what a user does about a fault is in [faults.md](../faults.md).

A title of two shots (40 frames cut from a demo clip), two codecs and two heights is brought from nothing to
its summary: {encodes} encodes, {files} files under `results/`, {wall_s} s undisturbed on this machine at that
time. Then it is done again, and a process of it is ended by SIGKILL at a moment that a seed decides; the run
is started again, as `make` does it, until one comes to its end. What is then under `results/` is compared
file by file with what the undisturbed run left: bytes, and of tables every cell but the two that a clock
measured (`encode_wall_s`, `encode_cpu_s`). A point that was finished when the run was started again must
still be in the store, with the row that it had, and must not have been encoded again.

**Tried: {tried}. Survived: {survived}. Points lost: {points_lost}, of {points_finished} that were finished.
Wrong results: {wrong_results}.**

| killed | faults | survived | points finished | points lost | wrong results | restarts | median s to the end |
|---|---|---|---|---|---|---|---|
{kinds}

"Snakemake alone" leaves its jobs behind, which go on beside those of the run that was started at once.

| seed | killed | after, s | at work, or hit |
|---|---|---|---|
{rows}
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows = facts["rows"]
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in dict.fromkeys(r["kind"] for r in rows)}
    return PAGE.format(
        cores=facts["machine"]["cores"],
        cpu=facts["machine"]["cpu"],
        memory=facts["machine"]["memory_gb"],
        **facts["undisturbed"],
        **facts["summary"],
        kinds=_table(
            [
                kind,
                len(same),
                sum(row["survived"] for row in same),
                sum(row["points_finished"] for row in same),
                sum(row["points_lost"] for row in same),
                sum(bool(row["differing"]) for row in same),
                sum(row["restarts"] for row in same),
                f"{median(row['restarted_s'] for row in same):.1f}",
            ]
            for kind, same in by_kind.items()
        ),
        rows=_table([row["seed"], row["kind"], row["moment_s"], row["met"]] for row in rows),
    )


def _table(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "faults.md", page(read_json(FOLDER / "faults.json")))
