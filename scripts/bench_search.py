"""Rule `bench_search`: what each strategy of search finds, and at which cost, against every point."""

from laddersmith import tables
from laddersmith.bench.search import bench_search
from laddersmith.door import door
from laddersmith.jsonfile import write_json, write_text
from laddersmith.report.searches import searches


def main(table: str, facts: str, plot: str, threads: int) -> None:
    found = bench_search(tables.read(table, tables.EXHAUSTIVE), threads=threads)
    write_json(facts, found)
    write_text(plot, searches([row for row in found["rows"] if row["case"] == "mean over clips"]))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
