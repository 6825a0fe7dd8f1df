"""The page on `bench_allocation`: `PYTHONPATH=scripts python -m laddersmith.bench.allocation_page` writes it anew."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

PAGE = """# What a CRF for every shot saves

Measured on {cores} cores of an {cpu} by

    LADDERSMITH_FOOTAGE=folder snakemake --profile profiles/local bench_allocation

on a title of {shots} shots and {frames} frames, {width}x{height}, spliced of the demo clips and of three more. Every
rung of every ladder was stitched and verified whole by libvmaf's float model; BD-rates are of verified scores, and
negative ones are savings. Every figure is in [allocation.json](allocation.json). One short title of unlike shots: what
a film saves depends on how unlike its shots are.

| against | codec | BD-rate |
|---|---|---|
{savings}

The single CRF is the best one for each height: a ladder with the same limits and number of rungs, but one CRF for all
shots. The allocation maximises the title's mean VMAF: it takes bits from shots where the last points of VMAF are dear
and gives them to shots where they are cheap, so that the worst shot may be better or worse than under one CRF (last
column).

## Every rung

| codec | ladder | rung | kbps | predicted VMAF | verified | CRF of its shots | worst shot |
|---|---|---|---|---|---|---|---|
{rungs}

Predicted and verified means differ by at most {gap:.4f} VMAF.

## The allocator

{points} points for each of {many} shots: {allocator}.

## Encoding elsewhere

The middle rung's exports, run with the real encoders, against the stitched rendition:

| codec | form | size | VMAF |
|---|---|---|---|
{exports}
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows = facts["rows"]
    timed = [row for row in rows if row["case"] == "allocator"]
    return PAGE.format(
        cores=facts["machine"]["cores"],
        cpu=facts["machine"]["cpu"],
        **facts["title"],
        savings=_table(
            (row["case"], row["codec"], f"{row['bd_rate_pct']:+.1f} %") for row in rows if "bd_rate_pct" in row
        ),
        rungs=_table(
            (
                row["codec"],
                row["ladder"].replace("_", " "),
                row["name"],
                f"{row['bitrate_kbps']:.0f}",
                f"{row['predicted']:.3f}",
                f"{row['verified']:.3f}",
                f"{row['lowest_crf']:g} to {row['highest_crf']:g}",
                f"{row['lowest_shot_vmaf']:.1f}" if "lowest_shot_vmaf" in row else "",
            )
            for row in rows
            if row["case"] == "rung"
        ),
        gap=facts["summary"]["verified_gap_worst_vmaf"],
        points=timed[0]["points"],
        many=f"{timed[0]['shots']:,}",
        allocator=", ".join(f"{row['what']} in {row['cpu_s']:.2f} s of CPU" for row in timed),
        exports=_table(
            (
                row["codec"],
                row["form"],
                row.get("left_out") or f"{row['size_difference_pct']:+.2f} %",
                "" if "left_out" in row else f"{row['vmaf_difference']:+.2f}",
            )
            for row in rows
            if row["case"] == "export"
        ),
    )


def _table(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "allocation.md", page(read_json(FOLDER / "allocation.json")))
