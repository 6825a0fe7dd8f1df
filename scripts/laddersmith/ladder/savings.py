"""What the ladder saves against the fixed one, both measured."""

import numpy as np

from ..hull import bd_rate


def savings(ladder: dict) -> dict:
    """Per codec: the BD-rate of the rungs against the fixed ladder's rungs, and each fixed rung's equal in quality.

    Parameters
    ----------
    ladder : the contents of a `ladder.json`.

    Returns
    -------
    codec -> {"bd_rate_pct": percent or None, "why_none": sentence or None, "rungs": [{"name", "bitrate_kbps",
    "quality", "equal_quality_kbps": kbps or None, "saving_pct": percent or None}]}. A negative BD-rate, and a
    positive saving, mean fewer bits than the fixed ladder. Bitrates between rungs are interpolated in log bitrate;
    none is extrapolated.
    """
    result = {}
    for codec in sorted({rung["codec"] for rung in ladder["fixed"]}):
        ours = sorted((r for r in ladder["rungs"] if r["codec"] == codec), key=lambda r: r["bitrate_kbps"])
        fixed = sorted((r for r in ladder["fixed"] if r["codec"] == codec), key=lambda r: r["bitrate_kbps"])
        curves = [[r[k] for r in rungs] for rungs in (fixed, ours) for k in ("bitrate_kbps", "quality")]
        try:
            rate, why_none = bd_rate(*curves), None
        except ValueError as error:
            rate, why_none = None, str(error)
        result[codec] = {"bd_rate_pct": rate, "why_none": why_none, "rungs": [_compare(r, ours) for r in fixed]}
    return result


def _compare(rung: dict, ours: list[dict]) -> dict:
    """A fixed rung beside the bitrate at which our ladder reaches its quality."""
    quality = [r["quality"] for r in ours]
    equal = None
    if quality and quality[0] <= rung["quality"] <= quality[-1]:
        equal = float(np.exp(np.interp(rung["quality"], quality, np.log([r["bitrate_kbps"] for r in ours]))))
    saving = None if equal is None else 100 * (1 - equal / rung["bitrate_kbps"])
    named = {key: rung[key] for key in ("name", "bitrate_kbps", "quality")}
    return named | {"equal_quality_kbps": equal, "saving_pct": saving}
