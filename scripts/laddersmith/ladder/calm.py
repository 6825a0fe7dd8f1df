"""Allocations whose segments, as they will be packaged, keep a cap on the peak.

Segments consist of whole closed GOPs, and begin at the same frames in every rung, so that the stretches over which a
peak is taken (`peak.counted_runs`) are known before anything is chosen. Of a shot that lies in such a stretch with all
of its frames, the bits are those of its point. Of one that lies in it in part, a point knows its bits and its dearest
GOP:

expected
    the stretch has the dearest GOP, and of the shot's other bits its share by frames. Exact where the stretch has one
    GOP of the shot, or all.
least
    no GOP is dearer than the dearest, so that the rest of the shot takes no more than that; what remains is in the
    stretch. No encode of the shot can have fewer bits there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..encode.points import keyint
from ..errors import LadderError
from .allocation import Choice, Floats, Solutions
from .peak import counted_runs, segment_starts
from .rungs import ROUNDING
from .smooth import Listed

# Allocations of a sweep from which calm ones are made, evenly in the logarithm of bits.
STARTS = 96
# By how much the bits of a point that nobody measured may exceed what is expected of them.
SPARE = 0.02


@dataclass(frozen=True)
class Segments:
    """Where segments begin.

    Attributes
    ----------
    frame_rate : frames per second. keyint : frames from one keyframe of a shot to the next.
    segment_s : seconds of a segment. every_keyframe : whether a segment begins at each keyframe.
    """

    frame_rate: Fraction
    keyint: int
    segment_s: float
    every_keyframe: bool

    @classmethod
    def of(cls, settings: Mapping[str, Any], frame_rate: Fraction) -> "Segments":
        """As the config's keyframe_s, segment_s and segments have them."""
        return cls(
            frame_rate=frame_rate,
            keyint=keyint(settings["keyframe_s"], frame_rate),
            segment_s=settings["segment_s"],
            every_keyframe=settings["segments"] == "shots",
        )


@dataclass(frozen=True)
class Stretches:
    """The stretches of a title over which its peak is taken, as the parts that shots have in them.

    Attributes
    ----------
    title_s : seconds of the title. seconds : (stretches,). first : (stretches,) the first part of each.
    shot, inside, length : (parts,) row of the shot, its frames in the stretch, and all of its frames.
    keyint : frames of a GOP. fps : frames per second.
    """

    title_s: float
    seconds: Floats
    first: Choice
    shot: Choice
    inside: Floats
    length: Floats
    keyint: int
    fps: float

    @property
    def counts(self) -> Choice:
        """(stretches,) how many parts each has."""
        return np.diff([*self.first, len(self.shot)])

    def expected(self, bits: Floats, peak_kbps: Floats, measured: NDArray[np.bool_]) -> Floats:
        """(parts, points) bits of every point in each part; those of points that nobody measured with SPARE more.

        Parameters
        ----------
        bits, peak_kbps, measured : (shots, points) of `Menus`.
        """
        total, dearest = self._per_part(bits, peak_kbps)
        group = np.minimum(self.inside, self.keyint)[:, None]
        rest = np.maximum(self.length - np.minimum(self.length, self.keyint), 1)[:, None]
        top = np.minimum(dearest * group, total)
        part = np.minimum(top + (self.inside[:, None] - group) * (total - top) / rest, total)
        return part * np.where(measured[self.shot], 1, 1 + SPARE)

    def least(self, bits: Floats, peak_kbps: Floats, measured: NDArray[np.bool_]) -> Floats:
        """(parts, points) bits that every point has in each part in any case; of points that nobody measured with SPARE
        less."""
        total, dearest = self._per_part(bits, peak_kbps)
        outside = (self.length - self.inside)[:, None]
        return np.maximum(total - dearest * outside, 0) / np.where(measured[self.shot], 1, 1 + SPARE)

    def rates(self, loads: Floats, choice: Choice) -> Floats:
        """(stretches,) bits per second of an allocation, of which `loads` (parts, points) are the bits."""
        if not len(self.seconds):
            return np.zeros(0)
        own = loads[np.arange(len(self.shot)), choice[self.shot]]
        return np.add.reduceat(own, self.first) / self.seconds

    def _per_part(self, bits: Floats, peak_kbps: Floats) -> tuple[Floats, Floats]:
        """(parts, points) bits of the shot, and bits per frame of its dearest GOP; zero where there is no point."""
        real = np.isfinite(bits)
        total, dearest = np.where(real, bits, 0)[self.shot], np.where(real, peak_kbps, 0)[self.shot]
        return total, dearest * (1000 / self.fps)


