"""What each strategy finds, and at which cost, against every CRF at every height (`exhaustive`)."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import PchipInterpolator

from .. import ffmpeg
from ..hull import convex_hull
from ..learn.rate_quality import fit_prior, observations
from ..machine import machine
from ..provenance import versions
from ..search.outlook import observed
from ..search.prior import Prior
from .exhaustive import VARIANTS
from .search_targets import target_rows, target_summary
from .strategies import Case, Found, adaptive, bisect, cases, grid, refine, smoothed

SCHEMA = "laddersmith/bench_search/1"
CONFIDENCE = 0.95
MEANS = (
    "encodes",
    "encodes_share_pct",
    "pixels_share_pct",
    "cpu_share_pct",
    "encode_cpu_s",
    "choice_loss_pct",
    "rung_excess_mean_pct",
    "rung_excess_worst_pct",
    "planner_cpu_s",
)
QUALITIES, LOWEST, HIGHEST = 20, 30.0, 96.0

Place = tuple[int, str]  # height, CRF


def priors(table: pd.DataFrame) -> dict[str, Prior]:
    """For each clip the prior learned from the other clips alone."""
    every = observations(table)
    return {clip: fit_prior(every[every["title"] != clip]) for clip in sorted(set(table["clip"]))}


def run(case: Case, strategy: str, work: Callable[[Case], Found]) -> list[dict[str, Any]]:
    """A strategy on one shot: a row for each codec."""
    case = case.fresh()
    begin = process_time()
    found = work(case)
    planner_s = process_time() - begin
    case.measure(found.plan)
    expected = found.expected()
    return [
        _row(case, strategy, variant, found.choice, expected[expected["variant"] == variant], planner_s)
        for variant in VARIANTS
    ]


def _row(
    case: Case, strategy: str, variant: str, choice: dict, expected: pd.DataFrame, planner_s: float
) -> dict[str, Any]:
    truth = case.of(variant)
    mine = case.seen[case.seen["variant"] == variant]
    pixels = truth["width"].astype(float) ** 2
    rungs = [(rung["height"], rung["crfs"][0]) for rung in choice["rungs"] if rung["variant"] == variant]
    excess = rung_excess(truth, rungs)
    return {
        "case": "strategy",
        "strategy": strategy,
        "clip": case.clip,
        "shot": case.shot,
        "codec": variant,
        "encodes": len(mine),
        "encodes_share_pct": 100 * len(mine) / len(truth),
        "pixels_share_pct": 100 * float(pixels[mine.index].sum() / pixels.sum()),
        "cpu_share_pct": 100 * float(mine["encode_cpu_s"].sum() / truth["encode_cpu_s"].sum()),
        "encode_cpu_s": float(mine["encode_cpu_s"].sum()),
        "choice_loss_pct": choice_loss(truth, named(truth, expected)),
        "rungs": len(rungs),
        "rung_excess_mean_pct": float(np.mean(excess)) if excess else float("nan"),
        "rung_excess_worst_pct": max(excess, default=float("nan")),
        "planner_cpu_s": planner_s,
    }


def qualities(truth: pd.DataFrame) -> np.ndarray:
    """The qualities at which a strategy names its choice: evenly over the exhaustive hull's range, within 30 to 96."""
    hull = _hull(truth)[1]
    return np.linspace(max(LOWEST, hull[0]), min(HIGHEST, hull[-1]), QUALITIES)


def named(truth: pd.DataFrame, expected: pd.DataFrame) -> list[Place]:
    """For each of `qualities` the point of the expected hull that is nearest to it."""
    places = expected.iloc[convex_hull(expected["bytes"], expected["quality"])]
    names = list(zip(places["height"].astype(int), places["crf"], strict=True))
    values = places["quality"].to_numpy()
    return [names[int(np.argmin(np.abs(values - quality)))] for quality in qualities(truth)]


def choice_loss(truth: pd.DataFrame, places: Iterable[Place]) -> float:
    """BD-rate in percent of what the named points really are against the exhaustive hull.

    The mean difference of the logarithm of the rate, both as monotone cubics of quality (VCEG-AI11), over the qualities
    that both reach. No named point is left out, dominated or not. Of a single point its excess over the hull.
    """
    table = truth.set_index(["height", "crf"])[["bytes", "quality"]]
    rows = table.loc[list(dict.fromkeys(places))].sort_values("quality").drop_duplicates("quality")
    if len(rows) == 1:
        return rung_excess(truth, list(rows.index))[0]
    rate, quality = _hull(truth)
    ours = PchipInterpolator(rows["quality"], np.log(rows["bytes"].to_numpy(float)))
    best = PchipInterpolator(quality, np.log(rate))
    low, high = max(quality[0], rows["quality"].min()), min(quality[-1], rows["quality"].max())
    return float(100 * np.expm1((ours.integrate(low, high) - best.integrate(low, high)) / (high - low)))


