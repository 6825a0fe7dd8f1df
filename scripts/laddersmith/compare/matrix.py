"""The comparison: every variant of every title, each against each, and over all titles."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..errors import TableError
from ..provenance import versions
from ..source import Media
from .curves import Curve, cost_ratio, costed, rate_difference, title_curves
from .intervals import mean_percent

SCHEMA = "laddersmith/compare/1"
ENCODE_TIMING = (
    "Encoding: CPU seconds (user and system) of each encode's own process, which jobs beside it change little; they "
    "would change its wall seconds, which are not told. A point that was found in the store has the seconds of the "
    "machine that encoded it."
)
DECODE_TIMING = (
    "Decoding: wall seconds of one thread that decodes one stream while no other job of the run is at work, median of "
    "three; a run whose wall time is far beyond its CPU time is called disturbed."
)


def title_entry(
    title: str,
    media: Media,
    hull: pd.DataFrame,
    points: pd.DataFrame,
    decoding: Mapping[str, Any],
    targets: Sequence[float],
) -> dict[str, Any]:
    """One title of the comparison: its variants with what they take at each target, every pair's BD-rate, its decodes.

    Parameters
    ----------
    hull, points : rows of tables.TITLE_POINTS and tables.POINTS.
    decoding : the contents of `decoding.json`. targets : qualities at which size and time are told.
    """
    curves = title_curves(costed(hull, points))
    pairs = [(anchor, test) for anchor in curves for test in curves if anchor != test]
    return {
        "title": title,
        "width": media.width,
        "height": media.height,
        "frames": media.frames,
        "frame_rate": media.to_json()["frame_rate"],
        "duration_s": media.duration_s,
        "variants": [_variant(curve, media.duration_s, targets) for curve in curves.values()],
        "bd_rates": [_pair(curves[anchor], curves[test]) for anchor, test in pairs],
        "decoding": {"machine": decoding["machine"], "rows": decoding["rows"]},
    }


def compare_titles(
    titles: Sequence[Mapping[str, Any]],
    *,
    anchor: str,
    confidence: float,
    targets: Sequence[float],
    machine: Mapping[str, Any],
    model: str,
    pooling: str,
) -> dict[str, Any]:
    """`compare.json`: the titles, and every pair of variants over the titles that have a BD-rate for it.

    Parameters
    ----------
    titles : of `title_entry`. anchor : the variant that the tables set the others against.
    machine : on which the page is made, and, unless jobs go elsewhere, all that is not in the store was encoded.

    Raises
    ------
    TableError
        If no title has a point of the anchor.
    """
    names = sorted({variant["variant"] for title in titles for variant in title["variants"]})
    if anchor not in names:
        raise TableError(
            f"compare.anchor is {anchor}, and no title has a measured point of it; they have {', '.join(names)}"
        )
    pairs = [(one, other) for one in names for other in names if one != other]
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "machine": dict(machine),
        "timing": {"encode": ENCODE_TIMING, "decode": DECODE_TIMING},
        "model": model,
        "pooling": pooling,
        "anchor": anchor,
        "confidence": confidence,
        "targets": list(targets),
        "variants": [_over_titles(name, anchor, titles) for name in names],
        "bd_rates": [_mean_pair(titles, *pair, confidence) for pair in pairs],
        "titles": [dict(title) for title in titles],
    }


def _variant(curve: Curve, duration_s: float, targets: Sequence[float]) -> dict[str, Any]:
    points = curve.points
    return {
        "variant": curve.name,
        "codec": curve.codec,
        "preset": curve.preset,
        "rate": curve.rate,
        "curve": points.to_dict("records"),
        "targets": [_at(curve, target, duration_s) for target in targets],
    }


def _at(curve: Curve, target: float, duration_s: float) -> dict[str, Any]:
    size, seconds = curve.at(target, "bytes"), curve.at(target, "encode_cpu_s")
    return {
        "quality": target,
        "bitrate_kbps": curve.at(target, "bitrate_kbps"),
        "megabytes": None if size is None else size / 1e6,
        "encode_cpu_s": seconds,
        "realtime": None if seconds is None else duration_s / seconds,
    }


def _pair(anchor: Curve, test: Curve) -> dict[str, Any]:
    percent, why_none = rate_difference(anchor, test)
    named = {"anchor": anchor.name, "test": test.name, "bd_rate_pct": percent, "why_none": why_none}
    return named | {"cpu_ratio": cost_ratio(anchor, test)}


def _mean_pair(titles: Sequence[Mapping[str, Any]], anchor: str, test: str, confidence: float) -> dict[str, Any]:
    rates = _of_pair(titles, anchor, test, "bd_rate_pct")
    return {"anchor": anchor, "test": test} | mean_percent(rates, confidence)


def _over_titles(name: str, anchor: str, titles: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A variant over the titles: its CPU time over the anchor's at equal quality, and the speed of its curves."""
    mine = [(title, entry) for title in titles for entry in title["variants"] if entry["variant"] == name]
    ratios = [0.0] if name == anchor else [100 * (r - 1) for r in _of_pair(titles, anchor, name, "cpu_ratio")]
    mean = mean_percent(ratios, 0.5)["mean_pct"]
    seconds = sum(point["encode_cpu_s"] for _, entry in mine for point in entry["curve"])
    length = sum(title["duration_s"] * len(entry["curve"]) for title, entry in mine)
    return {
        "variant": name,
        "codec": mine[0][1]["codec"],
        "preset": mine[0][1]["preset"],
        "titles": len(mine),
        "cpu_ratio": None if mean is None else 1 + mean / 100,
        "cpu_s_per_s": seconds / length,
        "realtime": length / seconds,
    }


def _of_pair(titles: Sequence[Mapping[str, Any]], anchor: str, test: str, key: str) -> list[float]:
    return [
        pair[key]
        for title in titles
        for pair in title["bd_rates"]
        if (pair["anchor"], pair["test"]) == (anchor, test) and pair[key] is not None
    ]
