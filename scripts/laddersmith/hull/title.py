"""From the points of shots to the points of their title."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import tables
from ..quality import pool
from ..source import Media
from .envelope import convex_hull

POINT = ["variant", "height", "crf"]


def shot_points(scores: pd.DataFrame, pooling: str) -> pd.DataFrame:
    """Every measured point of every shot (tables.POINTS): its quality, and whether its shot's hulls hold it.

    `on_hull` is the hull over one codec's points, `on_cross_hull` over those of all codecs.
    """
    points = scores.assign(quality=scores[f"vmaf_{pooling}"])
    return mark_hulls(points, ["shot"])


def title_points(scores: pd.DataFrame, frames: pd.DataFrame, pooling: str, media: Media) -> pd.DataFrame:
    """One row per variant, height and CRF that was measured for every frame of the title (tables.TITLE_POINTS); none
    where shots were measured at CRFs of their own.

    The bitrate is the sum of the shots' bytes over the title's duration; the peak is the highest of a shot;
    the quality is pooled over the frames of all shots at once, so that every pooling means for the title what it
    means for a shot.

    Parameters
    ----------
    scores : rows of tables.SCORES.
    frames : rows of tables.FRAMES of the same points.
    pooling : a name that `quality.pool` knows.
    media : the title.
    """
    title = title_figures(scores, frames, pooling, media, by=POINT)
    title = title[title["frames"] == media.frames].reset_index(drop=True)
    return mark_hulls(title.assign(allocation=tables.SINGLE))


def title_figures(
    scores: pd.DataFrame, frames: pd.DataFrame, pooling: str, media: Media, *, by: list[str]
) -> pd.DataFrame:
    """The figures of each group of points as one stream: `title_sizes`, and quality pooled over its frames.

    Parameters
    ----------
    by : the columns, of `scores` and of `frames`, by which points belong together.
    """
    pooled = frames.groupby(by, sort=True).agg(
        quality=("vmaf", lambda vmaf: pool(vmaf.to_numpy(), pooling)),
        vmaf_mean=("vmaf", "mean"),
        vmaf_min=("vmaf", "min"),
        psnr_cb=("psnr_cb", "mean"),
        psnr_cr=("psnr_cr", "mean"),
    )
    return title_sizes(scores, media, by=by).join(pooled, validate="one_to_one").reset_index()


def title_sizes(scores: pd.DataFrame, media: Media, *, by: list[str]) -> pd.DataFrame:
    """What each group of points takes as one stream: the columns of tables.TITLE_POINTS up to `bitrate_kbps`."""
    scores = tables.since(scores)
    sizes = scores.groupby(by, sort=True).agg(
        codec=("codec", "first"),
        preset=("preset", "first"),
        pix_fmt=("pix_fmt", "first"),
        width=("width", "max"),
        rate=("rate", "first"),
        maxrate_kbps=("maxrate_kbps", "first"),
        bytes=("bytes", "sum"),
        frames=("frames", "sum"),
        peak_kbps=("peak_kbps", "max"),
    )
    return sizes.assign(bitrate_kbps=sizes["bytes"] * 8 / 1000 / media.duration_s)


def searched(points: pd.DataFrame) -> pd.DataFrame:
    """The points that a search may choose: those without a bitrate cap of the fixed ladder."""
    return points[~points["variant"].str.contains(tables.FIXED_MARK, regex=False)]


def mark_hulls(points: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
    """Add the columns `on_hull` (per codec) and `on_cross_hull` (all codecs), each within the groups of `within`.

    Points that no stream of one size can have (`tables.ANY_HEIGHT`) are on neither.
    """
    points = points.reset_index(drop=True)
    playable = points[points["allocation"] != tables.ANY_HEIGHT] if "allocation" in points else points
    for column, keys in (("on_hull", [*within, "codec"]), ("on_cross_hull", within)):
        marks = np.zeros(len(points), bool)
        candidates = searched(playable)
        groups = candidates.groupby(list(keys), sort=False) if keys else [("all", candidates)]
        for _, group in groups:
            if len(group):
                marks[group.index[convex_hull(group["bitrate_kbps"], group["quality"])]] = True
        points[column] = marks
    return points
