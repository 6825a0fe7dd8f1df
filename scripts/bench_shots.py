"""Rule `bench_shots`: how well and how fast cuts are found, out."""

from laddersmith.bench.shots import bench_shots
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, threads: int) -> None:
    write_json(facts, bench_shots(threads=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
