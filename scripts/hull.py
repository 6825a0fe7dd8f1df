"""Rule `hull`: the scores of the searching rounds in, the title's points and their hulls out."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.hull import shot_points, title_points
from laddersmith.ladder import Sharing, with_allocations
from laddersmith.source import load_media


def main(facts: str, scores: list[str], frames: list[str], points: str, hull: str, pooling: str, rules: dict) -> None:
    media = load_media(facts)
    measured = tables.read_all(scores, tables.SCORES)
    per_frame = tables.read_all(frames, tables.FRAMES)
    by_shot = shot_points(measured, pooling)
    tables.write(points, by_shot, tables.POINTS)
    title = title_points(measured, per_frame, pooling, media)
    whole = with_allocations(title, by_shot, per_frame, Sharing(**rules), pooling, media)
    tables.write(hull, whole, tables.TITLE_POINTS)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
