"""Rule `bench_rate_control`: how near encoders come to a bitrate that they keep, and what that costs."""

from pathlib import Path
from tempfile import TemporaryDirectory

from laddersmith.bench.rate_control import bench_rate_control
from laddersmith.door import door
from laddersmith.jsonfile import write_json
from laddersmith.store import Store


def main(facts: str, config: dict, threads: int) -> None:
    with TemporaryDirectory(dir=Path(facts).parent, prefix=".rate-control-") as folder:
        store = Store(config["store"]["path"])
        write_json(facts, bench_rate_control(store=store, folder=Path(folder), threads=threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
