"""Rule `bench_codecs`: every software codec proved, codecs compared on real clips, presets against the truth."""

from laddersmith.bench.codecs import bench_codecs
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str, store: dict, threads: int) -> None:
    write_json(facts, bench_codecs(store=store, cores=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
