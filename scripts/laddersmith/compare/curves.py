"""Curves of quality over bitrate with what each point cost to encode, and how two of them differ."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from .. import tables
from ..encode.codecs import QUALITY
from ..hull import bd_rate, convex_hull, pareto_front, searched
from ..hull.title import POINT

SAMPLES = 201  # of the shared range of quality, over which costs are averaged


@dataclass(frozen=True)
class Curve:
    """The points of one set of settings that are worth an encode at some price of a bit, by rising bitrate and quality.

    Attributes
    ----------
    points : rows with height, crf, bitrate_kbps, quality, encode_cpu_s and bytes, all of the whole stream.
    """

    name: str
    codec: str
    preset: str
    points: pd.DataFrame
    rate: str = QUALITY

    def at(self, quality: float, column: str) -> float | None:
        """`bitrate_kbps`, `bytes` or `encode_cpu_s` where the curve passes `quality`: its logarithm between two points.

        None beyond the ends: nothing is extrapolated.
        """
        reached = self.points["quality"].to_numpy()
        if not len(reached) or not reached[0] <= quality <= reached[-1]:
            return None
        return float(np.exp(np.interp(quality, reached, np.log(self.points[column].to_numpy(float)))))


def costed(hull: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The title's points of one CRF for all shots, without those under a cap, and the CPU seconds of all their encodes.

    Parameters
    ----------
    hull : rows of tables.TITLE_POINTS. points : rows of tables.POINTS of the same title.

    Returns
    -------
    The columns of tables.TITLE_POINTS, and `encode_cpu_s` of the whole title.
    """
    single = searched(hull[hull["allocation"] == tables.SINGLE])
    seconds = points.groupby(POINT, sort=True)["encode_cpu_s"].sum()
    return single.join(seconds, on=POINT, validate="one_to_one").reset_index(drop=True)


def title_curves(points: pd.DataFrame) -> dict[str, Curve]:
    """The curve of every variant in `costed` points: their convex hull over all heights."""
    return {str(name): curve_of(str(name), group) for name, group in points.groupby("variant", sort=True)}


def curve_of(name: str, points: pd.DataFrame) -> Curve:
    """The convex hull of one variant's points."""
    kept = points.iloc[convex_hull(points["bitrate_kbps"], points["quality"])]
    columns = ["height", "crf", "bitrate_kbps", "quality", "encode_cpu_s", "bytes"]
    codec, preset, rate = (str(tables.since(points)[column].iloc[0]) for column in ("codec", "preset", "rate"))
    return Curve(name, codec, preset, kept[columns].reset_index(drop=True), rate)


def rate_difference(anchor: Curve, test: Curve) -> tuple[float | None, str]:
    """BD-rate of `test` against `anchor` in percent, and, where there is none, why."""
    try:
        pairs = [curve.points[column] for curve in (anchor, test) for column in ("bitrate_kbps", "quality")]
        return bd_rate(*pairs), ""
    except ValueError as error:
        return None, str(error)


def quality_difference(anchor: Curve, test: Curve) -> float | None:
    """Mean quality that `test` has more than `anchor` at equal bitrate; None where they share no range of bitrate.

    The mean of the difference over the logarithms of bitrate that both reach, each curve interpolated by monotone
    cubics (pchip) through the points that none of its own beats.

    Source: as `bd_rate`; this is Bjontegaard's other measure, with VMAF in the place of PSNR.
    """
    rates, curves = [], []
    for curve in (anchor, test):
        rate, quality = (curve.points[name].to_numpy(float) for name in ("bitrate_kbps", "quality"))
        front = pareto_front(rate, quality)
        if len(front) < 2:
            return None
        rates.append(np.log(rate[front]))
        curves.append(PchipInterpolator(rates[-1], quality[front]))
    low, high = max(rate[0] for rate in rates), min(rate[-1] for rate in rates)
    if low >= high:
        return None
    return float((curves[1].integrate(low, high) - curves[0].integrate(low, high)) / (high - low))


def cost_ratio(anchor: Curve, test: Curve) -> float | None:
    """CPU seconds of `test` over those of `anchor` at equal quality: the geometric mean over the qualities that both
    reach, with logarithms of seconds interpolated linearly in quality. None where they share no range of quality."""
    grids = [curve.points["quality"].to_numpy(float) for curve in (anchor, test)]
    if not all(len(grid) for grid in grids):
        return None
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    if low > high:
        return None
    shared = np.linspace(low, high, SAMPLES)
    logs = [_log_seconds(curve, shared) for curve in (anchor, test)]
    return float(np.exp(np.mean(logs[1] - logs[0])))


def _log_seconds(curve: Curve, quality: NDArray[np.float64]) -> NDArray[np.float64]:
    seconds = curve.points["encode_cpu_s"].to_numpy(float)
    return np.interp(quality, curve.points["quality"].to_numpy(float), np.log(seconds))
