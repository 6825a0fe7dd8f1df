"""Rule `plan`: shots and what earlier rounds measured in, the points of this round out."""

import logging
import math
from functools import partial

import pandas as pd
from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.errors import LadderError
from laddersmith.hull import shot_points, title_points
from laddersmith.ladder import Asked, Rules, Segments, answered_by, choose_points
from laddersmith.search import by_heights, plan_around_hull, plan_coarse, plan_grid
from laddersmith.source import display_size, load_media

log = logging.getLogger(__name__)


def main(
    facts: str,
    shots: str,
    scores: list[str],
    frames: list[str],
    looks: list[str],
    plan: str,
    title: str,
    round: str,
    search: dict,
    variants: dict,
    heights: list[int],
    pooling: str,
    display: str,
    config: dict,
    limits: dict[str, list[int]] | None = None,
) -> None:
    media = load_media(facts)
    size = display_size(media, display)  # refuses one that would distort the title, before anything is encoded
    table = tables.read(shots, tables.SHOTS)
    numbers = table["shot"].tolist()
    strategy, crf_step = search["strategy"], search["crf_step"]

    def planned(variants: dict[str, dict], heights: list[int]) -> pd.DataFrame:
        places = boxes(media.width, media.height, heights)
        if strategy == "grid":
            return plan_grid(numbers, variants, places)
        if strategy == "adaptive":
            from laddersmith.search.adaptive import plan_adaptive
            from laddersmith.search.looks import Looks, plan_looks, with_looks
            from laddersmith.search.memory import recall
            from laddersmith.search.outlook import Film
            from laddersmith.search.prior import load_prior

            film, prior = Film(title, table, size, variants, places, crf_step), load_prior()
            fps = float(media.frame_rate)
            measured = shot_points(tables.read_all(scores, tables.SCORES), pooling)
            measured = with_looks(film, measured, tables.read_all(looks, tables.LOOKS), pooling, fps)
            asked = Asked(**search["target"]) if search["target"] else None
            same = {"shots": numbers, "pooling": pooling, "duration_s": media.duration_s}
            if asked:
                answer = partial(answered_by, asked=asked, **same)
            else:
                answer = partial(
                    wanted,
                    **same,
                    variants=variants,
                    boxes=places,
                    rules=Rules(**search["rules"]),
                    title=title,
                    segments=search["segments"] and Segments.of(search["segments"], media.frame_rate),
                )
            known = config["search"]["known_shots"]
            model = config["quality"]["model"]
            rows = plan_adaptive(
                film,
                measured,
                fps=fps,
                prior=prior,
                known=recall(known, film, model=model, pooling=pooling) if known else None,
                tolerance=math.inf if asked and asked.heights == "each" else search["tolerance"] / 100,
                max_points=search["max_points"],
                answer=answer,
                answer_first=asked is not None,
                alone=asked.alone(fps, size) if asked else None,
            )
            looked = Looks(search["score_every"], search["window_s"]).shots(table, media.frame_rate)
            return plan_looks(film, rows, looked, prior, first=int(round) == 0)
        if int(round) == 0:
            return plan_coarse(numbers, variants, places)
        scored = tables.read_all(scores, tables.SCORES)
        points = title_points(scored, tables.read_all(frames, tables.FRAMES), pooling, media)
        return plan_around_hull(numbers, variants, places, points, crf_step)

    parts = [planned(own, at) for own, at in by_heights(variants, heights, limits or {})]
    rows = parts[0] if len(parts) == 1 else tables.conform(pd.concat(parts, ignore_index=True), tables.PLAN)
    tables.write(plan, rows, tables.PLAN)


def wanted(expected: pd.DataFrame, *, shots: list[int], title: str, **asked) -> pd.DataFrame:
    """The points that the ladder would take as things are expected; none where the limits leave none."""
    try:
        empty = tables.empty(tables.TITLE_POINTS)
        return choose_points(shots, expected, empty, crf_step=None, fixed={}, title=title, **asked)[0]
    except LadderError as error:
        log.info("no ladder is expected: %s", error)
        return tables.empty(tables.PLAN)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
