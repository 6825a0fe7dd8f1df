"""Rule `hull`: the scores of the searching rounds in, the title's points and their hulls out."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.hull import shot_points, title_points
from laddersmith.source import load_media


def main(facts: str, scores: list[str], frames: list[str], points: str, hull: str, pooling: str) -> None:
    measured = tables.read_all(scores, tables.SCORES)
    per_frame = tables.read_all(frames, tables.FRAMES)
    tables.write(points, shot_points(measured, pooling), tables.POINTS)
    tables.write(hull, title_points(measured, per_frame, pooling, load_media(facts)), tables.TITLE_POINTS)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