def rung_excess(truth: pd.DataFrame, rungs: Sequence[Place]) -> list[float]:
    """Percent of bits that each rung takes beyond the exhaustive hull at the rung's quality."""
    table = truth.set_index(["height", "crf"])[["bytes", "quality"]]
    rate, quality = _hull(truth)
    if len(rate) == 1:
        return [100 * (bits / float(rate[0]) - 1) for bits in table.loc[list(rungs)]["bytes"].to_numpy(float)]
    best = PchipInterpolator(quality, np.log(rate))
    values = table.loc[list(rungs)].to_numpy(float).tolist()
    return [100 * (bits / float(np.exp(best(np.clip(value, quality[0], quality[-1])))) - 1) for bits, value in values]


def _hull(truth: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and quality of the exhaustive hull, rising."""
    places = convex_hull(truth["bytes"], truth["quality"])
    return truth["bytes"].to_numpy(float)[places], truth["quality"].to_numpy()[places]


def bench_search(table: pd.DataFrame, *, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/search.json`.

    Parameters
    ----------
    table : every point of every shot (tables.EXHAUSTIVE). threads : processes side by side.
    """
    learned = priors(table)
    shots = cases(table)
    mine = [learned[case.clip] for case in shots]
    groups = [(str(clip), rows) for (clip, _), rows in table.groupby(["clip", "shot"], sort=True)]
    with ProcessPoolExecutor(threads) if threads > 1 else nullcontext() as workers:
        each = workers.map if workers else map
        alone = list(each(_alone, shots, mine))
        known = [_of_others(case.clip, shots, [seen for _, seen in alone]) for case in shots]
        seeded = list(each(_seeded, shots, mine, known))
        targets = list(each(_targets, [rows for _, rows in groups], [learned[clip] for clip, _ in groups]))
    rows = [row for own in [*(own for own, _ in alone), *seeded] for row in own]
    aimed = [row for own in targets for row in own]
    clips = table.groupby("clip", sort=True)["shot"].nunique()
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"ffmpeg": ffmpeg.version()},
        "clips": {str(clip): int(count) for clip, count in clips.items()},
        "rows": [_rounded(row) for row in [*rows, *intervals(rows), *aimed]],
        "summary": _rounded(summary(rows) | target_summary(aimed)),
    }


def _alone(case: Case, prior: Prior) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Every strategy that knows of no other shot, on one; and what `adaptive` measured of it."""
    seen: list[pd.DataFrame] = []

    def solve(own: Case) -> Found:
        found = adaptive(own, prior, None)
        seen.append(observed(own.film, own.seen))
        return found

    rows = [
        row for name, work in (("grid", grid), ("refine", refine), ("bisect", bisect)) for row in run(case, name, work)
    ]
    rows += run(case, "adaptive", solve)
    rows += run(case, "every point, smoothed", partial(smoothed, prior=prior))
    return rows, seen[0]


def _of_others(clip: str, shots: Sequence[Case], seen: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """What was measured of the shots of other clips."""
    return pd.concat([part for case, part in zip(shots, seen, strict=True) if case.clip != clip])


def _seeded(case: Case, prior: Prior, known: pd.DataFrame) -> list[dict[str, Any]]:
    return run(case, "adaptive, seeded", partial(adaptive, prior=prior, known=known))


def _targets(table: pd.DataFrame, prior: Prior) -> list[dict[str, Any]]:
    return [{"case": "target"} | row for row in target_rows(table, lambda _: prior)]


def intervals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each strategy the means over clips, of clips' means over their shots and codecs, with Student's intervals."""
    table = pd.DataFrame(rows)
    found = []
    for strategy, mine in table.groupby("strategy", sort=False):
        clips = mine.groupby("clip")[list(MEANS)].mean()
        width = stats.t.ppf((1 + CONFIDENCE) / 2, len(clips) - 1) if len(clips) > 1 else float("nan")
        row = {"case": "mean over clips", "strategy": strategy, "clips": len(clips)}
        for name in MEANS:
            row[name] = float(clips[name].mean())
            if len(clips) > 1:
                row[f"{name}_plus_minus"] = float(width * clips[name].std() / np.sqrt(len(clips)))
        found.append(row)
    return found


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The headline figures of `adaptive` without seeding: means over clips and codecs, the worst clip and codec, and
    the worst rung of all."""
    table = pd.DataFrame([row for row in rows if row["strategy"] == "adaptive"])
    cells = table.groupby(["clip", "codec"])[list(MEANS)].mean()
    return {
        "choice_loss_mean_pct": float(cells["choice_loss_pct"].mean()),
        "choice_loss_worst_pct": float(cells["choice_loss_pct"].max()),
        "rung_excess_mean_pct": float(cells["rung_excess_mean_pct"].mean()),
        "rung_excess_worst_pct": float(table["rung_excess_worst_pct"].max()),
        "encodes_share_pct": float(cells["encodes_share_pct"].mean()),
        "pixels_share_pct": float(cells["pixels_share_pct"].mean()),
        "cpu_share_pct": float(cells["cpu_share_pct"].mean()),
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Floats at four significant digits; null what is none (of a codec without a rung, say)."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        found[name] = value if not isinstance(value, float) else float(f"{value:.4g}") if value == value else None
    return found
