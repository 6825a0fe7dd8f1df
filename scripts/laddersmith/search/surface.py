"""Rate and quality of one shot and codec over CRF and height, with uncertainty, from whatever was measured.

A Gaussian process (C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning, 2006, section 2.2 and, for
several shots and codecs at once, E. Bonilla, K. Chai, C. Williams, "Multi-task Gaussian Process Prediction", NIPS 2007)
whose mean and covariance were learned from other films (`prior`). Points of other shots and codecs count by their
distance: how unlike their pictures are, and whether title and codec are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import RBF, ConstantKernel, Kernel, Matern

from .prior import (
    FEATURES,
    Field,
    Floats,
    Prior,
    Scale,
    quality_unevenness,
    rate_unevenness,
    slope,
    stretched,
    terms,
    unstretched,
)

# Measurements of other shots and codecs that a surface takes notice of, nearest first: more cost time and add little.
KNOWN = 48
# How many times as uneven from CRF to CRF as usual a shot may be (a still picture is), and the spread of its logarithm
# that is expected.
UNEVEN = (1.0, 0.5, 2.5, 6.0)
SPREAD = 1.0


@dataclass(frozen=True)
class Measured:
    """Points that were measured, of one shot or several: (n,) arrays.

    Attributes
    ----------
    shot, title, variant : names, compared for equality. codec : whose mean and scale of CRFs hold.
    features : (n, 2) logarithms of 1 plus the shot's spatial and temporal complexity.
    crf : as a number. share : width of the encode over that of the display.
    rate : base-2 logarithm of bits per frame and pixel of the display. quality : 0 to 100.
    """

    shot: Sequence[str]
    title: Sequence[str]
    variant: Sequence[str]
    codec: Sequence[str]
    features: Floats
    crf: Floats
    share: Floats
    rate: Floats
    quality: Floats

    def __len__(self) -> int:
        return len(self.crf)

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Measured":
        """From a table with the columns shot, title, variant, codec, FEATURES, crf, share, rate and quality."""
        return cls(
            shot=table["shot"].astype(str).tolist(),
            title=table["title"].astype(str).tolist(),
            variant=table["variant"].astype(str).tolist(),
            codec=table["codec"].astype(str).tolist(),
            features=np.log1p(table[list(FEATURES)].to_numpy(float)),
            crf=table["crf"].to_numpy(float),
            share=table["share"].to_numpy(float),
            rate=table["rate"].to_numpy(float),
            quality=table["quality"].to_numpy(float),
        )


@dataclass(frozen=True)
class Subject:
    """A shot and variant: names and codec as in `Measured`, and the shot's features, (2,)."""

    shot: str
    title: str
    variant: str
    codec: str
    features: Floats


