"""Strategy `refine`: a coarse round, then points around the hull of what was measured."""

from collections.abc import Mapping
from itertools import pairwise

import pandas as pd

from .. import tables
from ..encode.codecs import start_values, variant_knob
from ..hull import searched
from .candidates import Box, decimal_crf, plan_rows


def plan_coarse(shots: list[int], variants: Mapping[str, dict], boxes: Mapping[int, Box]) -> pd.DataFrame:
    """Round 0: every second configured CRF of each variant, both ends included, at every box."""
    wanted = [
        (name, height, crf, "coarse")
        for name, settings in variants.items()
        for height in boxes
        for crf in _every_second(sorted(start_values(settings), key=float))
    ]
    return plan_rows(shots, variants, boxes, wanted)


def plan_around_hull(
    shots: list[int], variants: Mapping[str, dict], boxes: Mapping[int, Box], points: pd.DataFrame, crf_step: float
) -> pd.DataFrame:
    """A later round: halves the gaps in CRF beside every point of each codec's hull.

    A hull point's true neighbours on its own height are the CRFs between it and the next measured ones; the
    middle of each such gap is measured next. Gaps of one `crf_step` are closed, so a plan may be empty.

    Parameters
    ----------
    points : title points measured so far (tables.TITLE_POINTS).
    crf_step : the finest step of CRF that is searched; of a bitrate, 5 percent for each 1 of it.
    """
    measured = searched(points)
    wanted: list[tuple[str, int, str, str]] = []
    for point in tables.rows(measured[measured["on_hull"]]):
        if point.variant not in variants or point.height not in boxes:
            continue
        column = measured[(measured["variant"] == point.variant) & (measured["height"] == point.height)]
        crfs = sorted({decimal_crf(crf) for crf in column["crf"]}, key=float)
        place, knob = crfs.index(decimal_crf(point.crf)), variant_knob(variants[point.variant])
        for low, high in pairwise(crfs[max(0, place - 1) : place + 2]):
            inside = knob.between(low, high, crf_step)
            if inside:
                reason = f"beside hull point {knob.told(point.crf)}"
                wanted.append((point.variant, point.height, inside[len(inside) // 2], reason))
    return plan_rows(shots, variants, boxes, wanted)


def _every_second(crfs: list) -> list:
    """Every second entry, and the last."""
    return crfs[::2] if len(crfs) % 2 else [*crfs[::2], crfs[-1]]
