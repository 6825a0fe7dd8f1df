"""Rule `bench_scoring`: what scoring takes beside ffmpeg's libvmaf, and how far from it we are."""

from laddersmith.bench.scoring import bench_scoring
from laddersmith.door import door
from laddersmith.jsonfile import write_json, write_text
from laddersmith.report.speed import speed


def main(facts: str, picture: str, threads: int) -> None:
    found = bench_scoring(threads=threads)
    write_json(facts, found)
    write_text(picture, speed(found["rows"], threads))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
