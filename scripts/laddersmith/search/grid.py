"""Strategy `grid`: every configured CRF of every variant at every box, in one round."""

from collections.abc import Mapping

import pandas as pd

from ..encode.codecs import start_values
from .candidates import Box, plan_rows


def plan_grid(shots: list[int], variants: Mapping[str, dict], boxes: Mapping[int, Box]) -> pd.DataFrame:
    """The plan of the one round: (variant, box, CRF) for every shot."""
    wanted = [
        (name, height, crf, "grid")
        for name, settings in variants.items()
        for height in boxes
        for crf in start_values(settings)
    ]
    return plan_rows(shots, variants, boxes, wanted)