class Surface:
    """What is expected of one shot and codec on a grid of heights and CRFs.

    Attributes
    ----------
    shares, crfs : (heights,) and (crfs,) of the grid.
    rate, quality : (heights, crfs) expected; quality never rises with CRF, rate never either, and at measured points
        both are what was measured.
    rate_std, quality_std : (heights, crfs) of the expectation, quality in points of VMAF.
    smooth_rate, smooth_quality : (heights, crfs) the same without regard to what single points were measured to be.
    uneven : (heights, crfs) by how much the rate at its quality may be off the smooth one at any one CRF, as encoders
        are uneven from CRF to CRF: standard deviation, base-2 logarithm.
    measured : (heights, crfs) whether the point was measured.
    """

    def __init__(
        self, prior: Prior, subject: Subject, shares: Floats, crfs: Floats, own: Measured, known: Measured | None = None
    ) -> None:
        """
        Parameters
        ----------
        subject : the shot and variant. own : its measured points. known : those of others; of the subject's own that
            are among them no notice is taken.
        """
        self.shares, self.crfs = np.asarray(shares, float), np.asarray(crfs, float)
        scale = scale_of(prior, subject.codec)
        x, s = np.meshgrid((self.crfs - scale.middle) / scale.unit, np.log2(self.shares))
        grid = np.stack([x.ravel(), s.ravel()], axis=1)
        every = own if known is None else _joined(own, _nearest(known, subject))
        shape = (len(self.shares), len(self.crfs))
        rate_noise = prior.rate.noise * rate_unevenness(every.quality)
        noise = prior.quality.noise * quality_unevenness(every.quality) * slope(every.quality)
        self._rate = _posterior(prior.rate, prior, subject, grid, every, every.rate, rate_noise, len(own))
        self._stretched = _posterior(
            prior.quality, prior, subject, grid, every, stretched(every.quality), noise, len(own)
        )
        self._rate_noise = prior.rate.noise * self._rate[2]
        self._quality_noise = prior.quality.noise * self._stretched[2]
        rate, value = self._rate[0].reshape(shape), unstretched(self._stretched[0]).reshape(shape)
        self.smooth_rate, self.smooth_quality = _falling(rate), _falling(value)
        self.rate, self.quality = self.smooth_rate.copy(), self.smooth_quality.copy()
        self.uneven = np.hypot(
            self._rate_noise * rate_unevenness(self.smooth_quality),
            self._quality_noise * quality_unevenness(self.smooth_quality) * self._per_point(),
        )
        self.rate_std = np.sqrt(np.clip(np.diag(self._rate[1]), 0, None)).reshape(shape)
        spread = np.sqrt(np.clip(np.diag(self._stretched[1]), 0, None)).reshape(shape)
        self.quality_std = spread / slope(self.quality)
        self.measured = np.zeros(shape, bool)
        for share, crf, bits, score in zip(own.share, own.crf, own.rate, own.quality, strict=True):
            rows = np.flatnonzero(np.isclose(self.shares, share))
            columns = np.flatnonzero(np.isclose(self.crfs, crf))
            if len(rows) and len(columns):
                place = rows[0], columns[0]
                self.measured[place] = True
                self.rate[place], self.quality[place] = bits, score
                self.rate_std[place] = self.quality_std[place] = 0.0

    def _per_point(self) -> Floats:
        """Rate that a point of quality costs, (heights, crfs), at every CRF."""
        if len(self.crfs) < 2:
            return np.zeros_like(self.smooth_rate)
        rate, quality = (np.gradient(values, axis=1) for values in (self.smooth_rate, self.smooth_quality))
        return rate / np.minimum(quality, -1e-2)

    def samples(self, count: int, seed: int = 0, *, noise: bool = False) -> tuple[Floats, Floats]:
        """Rates and qualities, (count, heights, crfs), that what was measured allows for, each as likely as the others.

        Parameters
        ----------
        noise : with the encoder's unevenness from one CRF to the next, as a measurement would find it; at measured
            points then what was measured.
        """
        random = np.random.default_rng(seed)
        shape = (count, *self.measured.shape)
        rate, value = (
            _drawn(mean, covariance, count, random).reshape(shape)
            for mean, covariance, _ in (self._rate, self._stretched)
        )
        quality = unstretched(value)
        if noise:
            rate = rate + random.normal(0, self._rate_noise, shape) * rate_unevenness(quality)
            rough = random.normal(0, self._quality_noise, shape) * quality_unevenness(quality)
            quality = np.clip(quality + rough, 0, 100)
            rate[:, self.measured] = self.rate[self.measured]
            quality[:, self.measured] = self.quality[self.measured]
        return rate, quality


def scale_of(prior: Prior, codec: str) -> Scale:
    """The codec's scale of CRFs; of a codec that nothing was learned of, the mean of the others'."""
    if codec in prior.scales:
        return prior.scales[codec]
    scales = list(prior.scales.values())
    return Scale(float(np.mean([s.middle for s in scales])), float(np.mean([s.unit for s in scales])))


def mean_of(field: Field, codec: str) -> Floats:
    """Coefficients (TERMS,) of the field's mean for a codec; of an unknown one the mean of the others'."""
    return field.mean[codec] if codec in field.mean else np.mean(list(field.mean.values()), axis=0)


def kernel_of(amplitudes: Floats, crf_lengths: Floats, height_lengths: Floats, others: int) -> Kernel:
    """The covariance over (x, s, `others` coordinates of distance one)."""
    tail = [1.0] * others
    parts = [
        ConstantKernel(amplitudes[i] ** 2) * kind([crf_lengths[i], height_lengths[i], *tail], **more)
        for i, (kind, more) in enumerate(((RBF, {}), (RBF, {}), (Matern, {"nu": 1.5})))
    ]
    return parts[0] + parts[1] + parts[2]


