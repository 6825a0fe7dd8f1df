"""One target for a whole title: the fewest bits that reach a quality, or the most quality that a bitrate buys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import tables
from ..errors import LadderError
from ..hull import searched
from ..search.targets import BITRATE_BUDGET, QUALITY_FLOOR, Target
from ..search.targets import chosen as chosen_alone
from .allocation import ADDITIVE, Choice, Floats, additive_worth, allocate, pooled_quality

ROUNDING = 1e-9  # by which a limit may be missed: quality, and the share of a bitrate
ONE, FREE = "one", "free"  # the same height for all shots, the best one, or whichever suits each shot
TITLE, SHOT = "title", "shot"  # what keeps the limit: the title as a whole, or every shot by itself


@dataclass(frozen=True)
class TitleTarget:
    """What a target chose for one variant.

    Attributes
    ----------
    codec, variant : of the points. heights : those of its points, from high to low.
    points : the chosen rows, one for each shot (columns of tables.KEY).
    bitrate_kbps, quality : of the title; of p5 and min the quality that its lowest shot has.
    missed : 0 where the target is met; else 1, or the number of shots that miss a limit that each has. Then the points
        are the nearest: of a floor those of the highest quality, of a budget those of the lowest bitrate; where every
        shot has the limit, those of the shots that miss it, at a height at which the fewest do.
    sentence : what was chosen, or that nothing meets the target and what comes nearest.
    """

    codec: str
    variant: str
    heights: tuple[int, ...]
    points: pd.DataFrame
    bitrate_kbps: float
    quality: float
    missed: int
    sentence: str

    @property
    def feasible(self) -> bool:
        """Whether the target is met."""
        return not self.missed


class _Menu(NamedTuple):
    """What every shot may take: (shots, points) sizes in bits, qualities, and places in the table; the rest of a row
    has bits of inf."""

    bits: Floats
    quality: Floats
    place: Choice


def choose_target(
    points: pd.DataFrame,
    *,
    mode: str,
    target: float,
    pooling: str,
    shots: Sequence[int],
    duration_s: float,
    heights: str = ONE,
    scope: str = TITLE,
) -> list[TitleTarget]:
    """For each variant the points that meet a target best, one for each shot; sorted by codec and variant.

    For mean and harmonic what is chosen is the best there is (`allocation.allocate`, whose bound on the search may
    leave a nearly best one on titles of many shots). For p5 and min every shot reaches the floor by itself, at its
    fewest bits, and a budget buys the highest such level; a title's p5 might do with less (`allocation`).

    Parameters
    ----------
    points : rows with the columns of tables.KEY, codec, bytes, frames and quality, pooled by `pooling`: measured ones,
        or expected ones as well. The fixed ladder's and the whole title's are passed over.
    mode, target : QUALITY_FLOOR and the lowest quality, or BITRATE_BUDGET and the highest kbit/s.
    shots : numbers of all shots. duration_s : of the title.
    heights : ONE or FREE. scope : TITLE or SHOT.

    Raises
    ------
    LadderError
        If there is no variant of which every shot has a point, at one height where `heights` is ONE.
    """
    if mode not in (QUALITY_FLOOR, BITRATE_BUDGET) or heights not in (ONE, FREE) or scope not in (TITLE, SHOT):
        raise ValueError(f"no target has mode {mode!r}, heights {heights!r} and scope {scope!r}")
    choose = _shot_by_shot if scope == SHOT else _chosen
    table = searched(points[points["shot"].isin(list(shots))]).reset_index(drop=True)
    found = []
    for (codec, variant), rows in table.groupby(["codec", "variant"], sort=True):
        groups = [rows] if heights == FREE else [group for _, group in rows.groupby("height", sort=True)]
        menus = [_menu(group, shots) for group in groups if set(group["shot"]) == set(shots)]
        options = [choose(menu, _frames(rows, shots), mode, target, pooling, duration_s) for menu in menus]
        if options:
            best = min(options, key=lambda option: order(option.missed, option.kbps, option.quality, mode))
            found.append(_told(best, table, str(codec), str(variant), in_words(mode, target, scope)))
    if not found:
        words = "a point" if heights == FREE else "a point at one and the same height"
        raise LadderError(
            f"there is no variant of which each of the {len(shots)} shots has {words}; measure more points for a {mode}"
        )
    return found


class _Option(NamedTuple):
    places: Choice
    kbps: float
    quality: float
    missed: int  # by how many of those that the limit holds for: the title, or its shots


def _frames(rows: pd.DataFrame, shots: Sequence[int]) -> Floats:
    return rows.groupby("shot")["frames"].first().reindex(list(shots)).to_numpy(float)


def _menu(rows: pd.DataFrame, shots: Sequence[int]) -> _Menu:
    groups = rows.groupby("shot").indices
    count = max(len(group) for group in groups.values())
    bits, quality = np.full((len(shots), count), np.inf), np.zeros((len(shots), count))
    place = np.zeros((len(shots), count), np.intp)
    for number, shot in enumerate(shots):
        mine = rows.iloc[groups[shot]]
        bits[number, : len(mine)] = np.maximum(8 * mine["bytes"].to_numpy(float), 1)
        quality[number, : len(mine)] = mine["quality"]
        place[number, : len(mine)] = mine.index
    return _Menu(bits, quality, place)


def _chosen(menu: _Menu, frames: Floats, mode: str, target: float, pooling: str, duration_s: float) -> _Option:
    """The best of a menu, or the nearest."""
    floor = mode == QUALITY_FLOOR
    level, budget = target - ROUNDING, target * 1000 * duration_s * (1 + ROUNDING)
    real = np.isfinite(menu.bits)
    best, cheapest = np.where(real, menu.quality, -np.inf).max(axis=1), menu.bits.min(axis=1)
    rows = np.arange(len(frames))
    top = _pooled(best, frames, pooling)
    reached = top >= level if floor else bool(cheapest.sum() <= budget)
    if not reached:
        points = (
            _lexicographic(-menu.quality, menu.bits, real) if floor else _lexicographic(menu.bits, -menu.quality, real)
        )
    elif pooling in ADDITIVE:
        worth = additive_worth(menu.quality, frames, pooling)
        least = float(additive_worth(np.full((1, 1), level), frames.sum(keepdims=True), pooling)[0, 0])
        limit = {"worth_at_least": least} if floor else {"bits_at_most": budget}
        points = allocate(menu.bits, worth, **limit).points
    else:
        level = level if floor else _highest_level(menu, budget)
        points = _lexicographic(menu.bits, -menu.quality, real & (menu.quality >= level))
    bits, quality = float(menu.bits[rows, points].sum()), menu.quality[rows, points]
    return _Option(
        menu.place[rows, points], bits / 1000 / duration_s, _pooled(quality, frames, pooling), int(not reached)
    )


def _shot_by_shot(menu: _Menu, frames: Floats, mode: str, target: float, pooling: str, duration_s: float) -> _Option:
    """The best point of every shot by itself, or its nearest."""
    kbps = menu.bits / 1000 / (duration_s * frames / frames.sum())[:, None]
    limit = target if mode == QUALITY_FLOOR else float(np.log2(target))
    points, feasible = chosen_alone(np.log2(kbps), menu.quality, Target(mode, limit))
    rows = np.arange(len(frames))
    bits, quality = float(menu.bits[rows, points].sum()), menu.quality[rows, points]
    return _Option(
        menu.place[rows, points], bits / 1000 / duration_s, _pooled(quality, frames, pooling), int((~feasible).sum())
    )


def _pooled(quality: Floats, frames: Floats, pooling: str) -> float:
    """The title's quality of one point for each shot, (shots,)."""
    if pooling not in ADDITIVE:
        return float(quality.min())
    worth = additive_worth(quality[:, None], frames, pooling).sum()
    return float(pooled_quality(worth, float(frames.sum()), pooling))


