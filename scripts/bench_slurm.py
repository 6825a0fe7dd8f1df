"""Rule `bench_slurm`: what SLURM costs out, by one of this machine's own."""

from laddersmith.bench.slurm import bench_slurm
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, config: dict) -> None:
    write_json(facts, bench_slurm(config))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
