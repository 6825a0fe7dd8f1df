"""What each preset of a codec costs and gains on a title, which to take, and which CRF with it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..hull.pareto import non_dominated
from ..machine import machine
from ..provenance import versions
from ..search import crfs_between
from ..source import Media
from .curves import Curve, cost_ratio, curve_of, quality_difference, rate_difference
from .matrix import ENCODE_TIMING
from .search import Problem, Search, bayesian, descent
from .trials import Trials

SCHEMA = "laddersmith/presets/1"
ALLOWANCE = 1.05  # of the default preset's bitrate at the target, where no limit is given


@dataclass(frozen=True)
class Wishes:
    """What is asked of a preset.

    Attributes
    ----------
    tolerance : quality, in points of VMAF at equal bitrate, that may be given up for less time.
    max_cpu_s_per_s : CPU seconds that a second of video may take; None sets no limit.
    target : quality that the joint search must reach.
    max_kbps : bitrate that it must not pass; None: what the default preset takes at the target, and a twentieth more.
    search : "none", "bayes", "descent" or "both". evaluations : settings that Bayesian search measures at most.
    """

    tolerance: float
    max_cpu_s_per_s: float | None
    target: float
    max_kbps: float | None
    search: str
    evaluations: int
    seed: int


def fine_crfs(crfs: Sequence[str], step: float, direction: int) -> list[str]:
    """The CRFs from the first to the last of `crfs`, and every multiple of `step` between, from most bits to fewest.

    Parameters
    ----------
    direction : of the codec's knob: -1 where a greater value means fewer bits.
    """
    ends = sorted(crfs, key=float)
    between = crfs_between(ends[0], ends[-1], step)
    return sorted({*ends[:1], *between, *ends[-1:]}, key=lambda crf: -direction * float(crf))


def presets_facts(
    codecs: Sequence[Mapping[str, Any]],
    *,
    title: str,
    shots: pd.DataFrame,
    media: Media,
    height: int,
    model: str,
    pooling: str,
) -> dict[str, Any]:
    """`presets.json`: the codecs, and what they were tried on."""
    frames = int((shots["end"] - shots["start"]).sum())
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "machine": machine(),
        "timing": ENCODE_TIMING,
        "title": title,
        "shots": [int(shot) for shot in shots["shot"]],
        "frames": frames,
        "duration_s": float(frames / media.frame_rate),
        "height": height,
        "model": model,
        "pooling": pooling,
        "codecs": [dict(codec) for codec in codecs],
    }


def try_presets(
    trials: Trials, *, presets: Sequence[str], crfs: Sequence[str], fine_crfs: Sequence[str], wishes: Wishes
) -> dict[str, Any]:
    """One codec of `presets.json`.

    Parameters
    ----------
    trials : where settings are measured; the preset of its settings is the default that the others are set against.
    presets : slow to fast, the default among them. crfs : at which each is measured.
    fine_crfs : those that the joint search may take, from most bits to fewest.
    """
    default = str(trials.settings["preset"])
    trials.measure([(preset, crf) for preset in presets for crf in crfs])
    curves = {preset: curve_of(preset, _points(trials, preset, crfs)) for preset in presets}
    rows = _against_default(curves, default, trials.duration_s)
    chosen = recommended(rows, curves, wishes)
    return {
        "codec": str(trials.settings["codec"]),
        "default": default,
        "presets": rows,
        "recommended": chosen,
        "searches": _searches(trials, presets, fine_crfs, curves[default], wishes),
    }


def recommended(rows: Sequence[Mapping[str, Any]], curves: Mapping[str, Curve], wishes: Wishes) -> dict[str, Any]:
    """Of the presets within the limit on time, the fastest of those within `tolerance` of the best of them.

    The best is the one with the most quality at equal bitrate; how far another is from it is measured between the two.

    Parameters
    ----------
    rows : of `presets` in `presets.json`. curves : by preset.
    """
    limit = wishes.max_cpu_s_per_s
    allowed = [row for row in rows if row["bd_quality"] is not None]
    if limit is not None:
        allowed = [row for row in allowed if row["cpu_s_per_s"] <= limit]
    if not allowed:
        fastest = min(row["cpu_s_per_s"] for row in rows)
        return {"preset": None, "why": f"no preset keeps to {limit:g} CPU s per s; the fastest takes {fastest:.3g}"}
    best = max(allowed, key=lambda row: row["bd_quality"])
    behind = {row["preset"]: _behind(curves[best["preset"]], curves[row["preset"]]) for row in allowed}
    within = [row for row in allowed if behind[row["preset"]] <= wishes.tolerance]
    taken = min(within, key=lambda row: row["cpu_s_per_s"])
    lost = behind[taken["preset"]]
    against = (
        "the best of those allowed"
        if taken is best
        else f"{max(0.0, lost):.2f} VMAF behind {best['preset']} at equal bitrate, in "
        f"{100 * taken['cpu_s_per_s'] / best['cpu_s_per_s']:.0f} % of its time"
    )
    return {"preset": taken["preset"], "why": against}


def _behind(best: Curve, other: Curve) -> float:
    difference = 0.0 if other is best else quality_difference(best, other)
    return np.inf if difference is None else -difference


def _points(trials: Trials, preset: str, crfs: Sequence[str]) -> pd.DataFrame:
    measured = trials.measure([(preset, crf) for crf in crfs])
    named = {"codec": trials.settings["codec"], "preset": preset, "height": trials.height}
    return pd.DataFrame([{"crf": crf, **named, **asdict(one)} for crf, one in zip(crfs, measured, strict=True)])


def _against_default(curves: Mapping[str, Curve], default: str, duration_s: float) -> list[dict[str, Any]]:
    """A row per preset, and whether another one is both faster and better."""
    anchor = curves[default]
    usual = float(anchor.points["encode_cpu_s"].mean()) / duration_s
    rows = []
    for preset, curve in curves.items():
        percent, why_none = (0.0, "") if preset == default else rate_difference(anchor, curve)
        ratio = 1.0 if preset == default else cost_ratio(anchor, curve)
        alone = float(curve.points["encode_cpu_s"].mean()) / duration_s
        rows.append(
            {
                "preset": preset,
                "cpu_s_per_s": alone if ratio is None else usual * ratio,
                "cpu_ratio": ratio,
                "bd_rate_pct": percent,
                "why_none": why_none,
                "bd_quality": 0.0 if preset == default else quality_difference(anchor, curve),
                "points": curve.points.to_dict("records"),
            }
        )
    judged = [row for row in rows if row["bd_rate_pct"] is not None]
    kept = non_dominated(np.array([(row["cpu_s_per_s"], row["bd_rate_pct"]) for row in judged]))
    unbeaten = {judged[place]["preset"] for place in kept}
    return [row | {"unbeaten": row["preset"] in unbeaten} for row in rows]


def _searches(
    trials: Trials, presets: Sequence[str], crfs: Sequence[str], usual: Curve, wishes: Wishes
) -> list[dict[str, Any]]:
    """What each search asked for came to; those that cannot begin say why."""
    methods = {"none": (), "both": ("bayes", "descent")}.get(wishes.search, (wishes.search,))
    limit = wishes.max_kbps
    if limit is None and methods:
        rate = usual.at(wishes.target, "bitrate_kbps")
        if rate is None:
            reach = [float(usual.points["quality"].iloc[end]) for end in (0, -1)]
            why = f"preset {usual.preset} goes from {reach[0]:.1f} to {reach[1]:.1f} at the CRFs tried, and the target "
            why += f"is {wishes.target:g}; set compare.presets.max_kbps, or another target"
            return [{"method": method, "why_none": why} for method in methods]
        limit = rate * ALLOWANCE
    found = []
    for method in methods:
        assert limit is not None
        problem = Problem(tuple(presets), tuple(crfs), wishes.target, limit)
        if method == "bayes":
            known = dict(trials.known)
            search = bayesian(problem, trials.measure, seed=wishes.seed, evaluations=wishes.evaluations, known=known)
        else:
            known, search = {}, descent(problem, trials.measure, usual.preset)
        found.append(_told(search, problem, trials, len(known)))
    return found


def _told(search: Search, problem: Problem, trials: Trials, known: int) -> dict[str, Any]:
    limits = {"target": problem.target, "max_kbps": problem.max_kbps}
    told: dict[str, Any] = {"method": search.method, "known": known, "measured": len(search.tried)} | limits
    if search.found is None:
        return told | {"why_none": "no setting that was measured is within both limits"}
    preset, crf = search.found
    one = trials.known[search.found]
    figures = {"bitrate_kbps": one.bitrate_kbps, "quality": one.quality}
    return told | {"preset": preset, "crf": crf, **figures, "cpu_s_per_s": one.encode_cpu_s / trials.duration_s}
