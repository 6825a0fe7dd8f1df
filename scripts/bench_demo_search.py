"""Rule `bench_demo_search`: the demo's config and titles in, its searches by `grid` and `adaptive` side by side out."""

from laddersmith.bench.demo_search import bench_demo_search
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(settings: str, titles: str, facts: str, threads: int) -> None:
    write_json(facts, bench_demo_search(settings, titles, cores=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
