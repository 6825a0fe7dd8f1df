"""What each shot may take: its measured points and the CRFs between them, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..errors import LadderError
from ..hull import searched
from ..search import crfs_between, decimal_crf
from .allocation import ADDITIVE, Choice, Floats, Solutions, additive_worth, level_sweep, pooled_quality, sweep
from .smooth import smooth_level_sweep, smooth_sweep


@dataclass(frozen=True)
class Menus:
    """The points that every shot has to choose from, at one height of one variant or, for study, at any.

    Attributes
    ----------
    variant, codec, width : of all points. heights, crfs, measured : (shots, points) of each; where a shot has fewer
        points,
        the rest has bits of inf.
    shots, frames : (shots,) number and length of each shot.
    bits, quality, peak_kbps : (shots, points) size, pooled VMAF, and bitrate of the dearest closed GOP.
    """

    codec: str
    variant: str
    shots: Choice
    frames: Floats
    heights: Any
    crfs: Any
    measured: Any
    bits: Floats
    quality: Floats
    peak_kbps: Floats

    def within(self, *, min_quality: float = 0.0, max_peak_kbps: float = np.inf) -> "Menus":
        """Only the points of at least this quality whose every GOP stays below a rate.

        Raises
        ------
        LadderError
            If a shot has no such point.
        """
        good = self.quality >= min_quality
        calm = self.peak_kbps <= max_peak_kbps
        for allowed, words in (
            (good, f"reaches ladder.min_shot_quality {min_quality:g}"),
            (good & calm, f"keeps its peak within {max_peak_kbps:.0f} kbps, which ladder.max_peak_ratio allows"),
        ):
            without = np.flatnonzero(~(allowed & np.isfinite(self.bits)).any(axis=1))
            if len(without):
                where = f"{self.variant} {_height_words(self.heights[np.isfinite(self.bits)])}"
                raise LadderError(f"{where}: no point of shot {self.shots[without[0]]} {words}")
        return replace(self, bits=np.where(good & calm, self.bits, np.inf))

    def solutions(self, pooling: str, max_jump: float) -> tuple[Solutions, Floats]:
        """The best allocations, by rising bits, and the title's quality of each.

        Parameters
        ----------
        pooling : how frames are pooled (`allocation` says what that means for shots).
        max_jump : largest difference in quality between neighbouring shots, in VMAF; 100 is no cap.

        Raises
        ------
        LadderError
            If nothing keeps the cap.
        """
        capped = max_jump < 100
        found: Solutions
        if pooling in ADDITIVE:
            worth = additive_worth(self.quality, self.frames, pooling)
            found = smooth_sweep(self.bits, worth, self.quality, max_jump) if capped else sweep(self.bits, worth)
        elif capped:
            found = smooth_level_sweep(self.bits, self.quality, self.quality, max_jump)
        else:
            found = level_sweep(self.bits, self.quality)
        return found, pooled_quality(found.worth, float(self.frames.sum()), pooling)

    def mean_crf(self, choice: Choice) -> str:
        """The frame-weighted mean CRF of an allocation, with two decimals at most."""
        crfs = self.crfs[np.arange(len(choice)), choice].astype(float)
        return decimal_crf(str(round(float((crfs * self.frames).sum() / self.frames.sum()), 2)))


def menus(points: pd.DataFrame, crf_step: float | None) -> list[Menus]:
    """One for each variant and height that was measured for every shot, sorted.

    Between two measured CRFs of a shot, those in steps of `crf_step` are expected, not known: the logarithm of bits and
    peak, and the quality, by monotone cubics through what was measured (F. Fritsch, J. Butland, SIAM J. Sci. Stat.
    Comput. 5(2), 1984, as scipy's PchipInterpolator has them). None offers measured points only.

    Parameters
    ----------
    points : rows of tables.POINTS.
    """
    alone = searched(points[points["shot"] != tables.WHOLE_TITLE])
    shots = np.sort(alone["shot"].unique())
    columns = []
    for _, column in alone.groupby(["codec", "variant", "height"], sort=True):
        if column["shot"].nunique() == len(shots):
            columns.append(_column(column, crf_step))
    return columns


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
    points = points.assign(crf_number=points["crf"].astype(float)).sort_values(["shot", "crf_number"])
    by_shot = {int(rows["shot"].iloc[0]): rows for _, rows in points.groupby("shot", sort=True)}
    asked = {shot: tuple(rows["crf"]) for shot, rows in by_shot.items()}
    offered = {crfs: _offered(crfs, crf_step) for crfs in set(asked.values())}
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
        x, wanted = np.array(crfs, float), np.array(names_here, float)
        bits[rows, :count] = np.exp(_through(x, np.log(8 * tables_here[0]), wanted))
        quality[rows, :count] = _through(x, tables_here[1], wanted)
        peak[rows, :count] = np.exp(_through(x, np.log(tables_here[2]), wanted))
        names[rows, :count] = names_here
        known[rows, :count] = np.isin(names_here, crfs)
    measured = points.groupby("shot", sort=True)
    return Menus(
        codec=str(points["codec"].iloc[0]),
        variant=str(points["variant"].iloc[0]),
        shots=np.array(list(by_shot), np.intp),
        frames=measured["frames"].first().to_numpy(float),
        heights=np.full(shape, int(points["height"].iloc[0])),
        crfs=names,
        measured=known,
        bits=np.where(np.isfinite(bits), np.round(bits), np.inf),
        quality=quality,
        peak_kbps=peak,
    )


def _offered(crfs: tuple[str, ...], crf_step: float | None) -> list[str]:
    """The CRFs, and those between them, rising."""
    if crf_step is None or len(crfs) < 2:
        return list(crfs)
    between = crfs_between(crfs[0], crfs[-1], crf_step)
    return sorted({*(decimal_crf(crf) for crf in crfs), *between}, key=float)


def _through(x: Floats, y: Floats, wanted: Floats) -> Floats:
    """(shots, wanted) values at `wanted` of curves through (x, y[shot]); the measured ones exactly as they are."""
    if len(x) == len(wanted):
        return y
    from scipy.interpolate import PchipInterpolator

    values = PchipInterpolator(x, y, axis=1)(wanted)
    values[:, np.searchsorted(wanted, x)] = y
    return values


def _height_words(heights: Any) -> str:
    return f"{heights.min()}p" if heights.min() == heights.max() else "at any height"
