"""Rule `bench_dag`: what planning ever more titles takes, out."""

from laddersmith.bench.dag import bench_dag
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str) -> None:
    write_json(facts, bench_dag())


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
