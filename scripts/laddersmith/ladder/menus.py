"""What each shot may take: its measured points and the CRFs between them, column by column."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..encode.codecs import Knob, knob_of
from ..errors import LadderError
from ..hull import searched
from ..search import decimal_crf
from .allocation import ADDITIVE, Choice, Floats, Solutions, additive_worth, level_sweep, pooled_quality, sweep
from .smooth import smooth_level_sweep, smooth_sweep

log = logging.getLogger(__name__)

# By how much VMAF the quality of a point that nobody measured may fall short of what is expected of it.
SPARE = 0.25


@dataclass(frozen=True)
class Menus:
    """The points that every shot has to choose from, at one height of one variant or, for study, at any.

    Attributes
    ----------
    variant, codec, rate : of all points; the last two say what the values in `crfs` are (`knob`).
    heights, crfs, measured : (shots, points) of each; where a shot has fewer points, the rest has bits of inf.
    shots, frames : (shots,) number and length of each shot.
    bits, quality, peak_kbps : (shots, points) size, pooled VMAF, and bitrate of the dearest closed GOP. Bits and rates
        are positive.
    """

    codec: str
    variant: str
    rate: str
    shots: Choice
    frames: Floats
    heights: Any
    crfs: Any
    measured: Any
    bits: Floats
    quality: Floats
    peak_kbps: Floats

    @property
    def knob(self) -> Knob:
        """What the points' values turn."""
        return knob_of(self.codec, self.rate)

    @property
    def where(self) -> str:
        """The variant and its height, in words."""
        heights = self.heights[np.isfinite(self.bits)]
        return f"{self.variant} {f'{heights.min()}p' if heights.min() == heights.max() else 'at any height'}"

    def worth(self, pooling: str) -> Floats:
        """(shots, points) what of the quality adds up over shots, or the level that the lowest shot decides."""
        return additive_worth(self.quality, self.frames, pooling) if pooling in ADDITIVE else self.quality

    def within(self, min_quality: float) -> "Menus":
        """Only the points of at least this quality. Of those that nobody measured, only the ones that exceed it by
        SPARE, where a shot has any such point.

        Raises
        ------
        LadderError
            If a shot has no point of this quality.
        """
        real = np.isfinite(self.bits)
        good = real & (self.quality >= min_quality)
        safe = good & (self.measured | (self.quality >= min_quality + SPARE))
        without = np.flatnonzero(~good.any(axis=1))
        if len(without):
            best = np.floor(100 * np.where(real, self.quality, -np.inf).max(axis=1).min()) / 100
            raise LadderError(
                f"no point of shot {self.shots[without[0]]} reaches ladder.min_shot_quality {min_quality:g}; "
                f"every shot can reach {best:g}"
            )
        return replace(self, bits=np.where(np.where(safe.any(axis=1)[:, None], safe, good), self.bits, np.inf))

    def solutions(self, pooling: str, max_jump: float) -> tuple[Solutions, float]:
        """The best allocations, by rising bits, and the cap on jumps that they keep.

        That is smaller than asked for by 2 SPARE, if some do keep that, where there are points that nobody measured.

        Parameters
        ----------
        pooling : how frames are pooled (`allocation` says what that means for shots).
        max_jump : largest difference in quality between neighbouring shots, in VMAF; 100 is no cap.

        Raises
        ------
        LadderError
            If nothing keeps the cap.
        """
        safe = max_jump - 2 * SPARE
        if max_jump < 100 and safe > 0 and (np.isfinite(self.bits) & ~self.measured).any():
            try:
                return self._solutions(pooling, safe), safe
            except LadderError:
                log.info("%s: no choice of points keeps ladder.max_jump with %g to spare", self.where, 2 * SPARE)
        return self._solutions(pooling, max_jump), max_jump

    def title_quality(self, found: Solutions, pooling: str) -> Floats:
        """The title's quality of each allocation."""
        return pooled_quality(found.worth, float(self.frames.sum()), pooling)

    def _solutions(self, pooling: str, max_jump: float) -> Solutions:
        worth = self.worth(pooling)
        if pooling in ADDITIVE:
            return (
                sweep(self.bits, worth) if max_jump >= 100 else smooth_sweep(self.bits, worth, self.quality, max_jump)
            )
        if max_jump >= 100:
            return level_sweep(self.bits, worth)
        return smooth_level_sweep(self.bits, worth, self.quality, max_jump)

    def mean_crf(self, choice: Choice) -> str:
        """The frame-weighted mean CRF of an allocation, with two decimals at most."""
        crfs = self.crfs[np.arange(len(choice)), choice].astype(float)
        return decimal_crf(str(round(float((crfs * self.frames).sum() / self.frames.sum()), 2)))


