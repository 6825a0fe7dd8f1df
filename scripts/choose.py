"""Rule `choose`: the hull in, the rungs out, and the last round's plan: their points and the fixed ladder's."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.jsonfile import write_json
from laddersmith.ladder import Rules, choose_points
from laddersmith.source import load_media


def main(
    facts: str,
    shots: str,
    points: str,
    hull: str,
    plan: str,
    choice: str,
    title: str,
    rules: dict,
    crf_step: float,
    pooling: str,
    variants: dict,
    fixed: dict,
    heights: list[int],
) -> None:
    media = load_media(facts)
    wanted, chosen = choose_points(
        tables.read(shots, tables.SHOTS)["shot"].tolist(),
        tables.read(points, tables.POINTS),
        tables.read(hull, tables.TITLE_POINTS),
        variants=variants,
        boxes=boxes(media.width, media.height, heights),
        rules=Rules(**rules),
        crf_step=crf_step,
        pooling=pooling,
        duration_s=media.duration_s,
        fixed=fixed,
        title=title,
    )
    tables.write(plan, wanted, tables.PLAN)
    write_json(choice, chosen)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