def _highest_level(menu: _Menu, budget: float) -> float:
    """The highest quality that every shot can reach for `budget` bits in all, by halving: bits rise with the level."""
    levels = np.unique(menu.quality[np.isfinite(menu.bits)])
    low, high = 0, len(levels)
    while high - low > 1:
        middle = (low + high) // 2
        bits = np.where(menu.quality >= levels[middle], menu.bits, np.inf).min(axis=1).sum()
        low, high = (middle, high) if bits <= budget else (low, middle)
    return float(levels[low])


def _lexicographic(first: Floats, second: Floats, allowed: NDArray[np.bool_]) -> Choice:
    """The allowed column of each row that is lowest in `first`, and of these in `second`."""
    first = np.where(allowed, first, np.inf)
    tied = allowed & (first == first.min(axis=1, keepdims=True))
    return np.where(tied, second, np.inf).argmin(axis=1)


def order(missed: int, kbps: float, quality: float, mode: str) -> tuple[int, float, float]:
    """By it the best comes first of what meets a target, then the nearest of what is `missed` by so many."""
    by_bits = (not missed) == (mode == QUALITY_FLOOR)
    return (missed, *((kbps, -quality) if by_bits else (-quality, kbps)))


def in_words(mode: str, target: float, scope: str = TITLE) -> str:
    """What is wanted: "a quality of 93", "2000 kbps or less in every shot"."""
    wanted = f"a quality of {target:g}" if mode == QUALITY_FLOOR else f"{target:g} kbps or less"
    return wanted + " in every shot" * (scope == SHOT)


def told(variant: str, heights: Sequence[int], quality: float, kbps: float, wanted: str, feasible: bool) -> str:
    """What was chosen for what is wanted (`in_words`), or that nothing meets it and what comes nearest."""
    where = f"at {', '.join(f'{height}p' for height in heights)}"
    rate = f"{kbps:.0f}" if kbps >= 100 else f"{kbps:.3g}"
    facts = f"quality {quality:.2f} at {rate} kbps"
    if feasible:
        return f"{variant} {where}: {facts}, for {wanted}"
    return f"{variant}: nothing that was tried has {wanted}; the nearest is {facts}, {where}"


def _told(option: _Option, table: pd.DataFrame, codec: str, variant: str, wanted: str) -> TitleTarget:
    points = table.loc[option.places, tables.KEY].reset_index(drop=True)
    heights = tuple(sorted({int(height) for height in points["height"]}, reverse=True))
    sentence = told(variant, heights, option.quality, option.kbps, wanted, not option.missed)
    return TitleTarget(codec, variant, heights, points, option.kbps, option.quality, option.missed, sentence)
