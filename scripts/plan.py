"""Rule `plan`: shots and what earlier rounds measured in, the points of this round out."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.hull import title_points
from laddersmith.search import plan_around_hull, plan_coarse, plan_grid
from laddersmith.source import display_size, load_media


def main(
    facts: str,
    shots: str,
    scores: list[str],
    frames: list[str],
    plan: str,
    round: str,
    strategy: str,
    crf_step: float,
    variants: dict,
    heights: list[int],
    pooling: str,
    display: str,
) -> None:
    media = load_media(facts)
    display_size(media, display)  # refuses one that would distort the title, before anything is encoded
    numbers = tables.read(shots, tables.SHOTS)["shot"].tolist()
    places = boxes(media.width, media.height, heights)
    if strategy == "grid":
        rows = plan_grid(numbers, variants, places)
    elif int(round) == 0:
        rows = plan_coarse(numbers, variants, places)
    else:
        points = title_points(
            tables.read_all(scores, tables.SCORES),
            tables.read_all(frames, tables.FRAMES),
            pooling,
            media,
        )
        rows = plan_around_hull(numbers, variants, places, points, crf_step)
    tables.write(plan, rows, tables.PLAN)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
