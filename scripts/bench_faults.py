"""Rule `bench_faults`: runs that are killed and started again, against one that nobody disturbed, out."""

from pathlib import Path

from laddersmith.bench.faults import bench_faults
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, threads: int) -> None:
    write_json(facts, bench_faults(cores=threads, progress=Path(facts).with_suffix("")))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
