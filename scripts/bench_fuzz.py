"""Rule `bench_fuzz`: what becomes of damaged and lying files, out."""

from pathlib import Path

from laddersmith.bench.fuzz import bench_fuzz
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, config: dict, threads: int) -> None:
    kernels = config["quality"]["kernel_cache"] or Path(config["store"]["path"]) / "kernels"
    write_json(facts, bench_fuzz(cores=threads, kernels=Path(kernels).absolute()))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
