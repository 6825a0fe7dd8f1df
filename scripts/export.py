"""Rule `export`: the ladder and its shots in, settings for people who encode elsewhere out."""

from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.jsonfile import read_json
from laddersmith.package import export_ladder


def main(facts: str, shots: str, ladder: str, exports: str, variants: dict, keyframe_s: float) -> None:
    export_ladder(
        read_json(facts),
        tables.read(shots, tables.SHOTS),
        read_json(ladder),
        Path(exports),
        variants=variants,
        keyframe_s=keyframe_s,
    )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
