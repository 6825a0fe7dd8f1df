"""Rule `assemble`: the ladder and its encodes in, one playable rendition per rung of a codec out."""

from fractions import Fraction
from pathlib import Path

from laddersmith.door import door
from laddersmith.jsonfile import read_json
from laddersmith.package import stitch


def main(ladder: str, renditions: str, codec: str) -> None:
    made = read_json(ladder)
    folder = Path(renditions)
    folder.mkdir(parents=True, exist_ok=True)
    for rung in made["rungs"]:
        if rung["codec"] == codec:
            stitch(
                [Path(ladder).parent / point["file"] for point in rung["points"]],
                folder / f"{rung['name']}.mp4",
                frame_rate=Fraction(made["source"]["frame_rate"]),
                codec=codec,
            )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
