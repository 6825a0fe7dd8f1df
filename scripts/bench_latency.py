"""Rule `bench_latency`: what low latency costs each codec, out."""

from laddersmith.bench.latency import bench_latency
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, threads: int) -> None:
    write_json(facts, bench_latency(threads=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
