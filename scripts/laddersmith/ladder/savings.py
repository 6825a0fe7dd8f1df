"""What the ladder saves against the fixed one, both measured, and what one codec's rungs take beside another's."""

from collections.abc import Sequence

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


def codec_sets(ladder: dict, order: Sequence[str]) -> list[dict]:
    """What each codec's rungs take of the title's storage, and of bits at equal quality.

    Parameters
    ----------
    ladder : the contents of a `ladder.json`. order : its codecs, the one that players are to prefer first.

    Returns
    -------
    Of every codec in that order {"codec", "rungs": how many, "kilobytes": of their pictures, "share_pct": of all
    codecs' pictures, "bd_rate_pct": percent of bitrate that it needs more (positive) than the first one for equal
    quality, None for the first itself, "why_none": sentence or None}.
    """
    own = {codec: [rung for rung in ladder["rungs"] if rung["codec"] == codec] for codec in order}
    kilobytes = {
        codec: sum(rung["bitrate_kbps"] for rung in rungs) * ladder["source"]["duration_s"] / 8
        for codec, rungs in own.items()
    }
    found = []
    for codec, rungs in own.items():
        rate, why_none = None, None
        if codec != order[0]:
            curves = [[r[k] for r in mine] for mine in (own[order[0]], rungs) for k in ("bitrate_kbps", "quality")]
            try:
                rate = bd_rate(*curves)
            except ValueError as error:
                why_none = str(error)
        share = 100 * kilobytes[codec] / sum(kilobytes.values())
        found.append(
            {"codec": codec, "rungs": len(rungs), "kilobytes": kilobytes[codec], "share_pct": share}
            | {"bd_rate_pct": rate, "why_none": why_none}
        )
    return found


def _compare(rung: dict, ours: list[dict]) -> dict:
    """A fixed rung beside the bitrate at which our ladder reaches its quality."""
    quality = [r["quality"] for r in ours]
    equal = None
    if quality and quality[0] <= rung["quality"] <= quality[-1]:
        equal = float(np.exp(np.interp(rung["quality"], quality, np.log([r["bitrate_kbps"] for r in ours]))))
    saving = None if equal is None else 100 * (1 - equal / rung["bitrate_kbps"])
    named = {key: rung[key] for key in ("name", "bitrate_kbps", "quality")}
    return named | {"equal_quality_kbps": equal, "saving_pct": saving}
