"""The page on `bench_search`: `PYTHONPATH=scripts python -m laddersmith.bench.search_page` writes it anew."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

PAGE = """# What searches lose and cost

Every CRF at four heights of {shots} shots of {clips} clips was encoded and scored once (x264 and x265 `medium`, CRF 15
to 45; SVT-AV1 preset 8, CRF 20 to 60; [exhaustive.parquet](exhaustive.parquet)), and searches are judged by that table:

    LADDERSMITH_FOOTAGE=folder snakemake --profile profiles/local bench_search

The prior of `adaptive` is learned anew for each clip from the other clips alone. Few, small and short clips (20 to 58
frames of {names}): the intervals say how little they tell of other films. Every figure is in
[search.json](search.json).

![Choice loss and rung excess over the share of encodes](search.svg)

**Choice loss**: for 20 qualities over the exhaustive hull's range within VMAF 30 to 96 the strategy names height and
CRF; the BD-rate of what these really give, against the exhaustive hull. **Rung excess**: by how much a rung of the
final ladder is dearer than the exhaustive hull at its quality. Shares are of the exhaustive encodes, their pixels and
their CPU time, the last round included. Means over clips, with Student's intervals of 95 %:

| strategy | encodes | pixels | CPU | choice loss | rung excess | its worst rung |
|---|---|---|---|---|---|---|
{strategies}

Encoders are uneven: from one CRF to the next the same shot may cost several percent more or less than a smooth curve
says, most of all in still pictures, and the exhaustive hull is drawn through the lucky ones. Knowing the smooth surface
perfectly (`every point, smoothed`) still loses what the table says; only of measured points luck can be known.

`adaptive` by clip and codec:

| clip | codec | encodes | choice loss | rung excess | worst rung |
|---|---|---|---|---|---|
{cells}

## A floor of quality, a budget of bits

The CRF that exhaustive search would take, found from nothing for each target, at every height by itself and at the best
height; floors of VMAF 60 to 97, budgets over each shot's range of bitrates. Beside it plain bisection.

| | the very CRF | feasible | encodes for each shot and height |
|---|---|---|---|
{targets}
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows, found = facts["rows"], facts["summary"]
    means = [row for row in rows if row["case"] == "mean over clips"]
    return PAGE.format(
        shots=sum(facts["clips"].values()),
        clips=len(facts["clips"]),
        names=", ".join(facts["clips"]),
        strategies=_table(
            (
                row["strategy"],
                *(f"{row[f'{what}_share_pct']:.1f} %" for what in ("encodes", "pixels", "cpu")),
                *(_between(row, name) for name in ("choice_loss_pct", "rung_excess_mean_pct", "rung_excess_worst_pct")),
            )
            for row in means
        ),
        cells=_table(_cells(rows)),
        targets=_table(_targets(found)),
    )


def _between(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.2f} ± {row[f'{name}_plus_minus']:.2f} %"


def _cells(rows: list[dict[str, Any]]) -> Iterable[Iterable[Any]]:
    mine = [row for row in rows if row["case"] == "strategy" and row["strategy"] == "adaptive"]
    for clip, codec in dict.fromkeys((row["clip"], row["codec"]) for row in mine):
        cell = [row for row in mine if (row["clip"], row["codec"]) == (clip, codec)]

        def mean(name: str, cell: list[dict[str, Any]] = cell) -> float:
            return sum(row[name] for row in cell) / len(cell)

        yield (
            clip,
            codec,
            f"{mean('encodes'):.1f}",
            f"{mean('choice_loss_pct'):.2f} %",
            f"{mean('rung_excess_mean_pct'):.2f} %",
            f"{max(row['rung_excess_worst_pct'] for row in cell):.1f} %",
        )


def _targets(found: dict[str, float]) -> Iterable[Iterable[Any]]:
    for words, start in (("each height", ""), ("the best height", "free_")):
        for method, what in (("", "search"), ("bisect_", "bisection")):
            for mode in ("floor", "budget"):
                yield (
                    f"{mode}, {words}, {what}",
                    f"{found[f'{start}{method}{mode}_hit_pct']:.1f} %",
                    f"{found[f'{start}{method}feasible_pct']:.1f} %",
                    f"{found[f'{start}{method}{mode}_encodes_mean']:.2f}",
                )


def _table(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "search.md", page(read_json(FOLDER / "search.json")))
