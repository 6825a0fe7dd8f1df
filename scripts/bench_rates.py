"""Rule `bench_rates`: what the config's encoders, its engine and all other jobs take, out."""

from laddersmith.bench.rates import bench_rates
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, config: dict, threads: int) -> None:
    write_json(facts, bench_rates(config, cores=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
