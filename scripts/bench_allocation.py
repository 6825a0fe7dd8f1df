"""Rule `bench_allocation`: what a CRF for every shot saves, on a title spliced of unlike shots."""

from laddersmith.bench.allocation import bench_allocation
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, threads: int) -> None:
    write_json(facts, bench_allocation(threads=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