def stretches(frames: Sequence[int], segments: Segments) -> Stretches:
    """The stretches of a title whose shots have so many frames, each once."""
    edges = np.concatenate([[0], np.cumsum(np.asarray(frames, np.intp))])
    keyframes = (int(frame) for low, high in pairwise(edges) for frame in range(int(low), int(high), segments.keyint))
    rate = segments.frame_rate
    starts = segment_starts(keyframes, rate, segments.segment_s, every_keyframe=segments.every_keyframe)
    ends = [*starts[1:], int(edges[-1])]
    durations_s = [(end - start) / rate for start, end in zip(starts, ends, strict=True)]
    unlike: dict[tuple[tuple[int, int], ...], float] = {}
    for first, end, duration_s in counted_runs(durations_s, Fraction(str(segments.segment_s))):
        unlike[tuple(_parts(edges, starts[first], ends[end - 1]))] = float(duration_s)
    parts = [part for run in unlike for part in run]
    counts = [len(run) for run in unlike]
    shot = np.array([shot for shot, _ in parts], np.intp)
    return Stretches(
        title_s=float(edges[-1] / rate),
        seconds=np.array(list(unlike.values()), float),
        first=np.concatenate([[0], np.cumsum(counts, dtype=np.intp)])[:-1].astype(np.intp),
        shot=shot,
        inside=np.array([inside for _, inside in parts], float),
        length=np.diff(edges)[shot].astype(float),
        keyint=segments.keyint,
        fps=float(rate),
    )


