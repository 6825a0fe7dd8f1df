"""From measured rows to what further encodes and jobs will take: the least, the expected, and the most."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from ..encode.codecs import knob_of
from .rates import ENCODER, Rates

ENOUGH_S = 10.0  # CPU seconds that a rate must stand on: less is the start of processes and the clock's noise
SHARE = 0.05  # of all pixels of a rule's jobs: smaller jobs do not set its range
LONG = 20  # frames: shorter samples tell of the first frame's bits more than of the rest
TAILS = (0.05, 0.95)  # of the samples: what lies outside is no part of a range
START = "plan"  # the rule that does next to nothing but start

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """The least, the expected and the most of something; sums are of like with like, as the ends of all may meet."""

    low: float
    expected: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, factor: "float | Range") -> "Range":
        """Both are of things that are not negative."""
        by = factor if isinstance(factor, Range) else Range(factor, factor, factor)
        return Range(self.low * by.low, self.expected * by.expected, self.high * by.high)


def exactly(value: float) -> Range:
    return Range(value, value, value)


NOTHING = exactly(0.0)


@dataclass(frozen=True)
class Line:
    """What a job takes: `start_s` CPU seconds, and `per_pixel` of them for each pixel of each frame.

    `each_s` : of one job beyond its start, on average, as measured. `wall_per_pixel` : wall seconds, with the start.
    """

    start_s: float
    per_pixel: Range
    each_s: float
    wall_per_pixel: float

    def seconds(self, jobs: float, pixel_frames: Range) -> Range:
        """CPU seconds of `jobs` jobs that have so many pixels together."""
        return exactly(self.start_s * jobs) + self.per_pixel * pixel_frames


@dataclass(frozen=True)
class Encoder:
    """What an encoder's processes take, and how many bits they write.

    bits per pixel = exp(`bits`[0] + `bits`[1] CRF + `bits`[2] log(pixels of a picture)): in every encoder here a step
    of the quantiser divides the bits by about the same factor. Where a bitrate is kept, its logarithm (`Knob.place`)
    stands in CRF's stead. CPU seconds = `cpu` . (processes, frames, pixels, bits): a start, a part for each frame and
    each pixel, and the coding of bits, none of them negative. Both are fitted to what was measured; the ranges are over
    the samples.
    """

    bits: Floats
    bits_range: Range
    cpu: Floats
    cpu_range: Range

    def bits_of(self, pixels: float, frames: float, crf: float, most: float = math.inf) -> Range:
        """Bits of `frames` frames of `pixels` pixels; `most` of them where the rate is capped."""
        each = math.exp(float(self.bits @ [1.0, crf, math.log(pixels)])) * pixels * frames
        wanted = self.bits_range * each
        return Range(*(min(most, value) for value in (wanted.low, wanted.expected, wanted.high)))

    def seconds(self, pixels: float, frames: float, processes: float, bits: Range) -> Range:
        """CPU seconds of `processes` encodes that have `frames` frames together, and write `bits`."""
        fixed = float(self.cpu[:3] @ [processes, frames, pixels * frames])
        return Range(*(fixed + self.cpu[3] * value for value in (bits.low, bits.expected, bits.high))) * self.cpu_range


def encoder(rates: Rates, codec: str, preset: str, pix_fmt: str, rate: str) -> Encoder | None:
    """The fit for one encoder that keeps one `rate`; None where fewer than ENOUGH_S seconds of it, or fewer than two
    CRFs, were measured."""
    rows = rates.encodes
    alike = (rows[ENCODER] == [codec, preset, pix_fmt, rate]).all(axis=1)
    rows = rows[alike & (rows["bytes"] > 0) & (rows["cpu_s"] > 0)]
    if rows["cpu_s"].sum() < ENOUGH_S or rows["crf"].nunique() < 2:
        return None
    samples = rows["sample"]
    pixels = (rows["width"] * rows["height"]).to_numpy(float)
    frames, written, cpu_s = (rows[name].to_numpy(float) for name in ("frames", "bytes", "cpu_s"))
    pf, written = pixels * frames, written * 8
    knob = rows["crf"].map(knob_of(codec, rate).place)
    looks = pd.DataFrame({"crf": knob, "size": np.log(pixels), "bits": np.log(written / pf)})
    # Slopes within samples, so that samples of unlike content and size do not pass for an effect of either.
    apart = looks - looks.groupby(samples.to_numpy()).transform("mean")
    slopes = np.linalg.lstsq(apart[["crf", "size"]].to_numpy(), apart["bits"].to_numpy(), rcond=1e-6)[0]
    rest = looks["bits"] - looks[["crf", "size"]].to_numpy() @ slopes
    offsets = rest.groupby(samples.to_numpy()).mean()
    told = _told(samples, frames)
    middle = float(offsets[told].mean())
    columns = np.column_stack([np.ones(len(rows)), frames, pf, written])
    # Relative errors, and columns of like size, for the solver's sake.
    weighted = columns / cpu_s[:, None]
    scale = weighted.max(axis=0)
    cpu = nnls(weighted / scale, np.ones(len(rows)))[0] / scale
    sums = pd.DataFrame({"real": cpu_s, "said": columns @ cpu}).groupby(samples.to_numpy()).sum()
    ratio = (sums["real"] / sums["said"])[told].to_numpy(float)
    total = float(sums["real"].sum() / sums["said"].sum())
    return Encoder(
        np.array([middle, *slopes]),
        _ends(np.exp(offsets[told].to_numpy(float) - middle), 1.0),
        cpu,
        _ends(ratio, total),
    )


def line(rates: Rates, rule: str, what: str | None = None, *, enough_s: float | None = None) -> Line | None:
    """The fit for one rule's jobs (of one `what`); None where fewer seconds were measured than are enough.

    A job's work is what its log tells, or else its CPU time less that of a job that does nothing but start.
    """
    rows = rates.jobs[rates.jobs["rule"] == rule]
    rows = rows if what is None else rows[rows["what"] == what]
    start = start_s(rates)
    if not len(rows) or math.isnan(start):
        return None
    cpu_s, pf = rows["cpu_s"].to_numpy(float), rows["pixel_frames"].to_numpy(float)
    told = rows["work_s"].to_numpy(float)
    work = np.where(np.isnan(told), np.maximum(cpu_s - start, 0), told)
    if work.sum() < (ENOUGH_S if enough_s is None else enough_s):
        return None
    expected = float(work.sum() / pf.sum())
    each = (work / pf)[pf >= SHARE * pf.sum()]
    return Line(
        float(np.median(cpu_s - work)),
        _ends(each, expected),
        float(work.mean()),
        float(rows["wall_s"].sum() / pf.sum()),
    )


def start_s(rates: Rates) -> float:
    """CPU seconds of starting a job: Python, its imports, reading small tables; NaN where no job tells."""
    rows = rates.jobs[rates.jobs["rule"] == START]
    return float(rows["cpu_s"].median()) if len(rows) else float("nan")


def _told(samples: pd.Series, frames: Floats) -> list[str]:
    """The samples that are long enough to tell of content; all where none is."""
    longest = pd.Series(frames).groupby(samples.to_numpy()).max()
    names = [str(name) for name in longest.index[longest >= LONG]]
    return names or [str(name) for name in longest.index]


def _ends(values: Floats, expected: float) -> Range:
    """The expected within the values' range, the outermost twentieths left off."""
    low, high = np.quantile(values, TAILS)
    return Range(min(float(low), expected), expected, max(float(high), expected))