def _posterior(
    field: Field,
    prior: Prior,
    subject: Subject,
    grid: Floats,
    measured: Measured,
    values: Floats,
    noise: Floats,
    own: int,
) -> tuple[Floats, Floats, float]:
    """Mean (n,) and covariance (n, n) on the grid, and how many times as uneven as usual the subject is, by the
    greatest marginal likelihood of its own measurements, which are the first `own`."""
    names = [f"{subject.title}/{subject.shot}", subject.title, subject.variant]
    seen = [
        [f"{title}/{shot}" for title, shot in zip(measured.title, measured.shot, strict=True)],
        measured.title,
        measured.variant,
    ]
    here, there = [grid, np.tile(subject.features * field.features, (len(grid), 1))], []
    for name, others, distance in zip(names, seen, (field.shot, field.title, field.codec), strict=True):
        places = {other: place for place, other in enumerate(dict.fromkeys([name, *others]))}
        unit = np.eye(len(places)) * distance / np.sqrt(2)  # any two lie `distance` apart
        here.append(np.tile(unit[0], (len(grid), 1)))
        there.append(unit[[places[other] for other in others]].reshape(len(others), len(places)))
    where = np.concatenate(here, axis=1)
    kernel = kernel_of(field.amplitudes, field.crf_lengths, field.height_lengths, where.shape[1] - 2)
    mean = terms(grid[:, 0], grid[:, 1]) @ mean_of(field, subject.codec)
    if not len(measured):
        return mean, kernel(where), 1.0
    scales = [scale_of(prior, codec) for codec in measured.codec]
    x = np.array([(crf - scale.middle) / scale.unit for crf, scale in zip(measured.crf, scales, strict=True)])
    points = np.stack([x, np.log2(measured.share)], axis=1)
    inputs = np.concatenate([points, measured.features * field.features, *there], axis=1)
    coefficients = np.stack([mean_of(field, codec) for codec in measured.codec])
    means = np.einsum("ij,ij->i", terms(x, points[:, 1]), coefficients)
    fits = []
    for times in UNEVEN if own else UNEVEN[:1]:
        scaled = np.where(np.arange(len(noise)) < own, times * noise, noise)
        process = GaussianProcessRegressor(kernel, alpha=scaled**2, optimizer=None).fit(inputs, values - means)
        likely = process.log_marginal_likelihood_value_ - (np.log(times) / SPREAD) ** 2 / 2
        fits.append((likely, -times, process))
    _, times, process = max(fits, key=lambda fit: fit[:2])
    rest, covariance = process.predict(where, return_cov=True)
    return mean + rest, covariance, -times


def _nearest(known: Measured, subject: Subject) -> Measured:
    """The KNOWN measurements of the nearest: this shot in other variants, then the title's other shots, then by
    features; the subject's own left out."""
    apart = np.abs(known.features - subject.features).sum(axis=1)
    same_title = np.array([name == subject.title for name in known.title], bool)
    same_shot = same_title & np.array([name == subject.shot for name in known.shot], bool)
    same_variant = np.array([name == subject.variant for name in known.variant], bool)
    order = np.lexsort((apart, ~same_variant, ~same_title, ~same_shot))
    own = same_shot & same_variant
    return _taken(known, [int(place) for place in order if not own[place]][:KNOWN])


def _taken(measured: Measured, order: Sequence[int]) -> Measured:
    return Measured(
        shot=[measured.shot[i] for i in order],
        title=[measured.title[i] for i in order],
        variant=[measured.variant[i] for i in order],
        codec=[measured.codec[i] for i in order],
        features=measured.features[list(order)],
        crf=measured.crf[list(order)],
        share=measured.share[list(order)],
        rate=measured.rate[list(order)],
        quality=measured.quality[list(order)],
    )


def _joined(one: Measured, other: Measured) -> Measured:
    return Measured(
        shot=[*one.shot, *other.shot],
        title=[*one.title, *other.title],
        variant=[*one.variant, *other.variant],
        codec=[*one.codec, *other.codec],
        features=np.concatenate([one.features, other.features]),
        crf=np.concatenate([one.crf, other.crf]),
        share=np.concatenate([one.share, other.share]),
        rate=np.concatenate([one.rate, other.rate]),
        quality=np.concatenate([one.quality, other.quality]),
    )


def _falling(values: Floats) -> Floats:
    """The nearest values, row by row, that never rise: pool adjacent violators (R. Barlow and others, Statistical
    Inference under Order Restrictions, 1972)."""
    return np.stack([_isotonic(-row) * -1 for row in values])


def _isotonic(row: Floats) -> Floats:
    blocks: list[tuple[float, int]] = []
    for value in row:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    return np.concatenate([np.full(size, mean) for mean, size in blocks])


def _drawn(mean: Floats, covariance: Floats, count: int, random: np.random.Generator) -> Floats:
    """Draws (count, n) of a normal distribution whose covariance may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return mean + random.standard_normal((count, len(mean))) @ root.T