def _parts(edges: NDArray[np.intp], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Shot and frames of each part of the stretch from frame `start` to `end`."""
    shot = int(np.searchsorted(edges, start, side="right")) - 1
    while shot + 1 < len(edges) and edges[shot] < end:
        yield shot, int(min(end, edges[shot + 1]) - max(start, edges[shot]))
        shot += 1


@dataclass(frozen=True)
class Calming:
    """Makes allocations keep a cap on the peak, relative to their own rate.

    Attributes
    ----------
    bits, worth, quality : (shots, points) of the menus; bits are inf where there is no point.
    loads : (parts, points) of `Stretches.expected` or `least`.
    ratio : largest peak over the average. max_jump : largest difference in quality between neighbours.
    additive : whether a title's worth is the sum of its shots', or else the lowest.
    """

    stretches: Stretches
    bits: Floats
    worth: Floats
    quality: Floats
    loads: Floats
    ratio: float
    max_jump: float
    additive: bool

    def times(self, choice: Choice) -> float:
        """The peak of an allocation, in multiples of its average."""
        average = self.bits[np.arange(len(choice)), choice].sum() / self.stretches.title_s
        return float(max(self.stretches.rates(self.loads, choice), default=0.0) / average)

    def calmed(self, choice: Choice) -> Choice | None:
        """An allocation that keeps the cap, made of one that may not; none if none was found.

        As long as a stretch is above the cap, the shot in it that loses the least worth for each bit that it saves
        there takes a cheaper point. Where stretches overlap the worst goes first. Every step lowers the average, and
        with it the cap.
        """
        plan, rows = self.stretches, np.arange(len(choice))
        counts = plan.counts
        of_part = np.repeat(np.arange(len(counts)), counts)
        choice = choice.copy()
        while True:
            cap = self.ratio * self.bits[rows, choice].sum() / plan.title_s
            excess = plan.rates(self.loads, choice) - cap
            over = excess > ROUNDING * cap
            if not over.any():
                return choice
            worst = np.full(len(rows), -np.inf)
            np.maximum.at(worst, plan.shot, excess[of_part])
            leads = over & np.logical_and.reduceat(excess[of_part] >= worst[plan.shot], plan.first)
            mine = np.flatnonzero(leads[of_part])
            prices, points = self._cheapest(mine, choice)
            order = np.lexsort((prices, of_part[mine]))
            best = order[np.unique(of_part[mine][order], return_index=True)[1]]
            if not np.isfinite(prices[best]).all():
                return None
            for shot, point in zip(plan.shot[mine[best]], points[best], strict=True):
                if self.bits[shot, point] >= self.bits[shot, choice[shot]]:
                    continue  # as a neighbour of another it went down already
                lowered = self._lowered(choice, int(shot), int(point))
                if lowered is None:
                    return None
                choice = lowered

    def _cheapest(self, parts: Choice, choice: Choice) -> tuple[Floats, Choice]:
        """For each part the point of its shot that costs the least worth for each bit it saves, and that price."""
        shot = self.stretches.shot[parts]
        saved = self.loads[parts, choice[shot]][:, None] - self.loads[parts]
        lost = self.worth[shot, choice[shot]][:, None] - self.worth[shot]
        cheaper = (saved > 0) & (self.bits[shot] < self.bits[shot, choice[shot]][:, None])
        prices = np.where(cheaper, lost / np.where(cheaper, saved, 1), np.inf)
        points = prices.argmin(axis=1)
        return prices[np.arange(len(parts)), points], points

    def _lowered(self, choice: Choice, shot: int, point: int) -> Choice | None:
        """The allocation with a shot at a cheaper point, and its neighbours as far down as `max_jump` asks."""
        choice = choice.copy()
        choice[shot] = point
        moved = [shot]
        while moved:
            one = moved.pop()
            level = self.quality[one, choice[one]]
            for other in (one - 1, one + 1):
                if not 0 <= other < len(choice):
                    continue
                off = np.abs(self.quality[other] - level)
                if off[choice[other]] <= self.max_jump + ROUNDING:
                    continue
                near = (off <= self.max_jump + ROUNDING) & (self.bits[other] < self.bits[other, choice[other]])
                if not near.any():
                    return None
                choice[other] = int(np.where(near, self.worth[other], -np.inf).argmax())
                moved.append(other)
        return choice


def calm(found: Solutions, expected: Calming, least: Calming) -> tuple[Listed | None, Listed | None]:
    """Allocations that keep the cap as far as points are what is expected of them; and, made of those for which there
    is none, some that may keep it.

    Raises
    ------
    LadderError
        If every allocation that was looked at breaks the cap in any case; the message has a cap that can be kept.
    """
    bits = np.log(found.bits)
    numbers = np.unique([int(np.argmin(np.abs(bits - at))) for at in np.linspace(bits[0], bits[-1], STARTS)])
    starts = [found.at(int(number)) for number in numbers]
    sure: list[Choice] = []
    perhaps: list[Choice] = []
    for start in starts:
        if (kept := expected.calmed(start)) is not None:
            sure.append(kept)
        elif (kept := least.calmed(start)) is not None:
            perhaps.append(kept)
    if not sure and not perhaps:
        times = np.ceil(100 * min(expected.times(start) for start in starts)) / 100
        raise LadderError(
            "no choice of points was found that keeps the peak over segments within ladder.max_peak_ratio "
            f"{expected.ratio:g} times the average; {times:.2f} can be kept: raise max_peak_ratio to that"
        )
    return _listed(sure, expected), _listed(perhaps, expected)


def _listed(choices: list[Choice], menu: Calming) -> Listed | None:
    """The allocations by rising bits, each once."""
    if not choices:
        return None
    points = np.unique(np.array(choices), axis=0)
    rows = np.arange(points.shape[1])
    bits, worth = menu.bits[rows, points].sum(axis=1), menu.worth[rows, points]
    order = np.argsort(bits, kind="stable")
    return Listed(points[order], bits[order], (worth.sum(axis=1) if menu.additive else worth.min(axis=1))[order])
