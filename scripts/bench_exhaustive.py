"""Rule `bench_exhaustive`: every CRF at every height of real shots, by which searches are judged."""

from pathlib import Path

from laddersmith import tables
from laddersmith.bench.exhaustive import exhaustive
from laddersmith.door import door
from laddersmith.store import Store


def main(table: str, streams: str, store: dict, threads: int) -> None:
    found = exhaustive(store=Store(store["path"]), folder=Path(streams), threads=threads)
    tables.write(table, found, tables.EXHAUSTIVE)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
