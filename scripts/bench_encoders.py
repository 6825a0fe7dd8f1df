"""Rule `bench_encoders`: what every software encoder takes at each preset out."""

from laddersmith.bench.encoders import bench_encoders
from laddersmith.door import door
from laddersmith.jsonfile import write_json


def main(facts: str) -> None:
    write_json(facts, bench_encoders())


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
