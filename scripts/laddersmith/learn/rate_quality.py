"""The prior of rate and quality, learned from films of which every point was measured.

Every shot, codec, height and CRF of `tables.EXHAUSTIVE` is an observation of two Gaussian fields (`search.prior`).
Their means are regressed with a ridge, their covariances maximise the marginal likelihood (C. Rasmussen, C. Williams,
Gaussian Processes for Machine Learning, 2006, sections 2.7 and 5.4.1) under a broad normal prior on the logarithms.

    python -m laddersmith.learn.rate_quality docs/benchmarks/exhaustive.parquet model/rate_quality.json
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from .. import tables
from ..errors import ModelError
from ..jsonfile import write_json
from ..search.prior import (
    TERMS,
    Field,
    Floats,
    Prior,
    Scale,
    quality_unevenness,
    rate_unevenness,
    slope,
    stretched,
    terms,
)
from ..search.surface import Measured, scale_of

# Usual CRFs: middle and unit, so that qualities from 30 to 97 lie within one and a half units of the middle. Those of
# other codecs are taken from what was measured of them.
USUAL = (30.0, 97.0)
SCALES = {"x264": Scale(30, 10), "x265": Scale(30, 10), "svtav1": Scale(42, 13)}
CRFS = 4  # of each height of a shot that are learned from
RIDGE = 1e-2
# Start of amplitudes, lengths in CRF and in height (three each), distances of shot, title, codec and of two features,
# noise; and the width of the normal prior on each one's logarithm about it.
START = np.log(
    [0.5, 0.1, 0.04, 3.0, 1.2, 0.5, 3.0, 1.2, 0.6, 1.0, 0.7, 0.5, 0.5, 0.5, 0.003],
)
WIDTH = 1.5
QUALITY_NOISE = np.log(0.02)


def observations(exhaustive: pd.DataFrame) -> pd.DataFrame:
    """The table's points in the coordinates of `search.prior`: the columns that `Measured.of` reads."""
    pixels = exhaustive["display_width"] * exhaustive["display_height"]
    return pd.DataFrame(
        {
            "title": exhaustive["clip"],
            "shot": exhaustive["shot"].astype(str),
            "variant": exhaustive["variant"],
            "codec": exhaustive["codec"],
            "spatial_complexity": exhaustive["spatial_complexity"],
            "temporal_complexity": exhaustive["temporal_complexity"],
            "crf": exhaustive["crf"].astype(float),
            "share": exhaustive["width"] / exhaustive["display_width"],
            "rate": np.log2(8 * exhaustive["bytes"] / exhaustive["frames"] / pixels),
            "quality": exhaustive["vmaf_mean"],
        }
    )


def _scale(rows: pd.DataFrame) -> Scale:
    """The scale of a codec's CRFs by the qualities that were measured."""
    low, high = rows.loc[rows["quality"].between(*USUAL), "crf"].quantile([0, 1])
    if not high > low:
        raise ModelError(
            f"{rows['codec'].iloc[0]} has no two CRFs with qualities from {USUAL[0]:g} to {USUAL[1]:g}, so nothing can "
            "be learned of it; measure more of its CRFs"
        )
    return Scale((low + high) / 2, (high - low) / 3)


def fit_prior(table: pd.DataFrame) -> Prior:
    """The prior that makes a table of `observations` most likely."""
    codecs = sorted(set(table["codec"]))
    scales = {codec: SCALES.get(codec) or _scale(table[table["codec"] == codec]) for codec in codecs}
    empty = Prior(None, None, scales)  # type: ignore[arg-type]
    some = Measured.of(_thinned(table))
    units = [scale_of(empty, codec) for codec in some.codec]
    x = np.array([(crf - unit.middle) / unit.unit for crf, unit in zip(some.crf, units, strict=True)])
    points = np.stack([x, np.log2(some.share)], axis=1)
    uneven = quality_unevenness(some.quality) * slope(some.quality)
    return Prior(
        rate=_fitted(points, some, some.rate, rate_unevenness(some.quality), START),
        quality=_fitted(points, some, stretched(some.quality), uneven, np.append(START[:-1], QUALITY_NOISE)),
        scales=scales,
    )


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """CRFS of every height of every shot, evenly spread, at other places from one height to the next."""
    kept = []
    for number, (_, rows) in enumerate(table.groupby(["title", "shot", "codec", "share"], sort=True)):
        rows = rows.sort_values("crf")
        places = (np.arange(CRFS) + (number * 0.37) % 1) / CRFS * len(rows)
        kept.append(rows.iloc[places.astype(int)])
    return pd.concat(kept, ignore_index=True)


