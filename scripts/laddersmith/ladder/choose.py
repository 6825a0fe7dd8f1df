"""The last round's plan: the chosen rungs for every shot, and the fixed ladder."""

from collections.abc import Mapping

import pandas as pd

from .. import tables
from ..errors import LadderError
from ..search import plan_rows
from ..search.candidates import Box
from .fixed import is_fixed, plan_fixed
from .rungs import Rules, choose_rungs


def choose_points(
    shots: list[int],
    hull: pd.DataFrame,
    *,
    variants: Mapping[str, dict],
    boxes: Mapping[int, Box],
    rules: Rules,
    crf_step: float,
    fixed: Mapping[str, list[dict]],
    title: str,
) -> pd.DataFrame:
    """Every chosen point of every codec, measured or not yet, and the fixed ladder's (tables.PLAN).

    Points that were measured before are found in the store, so that asking for them again costs nothing.

    Raises
    ------
    LadderError
        If no codec has a usable point under the limits.
    """
    wanted, causes = [], []
    for codec, points in hull.groupby("codec", sort=True):
        wishes, missing = choose_rungs(points, rules, crf_step)
        wanted += [(wish.variant, wish.height, wish.crf, wish.reason) for wish in wishes]
        causes += [f"{codec}: {gap.reason}" for gap in missing]
    if not wanted:
        raise LadderError(
            f"{title}: no codec has a usable point ({'; '.join(causes)}); widen the limits under `ladder`"
        )
    chosen = plan_rows(shots, variants, boxes, wanted)
    capped = {name: settings for name, settings in variants.items() if is_fixed(name)}
    return tables.conform(_joined(chosen, plan_fixed(capped, boxes, fixed)), tables.PLAN)


def _joined(chosen: pd.DataFrame, fixed: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([chosen, fixed], ignore_index=True) if len(fixed) else chosen
