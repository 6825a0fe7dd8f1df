"""The fixed ladder that every title is compared with: a list of heights and bitrates, really encoded under caps."""

from collections.abc import Mapping

import pandas as pd

from .. import tables
from ..search import plan_rows
from ..search.candidates import Box


def plan_fixed(variants: Mapping[str, dict], boxes: Mapping[int, Box], fixed: Mapping[str, list[dict]]) -> pd.DataFrame:
    """The fixed ladder's points (tables.PLAN); rungs whose box the title does not use are left out.

    They are encoded over the whole title at once, as a fixed ladder is made: a decoder's buffer that starts anew at
    every shot would let short shots exceed their cap.

    Parameters
    ----------
    variants : capped variants (name with tables.FIXED_MARK -> settings, with `crfs` of one CRF).
    fixed : codec -> list of {height, kbps}.
    """
    wanted = [
        (name, rung["height"], settings["crfs"][0], f"fixed ladder: {rung['height']}p at {rung['kbps']:g} kbps")
        for name, settings in variants.items()
        for rung in fixed.get(settings["codec"], [])
        if settings["maxrate_kbps"] == rung["kbps"] and rung["height"] in boxes
    ]
    return plan_rows([tables.WHOLE_TITLE], variants, boxes, wanted)


def is_fixed(variant: str) -> bool:
    """Whether a variant is a capped one of the fixed ladder."""
    return tables.FIXED_MARK in variant
