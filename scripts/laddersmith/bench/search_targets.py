"""Floors and budgets on shots of which every point is known: what the search finds, and with how many encodes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..learn.rate_quality import observations
from ..search.prior import FEATURES, Prior
from ..search.surface import Measured, Subject, Surface
from ..search.targets import BITRATE_BUDGET, QUALITY_FLOOR, Place, Target, answer, chosen, next_points

FLOORS = (60, 70, 80, 85, 90, 93, 95, 97)
BUDGETS = 8  # evenly in their logarithm from the 10th to the 90th percentile of a shot's and codec's bitrates

Floats = NDArray[np.float64]


class Known:
    """One shot and codec of which every point was measured.

    Attributes
    ----------
    shares, crfs : of the grid, heights from high to low. rate, quality : (heights, crfs), as `Surface` has them.
    """

    def __init__(self, points: pd.DataFrame) -> None:
        """`points` : all of its points, in the columns of `observations`."""
        self.shares = np.sort(points["share"].unique())[::-1]
        self.crfs = np.sort(points["crf"].unique())
        grid = pd.MultiIndex.from_product([self.shares, self.crfs])
        shape = len(self.shares), len(self.crfs)
        table = points.set_index(["share", "crf"])
        self.rate, self.quality = (table[name].reindex(grid).to_numpy().reshape(shape) for name in ("rate", "quality"))
        first = points.iloc[0]
        features = np.log1p(first[list(FEATURES)].to_numpy(float))
        self._subject = Subject(first["shot"], first["title"], first["variant"], first["codec"], features)

    def surface(self, prior: Prior, places: list[Place]) -> Surface:
        """What is expected once only `places` were measured."""
        heights, crfs = np.array(places, int).reshape(-1, 2).T
        count, subject = len(places), self._subject
        own = Measured(
            shot=[subject.shot] * count,
            title=[subject.title] * count,
            variant=[subject.variant] * count,
            codec=[subject.codec] * count,
            features=np.tile(subject.features, (count, 1)),
            crf=self.crfs[crfs],
            share=self.shares[heights],
            rate=self.rate[heights, crfs],
            quality=self.quality[heights, crfs],
        )
        return Surface(prior, subject, self.shares, self.crfs, own)


def target_rows(table: pd.DataFrame, prior_of: Callable[[str], Prior]) -> list[dict[str, Any]]:
    """Every target of every shot and codec, solved from nothing: at each height by itself, then at the best of all.

    Returned are for each: mode, clip, shot, codec, target (quality, or kbit/s), free (whether the height was),
    heights, answers (one for each height, or one), encodes, rounds, hits (answers that are exhaustive search's), and
    feasible (answers that keep the limit, or say that nothing does where nothing does); `bisect_` likewise.

    Parameters
    ----------
    table : tables.EXHAUSTIVE. prior_of : of a clip the prior that was learned without it.
    """
    every = observations(table).assign(kbps=table["bitrate_kbps"])
    rows = []
    for (clip, shot, codec), points in every.groupby(["title", "shot", "codec"], sort=True):
        known = Known(points)
        for amount, target in _targets(points):
            for free in (False, True):
                row = {"mode": target.mode, "clip": clip, "shot": int(str(shot)), "codec": codec, "target": amount}
                row |= {"free": free, "heights": len(known.shares)}
                rows.append(row | _solved(known, prior_of(str(clip)), target, free))
    return rows


def target_summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Share of answers that are exhaustive search's, share that are feasible, in percent, and encodes for each shot
    and height: by mode and over both, of heights by themselves and with `free_` of the best of all; and of bisection
    with `bisect_`."""
    table = pd.DataFrame(rows)
    summary: dict[str, float] = {}
    for prefix, some in (("", table[~table["free"]]), ("free_", table[table["free"]])):
        for method in ("", "bisect_"):
            start = prefix + method
            for name, mode in (("floor", QUALITY_FLOOR), ("budget", BITRATE_BUDGET)):
                mine = some[some["mode"] == mode]
                hits = mine[f"{method}hits"].sum() / mine["answers"].sum()
                summary[f"{start}{name}_hit_pct"] = 100 * float(hits)
                summary[f"{start}{name}_encodes_mean"] = float(mine[f"{method}encodes"].sum() / mine["heights"].sum())
            feasible = some[f"{method}feasible"].sum() / some["answers"].sum()
            summary[f"{start}feasible_pct"] = 100 * float(feasible)
    return summary


def _targets(points: pd.DataFrame) -> Iterator[tuple[float, Target]]:
    """Quality or kbit/s, and the target."""
    for quality in FLOORS:
        yield float(quality), Target(QUALITY_FLOOR, float(quality))
    kbps = points["kbps"].to_numpy(float)
    unit = float(points["rate"].iloc[0] - np.log2(kbps[0]))  # rates are logarithms of one and the same unit
    low, high = np.percentile(kbps, [10, 90])
    for budget in np.geomspace(low, high, BUDGETS):
        yield float(budget), Target(BITRATE_BUDGET, float(np.log2(budget)) + unit)


def _solved(known: Known, prior: Prior, target: Target, free: bool) -> dict[str, int]:
    places: list[Place] = []
    rounds = 0
    while new := next_points(surface := known.surface(prior, places), target, free=free):
        places += new
        rounds += 1
    found = {(spot.height, spot.crf, spot.feasible) for spot in answer(surface, target, free=free)}
    halved = [_bisect(known.rate[height], known.quality[height], target) for height in range(len(known.shares))]
    candidates = [(height, crf) for height, (crf, _) in enumerate(halved)]
    true, bisected = (_best(known, spots, target, free) for spots in (_all_places(known), candidates))
    return {
        "answers": len(true),
        "encodes": len(places),
        "rounds": rounds,
        "hits": len(found & true),
        "feasible": _kept(found, true, free),
        "bisect_encodes": sum(count for _, count in halved),
        "bisect_hits": len(bisected & true),
        "bisect_feasible": _kept(bisected, true, free),
    }


Answers = set[tuple[int, int, bool]]  # height, CRF, whether the limit is kept


def _all_places(known: Known) -> list[Place]:
    return [(height, crf) for height in range(len(known.shares)) for crf in range(len(known.crfs))]


def _best(known: Known, places: list[Place], target: Target, free: bool) -> Answers:
    """What a target takes of some places, of each height or of all."""
    groups = [places] if free else [[p for p in places if p[0] == height] for height in range(len(known.shares))]
    answers: Answers = set()
    for group in groups:
        at = tuple(np.array(group).T)
        number, feasible = chosen(known.rate[at], known.quality[at], target)
        answers.add((*group[int(number)], bool(feasible)))
    return answers


def _kept(found: Answers, true: Answers, free: bool) -> int:
    """How many answers keep the limit, or say that nothing does where nothing does."""
    wanted = {None if free else height: kept for height, _, kept in true}
    return sum(kept == wanted[None if free else height] for height, _, kept in found)


def _bisect(rate: Floats, quality: Floats, target: Target) -> tuple[int, int]:
    """The CRF, by index, that halving finds at one height if quality and rate fall with it, and how many it measured.

    Of a floor `low` keeps it and `high` does not; of a budget the other way round.
    """
    low, high, count = -1, len(rate), 0
    floor = target.mode == QUALITY_FLOOR
    while high - low > 1:
        middle = (low + high) // 2
        count += 1
        keeps = bool(chosen(rate[[middle]], quality[[middle]], target)[1])
        low, high = (middle, high) if keeps == floor else (low, middle)
    return min(max(low if floor else high, 0), len(rate) - 1), count