def menus(
    points: pd.DataFrame, crf_step: float | None, shots: Sequence[int]
) -> tuple[list[Menus], list[tuple[str, str, str]]]:
    """One for each variant and height that was measured for every shot, sorted; and codec, place and reason for each
    that was not.

    Between two measured CRFs of a shot, those in steps of `crf_step` are expected, not known: the logarithm of bits and
    peak, and the quality, over the CRF or the logarithm of a bitrate that is kept, by monotone cubics through what was
    measured (F. Fritsch, J. Butland, SIAM J. Sci. Stat.
    Comput. 5(2), 1984, as scipy's PchipInterpolator has them). None offers measured points only. A shot that was
    measured at one CRF has that one.

    Parameters
    ----------
    points : rows of tables.POINTS, or expected ones with a column `measured` that is false where nobody measured.
    shots : numbers of all the shots.
    """
    alone = tables.since(searched(points[points["shot"] != tables.WHOLE_TITLE]))
    columns, gaps = [], []
    for (codec, variant, height), column in alone.groupby(["codec", "variant", "height"], sort=True):
        without = sorted(set(shots) - set(column["shot"]))
        if without:
            reason = f"{len(without)} of {len(shots)} shots were not measured at this height, the first is {without[0]}"
            gaps.append((str(codec), f"{variant} {height}p", reason))
        else:
            columns.append(_column(column, crf_step))
    return columns, gaps


def any_height(columns: list[Menus]) -> Iterator[Menus]:
    """For each variant all of its heights in one menu: what a title could have if pictures might change their size."""
    for _, group in groupby(columns, key=lambda column: (column.codec, column.variant)):
        same = list(group)
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(column, name) for column in same], axis=1)
            for name in ("heights", "crfs", "measured", "bits", "quality", "peak_kbps")
        }
        yield replace(same[0], **joined)


def _column(points: pd.DataFrame, crf_step: float | None) -> Menus:
    """The menus at one height; shots measured at the same CRFs are worked on together."""
    knob = knob_of(str(points["codec"].iloc[0]), str(points["rate"].iloc[0]))
    points = points.assign(crf_number=points["crf"].astype(float)).sort_values(["shot", "crf_number", "bytes"])
    points = points.drop_duplicates(["shot", "crf_number"])
    if "measured" not in points:
        points = points.assign(measured=True)
    by_shot = {int(rows["shot"].iloc[0]): rows for _, rows in points.groupby("shot", sort=True)}
    asked = {shot: tuple(rows["crf"]) for shot, rows in by_shot.items()}
    offered = {crfs: _offered(crfs, crf_step, knob) for crfs in set(asked.values())}
    width = max(map(len, offered.values()))
    shape = (len(by_shot), width)
    bits, quality, peak = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    names, known = np.full(shape, "", object), np.zeros(shape, bool)
    places = {shot: place for place, shot in enumerate(by_shot)}
    for crfs, names_here in offered.items():
        mine = [shot for shot in by_shot if asked[shot] == crfs]
        rows = [places[shot] for shot in mine]
        count = len(names_here)
        tables_here = [
            np.array([by_shot[shot][name].to_numpy(float) for shot in mine])
            for name in ("bytes", "quality", "peak_kbps")
        ]
        x, wanted = (np.array([knob.place(value) for value in values]) for values in (crfs, names_here))
        bits[rows, :count] = np.exp(_through(x, np.log(np.maximum(8 * tables_here[0], 1)), wanted))
        quality[rows, :count] = _through(x, tables_here[1], wanted)
        peak[rows, :count] = np.exp(_through(x, np.log(np.maximum(tables_here[2], 1e-3)), wanted))
        names[rows, :count] = names_here
        at_hand = np.array([[names_here.index(crf) for crf in crfs]])
        known[np.array(rows)[:, None], at_hand] = np.array([by_shot[shot]["measured"] for shot in mine], bool)
    measured = points.groupby("shot", sort=True)
    return Menus(
        codec=str(points["codec"].iloc[0]),
        variant=str(points["variant"].iloc[0]),
        rate=str(points["rate"].iloc[0]),
        shots=np.array(list(by_shot), np.intp),
        frames=measured["frames"].first().to_numpy(float),
        heights=np.full(shape, int(points["height"].iloc[0])),
        crfs=names,
        measured=known,
        bits=np.where(np.isfinite(bits), np.round(bits), np.inf),
        quality=quality,
        peak_kbps=peak,
    )


def _offered(crfs: tuple[str, ...], crf_step: float | None, knob: Knob) -> list[str]:
    """The CRFs, and those between them, rising."""
    if crf_step is None or len(crfs) < 2:
        return list(crfs)
    known = {float(crf) for crf in crfs}
    between = [crf for crf in knob.between(crfs[0], crfs[-1], crf_step) if float(crf) not in known]
    return sorted([*crfs, *between], key=float)


def _through(x: Floats, y: Floats, wanted: Floats) -> Floats:
    """(shots, wanted) values at `wanted` of curves through (x, y[shot]); the measured ones exactly as they are."""
    if len(x) == len(wanted):
        return y
    from scipy.interpolate import PchipInterpolator

    values = PchipInterpolator(x, y, axis=1)(wanted)
    values[:, np.searchsorted(wanted, x)] = y
    return values
