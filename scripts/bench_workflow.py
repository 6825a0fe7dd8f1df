"""Rule `bench_workflow`: the demo's config and titles in, what the workflow itself costs out."""

from laddersmith.bench.workflow import bench_workflow
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(settings: str, titles: str, facts: str, threads: int) -> None:
    write_json(facts, bench_workflow(settings, titles, cores=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