def _fitted(points: Floats, some: Measured, values: Floats, uneven: Floats, start: Floats) -> Field:
    codecs = sorted(set(some.codec))
    at = np.array([codecs.index(codec) for codec in some.codec])
    basis = np.zeros((len(points), TERMS * len(codecs)))
    for number in range(len(codecs)):
        rows = at == number
        basis[rows, number * TERMS : (number + 1) * TERMS] = terms(points[rows, 0], points[rows, 1])
    gaps = squares(points, some)

    def mean(theta: Floats) -> tuple[Floats, float]:
        """Coefficients, and the negative logarithm of the likelihood."""
        factor = np.linalg.cholesky(
            covariance(np.exp(theta), gaps) + np.diag((np.exp(theta[14]) * uneven) ** 2 + 1e-10)
        )
        white, target = (solve_triangular(factor, each, lower=True) for each in (basis, values))
        normal = cho_factor(white.T @ white + RIDGE * np.eye(basis.shape[1]))
        coefficients = cho_solve(normal, white.T @ target)
        rest = target @ target - coefficients @ (white.T @ target)
        return coefficients, float(rest / 2 + np.log(np.diag(factor)).sum() + np.log(np.diag(normal[0])).sum())

    def cost(theta: Floats) -> float:
        try:
            return mean(theta)[1] + float((((theta - start) / WIDTH) ** 2).sum()) / 2
        except np.linalg.LinAlgError:
            return 1e12

    found = minimize(cost, start, method="L-BFGS-B", options={"maxiter": 60})
    size, coefficients = np.exp(found.x), mean(found.x)[0]
    return Field(
        mean={codec: coefficients[i * TERMS : (i + 1) * TERMS] for i, codec in enumerate(codecs)},
        amplitudes=size[:3],
        crf_lengths=size[3:6],
        height_lengths=size[6:9],
        shot=float(size[9]),
        title=float(size[10]),
        codec=float(size[11]),
        features=size[12:14],
        noise=float(size[14]),
    )


def squares(points: Floats, some: Measured) -> list[Floats]:
    """Squared distances (n, n) of points (n, 2) in CRF, height, shot, title, variant and two features."""
    shots = [f"{title}/{shot}" for title, shot in zip(some.title, some.shot, strict=True)]
    gaps = [(points[:, [i]] - points[:, i]) ** 2 for i in range(2)]
    gaps += [_unlike(names) for names in (shots, some.title, some.variant)]
    return gaps + [(some.features[:, [i]] - some.features[:, i]) ** 2 for i in range(2)]


def covariance(size: Floats, gaps: Sequence[Floats]) -> Floats:
    """Of a smooth field, (n, n), as `surface.kernel_of` has it: by the sizes that START names, and `squares`."""
    apart = sum((size[9 + i] ** 2 * each for i, each in enumerate(gaps[2:])), np.zeros_like(gaps[0]))
    total = np.zeros_like(apart)
    for i in range(3):
        square = gaps[0] / size[3 + i] ** 2 + gaps[1] / size[6 + i] ** 2 + apart
        root = np.sqrt(3 * square)
        total += size[i] ** 2 * (np.exp(-square / 2) if i < 2 else (1 + root) * np.exp(-root))
    return total


def _unlike(names: Sequence[str]) -> Floats:
    """1 where two names differ, (n, n)."""
    numbers = np.unique(names, return_inverse=True)[1]
    return (numbers[:, None] != numbers).astype(float)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m laddersmith.learn.rate_quality", description=__doc__)
    parser.add_argument("exhaustive", type=Path)
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    table = tables.read(given.exhaustive, tables.EXHAUSTIVE)
    write_json(given.model, fit_prior(observations(table)).to_json())


if __name__ == "__main__":
    main()
