"""A title's points when every shot has one of its own: the sweep, as rows beside those of one CRF for all."""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from .. import tables
from ..errors import LadderError
from ..hull import mark_hulls, title_sizes
from ..quality import pool
from ..source import Media
from .menus import Menus, any_height, menus
from .rungs import Sharing

log = logging.getLogger(__name__)

# Rows of each height and variant, evenly in the logarithm of bits: a sweep has as many points as its shots have
# together.
ROWS = 48


def with_allocations(
    title: pd.DataFrame, points: pd.DataFrame, frames: pd.DataFrame, rules: Sharing, pooling: str, media: Media
) -> pd.DataFrame:
    """The title's points with those of the best allocations of measured points added, the hulls marked anew.

    An allocation's `crf` is the frame-weighted mean of its shots'. With `rules.allocation` "single" nothing is added;
    with "per_shot_any_height" also the allocations for which every shot chooses its height (`height` is the greatest),
    which are on no hull: one stream has pictures of one size.

    Parameters
    ----------
    title : `hull.title_points`. points : tables.POINTS. frames : tables.FRAMES of the same rounds.

    Raises
    ------
    LadderError
        If what was measured gives no ladder of this kind.
    """
    if rules.allocation == tables.SINGLE:
        if title.empty:
            raise LadderError(
                "no CRF was measured for every shot, as ladder.allocation single needs: set it to per_shot, or a "
                "search.strategy that measures the same CRFs for all shots"
            )
        return title
    columns, gaps = menus(points, None, sorted(set(points["shot"]) - {tables.WHOLE_TITLE}))
    if not columns:
        told = "; ".join(f"{place}: {reason}" for _, place, reason in gaps)
        raise LadderError(f"no height was measured for every shot ({told}); run the rounds again")
    chosen = [_rows(column, tables.PER_SHOT, rules, pooling) for column in columns]
    if rules.allocation == tables.ANY_HEIGHT:
        chosen += [_rows(column, tables.ANY_HEIGHT, rules, pooling) for column in any_height(columns)]
    added = [_figures(rows, points, frames, pooling, media) for some in chosen for rows in _together(some)]
    joined = pd.concat([title, *added], ignore_index=True)
    joined = joined.drop_duplicates(list(tables.TITLE_POINTS.unique), ignore_index=True)
    return tables.conform(mark_hulls(joined), tables.TITLE_POINTS)


def _rows(column: Menus, allocation: str, rules: Sharing, pooling: str) -> Iterator[pd.DataFrame]:
    """The points of each allocation (columns of KEY, with the names of the whole); none where the limits leave none."""
    try:
        found, _ = column.within(rules.min_shot_quality).solutions(pooling, rules.max_jump)
    except LadderError as error:
        # `choose` has more points to choose from, and says what is missing of the ladder.
        log.info("%s: measured points alone give no allocation: %s", column.where, error)
        return
    shots = np.arange(len(column.shots))
    bits = np.log(found.bits)
    for target in np.linspace(bits[0], bits[-1], ROWS):
        choice = found.at(int(np.argmin(np.abs(bits - target))))
        heights = column.heights[shots, choice]
        yield pd.DataFrame(
            {
                "shot": column.shots,
                "variant": column.variant,
                "height": heights,
                "crf": column.crfs[shots, choice],
                "allocation": allocation,
                "title_height": int(heights.max()),
                "mean_crf": column.mean_crf(choice),
            }
        )


def _together(allocations: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The allocations of one sweep in one table, if there are any; those of the same name once."""
    named: dict[tuple[int, str], pd.DataFrame] = {}
    for rows in allocations:
        named.setdefault((int(rows["title_height"].iloc[0]), str(rows["mean_crf"].iloc[0])), rows)
    if named:
        yield pd.concat(named.values(), ignore_index=True)


def _figures(
    rows: pd.DataFrame, points: pd.DataFrame, frames: pd.DataFrame, pooling: str, media: Media
) -> pd.DataFrame:
    """Rows of tables.TITLE_POINTS without the marks of hulls."""
    by = ["allocation", "variant", "title_height", "mean_crf"]
    own = rows.merge(points, on=tables.KEY, how="left", validate="many_to_one")
    grouped = own.groupby(by, sort=True)
    figures = title_sizes(own, media, by=by)
    names = ["vmaf_mean", "psnr_cb", "psnr_cr"]
    weighted = own[names].mul(own["frames"], axis=0)
    figures[names] = weighted.groupby([own[name] for name in by], sort=True).sum() / media.frames
    figures["vmaf_min"] = grouped["vmaf_min"].min()
    figures["quality"] = [_pooled(group, frames, pooling) for _, group in grouped]
    return figures.reset_index().rename(columns={"title_height": "height", "mean_crf": "crf"})


def _pooled(own: pd.DataFrame, frames: pd.DataFrame, pooling: str) -> float:
    """The title's quality from its shots' pooled ones; a percentile from all frames."""
    weights = own["frames"].to_numpy(float)
    if pooling == "mean":
        return float((own["vmaf_mean"] * weights).sum() / weights.sum())
    if pooling == "harmonic":
        return float(weights.sum() / (weights / (own["vmaf_harmonic"] + 1)).sum() - 1)
    if pooling == "min":
        return float(own["vmaf_min"].min())
    return pool(tables.of_points(frames, own[tables.KEY].to_dict("records"))["vmaf"].to_numpy(), pooling)
