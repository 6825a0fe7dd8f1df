"""Rule `choose`: the hull in, the last round's plan out: the rungs, and the fixed ladder beside them."""

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.ladder import Rules, choose_points
from laddersmith.source import load_media


def main(
    facts: str,
    shots: str,
    hull: str,
    choice: str,
    title: str,
    rules: dict,
    crf_step: float,
    variants: dict,
    fixed: dict,
    heights: list[int],
) -> None:
    media = load_media(facts)
    chosen = choose_points(
        tables.read(shots, tables.SHOTS)["shot"].tolist(),
        tables.read(hull, tables.TITLE_POINTS),
        variants=variants,
        boxes=boxes(media.width, media.height, heights),
        rules=Rules(**rules),
        crf_step=crf_step,
        fixed=fixed,
        title=title,
    )
    tables.write(choice, chosen, tables.PLAN)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
