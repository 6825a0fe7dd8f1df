"""Rows of a plan: every point that a round asks for, once per shot."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from .. import tables
from ..encode.codecs import QUALITY
from ..encode.codecs.knobs import multiples_between as crfs_between
from ..encode.codecs.knobs import shortest as decimal_crf

__all__ = ["SEEDS", "Box", "by_heights", "crfs_between", "decimal_crf", "plan_rows", "within_heights"]

Box = tuple[int, int]

# Qualities at which heights are measured first, from the highest height down; the last one's hold for all below.
SEEDS = ((90.0, 50.0), (90.0, 50.0), (70.0,), (50.0,))


def by_heights(
    variants: Mapping[str, dict], heights: Sequence[int], limits: Mapping[str, Sequence[int]]
) -> list[tuple[dict[str, dict], list[int]]]:
    """The variants that are searched at the same heights, each group with those heights.

    Parameters
    ----------
    limits : codec -> the heights at which it may have rungs; `heights` are those of a codec that is not named.
    """
    groups: dict[tuple[int, ...], dict[str, dict]] = {}
    for name, settings in variants.items():
        groups.setdefault(tuple(limits.get(settings["codec"], heights)), {})[name] = settings
    return [(own, list(at)) for at, own in groups.items()]


def within_heights(points: pd.DataFrame, limits: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """The points at heights where their codec may have rungs. `limits` : as `by_heights` takes them."""
    kept = [
        height in limits.get(codec, [height]) for codec, height in zip(points["codec"], points["height"], strict=True)
    ]
    return points[np.array(kept, bool)].reset_index(drop=True)


def plan_rows(
    shots: Iterable[int],
    variants: Mapping[str, dict],
    boxes: Mapping[int, Box],
    wanted: Iterable[tuple[str, int, str, str]],
) -> pd.DataFrame:
    """A plan (tables.PLAN): each wanted point for each shot, sorted, each once.

    Parameters
    ----------
    shots : numbers of the shots.
    variants : name -> settings (codec, preset, pix_fmt, and maxrate_kbps, bufsize_kbps where capped, rate where it is
        no quality).
    boxes : height of the box -> (width, height) of the picture in it.
    wanted : (variant, height of the box, CRF or other value of the knob, reason); of equal points the first is kept.
    """
    numbers = sorted(shots)
    rows = [
        {
            "shot": shot,
            "codec": variants[name]["codec"],
            "variant": name,
            "preset": variants[name]["preset"],
            "pix_fmt": variants[name]["pix_fmt"],
            "height": height,
            "width": boxes[height][0],
            "crf": decimal_crf(crf),
            "rate": variants[name].get("rate", QUALITY),
            "maxrate_kbps": variants[name].get("maxrate_kbps"),
            "bufsize_kbps": variants[name].get("bufsize_kbps"),
            "reason": reason,
        }
        for name, height, crf, reason in wanted
        for shot in numbers
    ]
    if not rows:
        return tables.empty(tables.PLAN)
    plan = pd.DataFrame(rows, columns=tables.PLAN.columns.names).drop_duplicates(tables.KEY)
    order = plan.assign(crf_number=plan["crf"].astype(float)).sort_values(["variant", "height", "crf_number", "shot"])
    return tables.conform(order.drop(columns="crf_number"), tables.PLAN)
