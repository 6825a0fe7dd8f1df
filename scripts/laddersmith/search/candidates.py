"""Rows of a plan: every point that a round asks for, once per shot."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import pandas as pd

from .. import tables

Box = tuple[int, int]

# Qualities at which heights are measured first, from the highest height down; the last one's hold for all below.
SEEDS = ((90.0, 50.0), (90.0, 50.0), (70.0,), (50.0,))


def decimal_crf(value: float | str | Decimal) -> str:
    """A CRF as the shortest decimal string: 23, 31.5."""
    return f"{Decimal(str(value)).normalize():f}"


def crfs_between(one: float | str, other: float | str, step: float) -> list[str]:
    """The multiples of `step` strictly between two CRFs, rising."""
    low, high = sorted((Decimal(str(one)), Decimal(str(other))))
    width = Decimal(str(step))
    first = low // width + 1
    return [
        decimal_crf(width * (first + i))
        for i in range(int((high - width * first) / width) + 1)
        if width * (first + i) < high
    ]


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
    variants : name -> settings (codec, preset, pix_fmt, and maxrate_kbps, bufsize_kbps where capped).
    boxes : height of the box -> (width, height) of the picture in it.
    wanted : (variant, height of the box, CRF, reason); of equal points the first reason is kept.
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
