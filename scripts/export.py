"""Rule `export`: the ladder and its shots in, settings for people who encode elsewhere out."""

from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode.regions import sets_of
from laddersmith.jsonfile import read_json
from laddersmith.package import export_ladder


def main(
    facts: str, shots: str, ladder: str, regions: list[str], exports: str, variants: dict, keyframe_s: float
) -> None:
    export_ladder(
        read_json(facts),
        tables.read(shots, tables.SHOTS),
        read_json(ladder),
        Path(exports),
        variants=variants,
        keyframe_s=keyframe_s,
        regions=sets_of(read_json(regions[0])) if regions else None,
    )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
