"""Rule `regions`: a title, its shots and the masks in, the boxes of every set of regions out."""

from pathlib import Path

from laddersmith.door import door
from laddersmith.encode.region_sets import title_regions
from laddersmith.jsonfile import write_json
from laddersmith.source import load_media
from laddersmith.tables import SHOTS, read


def main(facts: str, shots: str, masks: list[str], regions: str, title: str, sets: dict, threads: int) -> None:
    masked = [name for name, asked in sets.items() if asked["mask"]]
    files = dict(zip(masked, map(Path, masks), strict=True))
    found = title_regions(load_media(facts), read(shots, SHOTS), sets, files, title=title, threads=threads)
    write_json(regions, found)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
