"""One point for every shot, so that the title as a whole has the most quality for its bits.

The problem is a multiple-choice knapsack: every shot has a menu of points, each with a cost (bits) and a worth, and
takes exactly one. Costs and worths add up over shots. What adds up is chosen by how frames are pooled
(`additive_worth`):

mean
    frames x mean. Exact: the title's mean is the frame-weighted mean of its shots' means.
harmonic
    -frames / (harmonic + 1), the sum of 1 / (v + 1) over frames with its sign turned: exact as well, since the title's
    harmonic mean is a rising function of that sum alone. It weighs bad frames more than good ones (I. Katsavounidis,
    L. Guo, "Video codec comparison using the dynamic optimizer framework", SPIE 10752, 2018, section 3).
p5, min
    These do not add up. The title's worst frame is the worst shot's, so that the exact answer is the cheapest point of
    every shot that reaches a common level (G. Schuster, G. Melnikov, A. Katsaggelos, "A review of the minimum maximum
    criterion for optimal bit allocation among dependent quantizers", IEEE Trans. Multimedia 1(1), 1999). The 5th
    percentile of a title would allow whole shots, up to a twentieth of its frames, to be given up; here every shot's
    own 5th percentile reaches the level, and so does the title's, but for what is interpolated between two frames.

The solutions for all prices of a bit at once (`sweep`) are the shots' convex hulls merged by falling slope: Y. Shoham,
A. Gersho, "Efficient bit allocation for an arbitrary set of quantizers", IEEE Trans. ASSP 36(9), 1988; P. Westerink,
J. Biemond, D. Boekee, "An optimal bit allocation algorithm for sub-band coding", ICASSP 1988. They are the vertices of
the convex hull of all combinations there are (H. Everett, Operations Research 11(3), 1963), not an approximation of
it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import LadderError

ADDITIVE = ("mean", "harmonic")
# Partial solutions that the exact search keeps before it leaves the refined one standing.
STATES = 4000

Floats = NDArray[np.float64]
Choice = NDArray[np.intp]


class Solutions(Protocol):
    """Allocations by rising bits and worth: the totals of each, and which point each shot has in it."""

    @property
    def bits(self) -> Floats: ...
    @property
    def worth(self) -> Floats: ...
    def at(self, number: int) -> Choice: ...


@dataclass(frozen=True)
class Sweep:
    """Allocations from the cheapest to the best, each one step of one shot away from the one before.

    Attributes
    ----------
    start : (shots,) the point of each shot in the first allocation.
    shot, point : (steps,) which shot takes which point at each step.
    bits, worth : (steps + 1,) totals; of all shots for an additive worth, the lowest shot's for a level.
    """

    start: Choice
    shot: Choice
    point: Choice
    bits: Floats
    worth: Floats

    def at(self, number: int) -> Choice:
        """(shots,) the point of each shot in allocation `number`, 0 to `steps`."""
        points = self.start.copy()
        points[self.shot[:number]] = self.point[:number]
        return points


@dataclass(frozen=True)
class Allocation:
    """One point for each shot.

    Attributes
    ----------
    points : (shots,) columns of the menus.
    bits, worth : totals.
    bound : no allocation whatever that meets the target takes fewer bits (or, for a budget, has more worth) than this.
    exact : whether this one is the best there is; otherwise the best lies between it and `bound`.
    """

    points: Choice
    bits: float
    worth: float
    bound: float
    exact: bool


def additive_worth(quality: Floats, frames: Floats, pooling: str) -> Floats:
    """What of each point's quality adds up over shots.

    Parameters
    ----------
    quality : (shots, points) the shots' pooled VMAF. frames : (shots,) their lengths.
    pooling : one of ADDITIVE.
    """
    if pooling == "mean":
        return quality * frames[:, None]
    return -frames[:, None] / (quality + 1)


def pooled_quality(worth: Floats, frames: float, pooling: str) -> Floats:
    """The title's quality from its total worth; of levels (p5, min) the level itself."""
    if pooling == "mean":
        return worth / frames
    return frames / -worth - 1 if pooling == "harmonic" else worth


def sweep(bits: Floats, worth: Floats) -> Sweep:
    """The best allocations for every price of a bit, all of them.

    Step k of the result is a point on the boundary of the convex hull of all combinations of points; where no two
    steps have the same slope, it is a vertex of it, and every vertex is among the steps. Equal slopes are taken in the
    order of shots.

    Parameters
    ----------
    bits, worth : (shots, points), any order within a shot; a shot with fewer points is filled up with bits of inf.

    Raises
    ------
    LadderError
        If a shot has no point.
    """
    order, hull, depth = _hulls(bits, worth)
    rows = np.arange(len(bits))
    start = order[rows, hull[:, 0]]
    shot, place = np.nonzero(np.arange(1, hull.shape[1])[None, :] < depth[:, None])
    come_from, go_to = order[shot, hull[shot, place]], order[shot, hull[shot, place + 1]]
    more_bits, more_worth = bits[shot, go_to] - bits[shot, come_from], worth[shot, go_to] - worth[shot, come_from]
    slope = np.full(hull.shape, np.inf)
    slope[shot, place] = more_worth / more_bits
    # Rounding must not put a shot's later step before an earlier one.
    slope = np.minimum.accumulate(slope, axis=1)[shot, place]
    steps = np.lexsort((place, shot, -slope))
    totals = [
        np.cumsum(np.concatenate([[table[rows, start].sum()], more[steps]]))
        for table, more in ((bits, more_bits), (worth, more_worth))
    ]
    return Sweep(start, shot[steps], go_to[steps], *totals)


def level_sweep(bits: Floats, level: Floats) -> Sweep:
    """For every level that can be reached: the cheapest point of each shot that reaches it. Exact.

    `worth` of the result is the level of the lowest shot. Parameters and errors are those of `sweep`.
    """
    order = _by_price(bits, level)
    price, height = (np.take_along_axis(table, order, axis=1) for table in (bits, level))
    best_before = np.maximum.accumulate(np.pad(height, ((0, 0), (1, 0)), constant_values=-np.inf), axis=1)[:, :-1]
    front = (height > best_before) & np.isfinite(price)
    shot, place = np.nonzero(front)
    point = order[shot, place]
    first = np.concatenate([[True], shot[1:] != shot[:-1]])
    start = point[first]
    # A shot moves on from a point once the level rises above that point's.
    moves = np.flatnonzero(~first)
    steps = moves[np.lexsort((shot[moves], height[shot, place][moves - 1]))]
    gains = bits[shot[steps], point[steps]] - bits[shot[steps], point[steps - 1]]
    left = height[shot, place][steps - 1]  # the level that each step leaves behind: the lowest shot's before it
    last = np.concatenate([shot[1:] != shot[:-1], [True]])
    ceiling = height[shot, place][last].min()
    totals = np.cumsum(np.concatenate([[bits[np.arange(len(bits)), start].sum()], gains]))
    useful = np.concatenate([[True], left < ceiling])
    reached = np.minimum(np.concatenate([left, [ceiling]]), ceiling)
    count = int(useful.sum())
    return Sweep(start, shot[steps][: count - 1], point[steps][: count - 1], totals[:count], reached[:count])


def allocate(
    bits: Floats, worth: Floats, *, worth_at_least: float | None = None, bits_at_most: float | None = None
) -> Allocation:
    """The fewest bits with a worth of at least so much, or the most worth with at most so many bits.

    Between two neighbours of the `sweep` the better one is refined by exchanging points, those under the hulls too, as
    long as that helps; then all combinations that could still be better are searched. A point can be left out of that
    search when its distance from the hull's supporting line alone is more than what the refined allocation lies above
    the line (D. Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", European J. Oper. Res. 83,
    1995). The search keeps STATES partial solutions at most; where that is too few the refined allocation stands,
    whose distance from the best is less than one step of one shot, and no more than that from `bound`.

    Parameters
    ----------
    bits, worth : as for `sweep`. One of worth_at_least, bits_at_most must be given.

    Raises
    ------
    LadderError
        If no combination meets the target.
    """
    if (worth_at_least is None) == (bits_at_most is None):
        raise ValueError("give either worth_at_least or bits_at_most")
    worth = np.where(np.isfinite(bits), worth, -np.inf)
    if worth_at_least is not None:
        words = "a worth of {} or more; the most there is is {}"
        points, bound, exact = _least_cost(bits, worth, worth_at_least, lambda gain: words.format(*map(_digits, gain)))
    else:
        words = "{} bits or fewer in all; the fewest there are is {}"
        points, bound, exact = _least_cost(
            -worth,
            -bits,
            -float(bits_at_most or 0.0),
            lambda gain: words.format(*(_digits(-number) for number in gain)),
        )
        bound = -bound
    rows = np.arange(len(bits))
    return Allocation(points, float(bits[rows, points].sum()), float(worth[rows, points].sum()), bound, exact)


def _by_price(bits: Floats, worth: Floats) -> Choice:
    """Columns of each shot by rising bits, of equal bits the best first."""
    if not np.isfinite(bits).any(axis=1).all():
        shot = int(np.flatnonzero(~np.isfinite(bits).any(axis=1))[0])
        raise LadderError(f"shot {shot} has no point to choose from; measure one, or widen the limits under `ladder`")
    return np.lexsort((-worth, bits), axis=1)


def _hulls(bits: Floats, worth: Floats) -> tuple[Choice, Choice, Choice]:
    """Each shot's upper convex hull: columns by rising bits, (shots, points) places among these, and how many.

    Andrew's upper chain (Information Processing Letters 9(5), 1979), for all shots at once.
    """
    order = _by_price(bits, worth)
    price, value = (np.take_along_axis(table, order, axis=1) for table in (bits, worth))
    shots, points = bits.shape
    hull, depth = np.zeros((shots, points), np.intp), np.ones(shots, np.intp)
    for place in range(1, points):
        top = hull[np.arange(shots), depth - 1]
        able = np.flatnonzero(np.isfinite(price[:, place]) & (value[:, place] > value[np.arange(shots), top]))
        popping = able[depth[able] > 1]
        while len(popping):
            low, high = hull[popping, depth[popping] - 2], hull[popping, depth[popping] - 1]
            rise = (value[popping, high] - value[popping, low]) * (price[popping, place] - price[popping, high])
            next_rise = (value[popping, place] - value[popping, high]) * (price[popping, high] - price[popping, low])
            popping = popping[rise <= next_rise]
            depth[popping] -= 1
            popping = popping[depth[popping] > 1]
        # Only the first two of a chain may have equal bits, and then the first is the better one.
        hull[able, depth[able]] = place
        depth[able] += 1
    return order, hull, depth


def _digits(number: float) -> str:
    """A number with all digits that it takes to give it back, so that it can be asked for."""
    return repr(float(number)).removesuffix(".0")


def _least_cost(
    cost: Floats, gain: Floats, target: float, words: Callable[[tuple[float, float]], str]
) -> tuple[Choice, float, bool]:
    """The points of least cost whose gain is `target` or more, a lower bound of that cost, and whether it is the least.

    `words` tell of the target and of the most there is when it cannot be met.
    """
    swept = sweep(cost, gain)
    tolerance = 1e-12 * max(1.0, abs(target))
    number = int(np.searchsorted(swept.worth, target - tolerance))
    if number == len(swept.worth):
        raise LadderError(f"no choice of points has {words((target, float(swept.worth[-1])))}")
    points = swept.at(number)
    if number == 0 or swept.worth[number] <= target + tolerance:
        return points, float(swept.bits[number]), True
    price = (swept.bits[number] - swept.bits[number - 1]) / (swept.worth[number] - swept.worth[number - 1])
    above = cost - price * gain
    lowest = above.min(axis=1)
    bound = float(lowest.sum() + price * target)
    points = _refined(cost, gain, target - tolerance, points, swept.at(number - 1))
    rows = np.arange(len(cost))
    gap = float(cost[rows, points].sum()) - bound
    rounding = 1e-9 * max(abs(gap), 1e-3)
    found, complete = _searched(cost, gain, target - tolerance, above - lowest[:, None], gap + rounding)
    if found is not None and cost[rows, found].sum() < cost[rows, points].sum():
        points = found
    return points, bound, complete


def _refined(cost: Floats, gain: Floats, target: float, enough: Choice, short: Choice) -> Choice:
    """The best that exchanging one shot's point after another makes of an allocation that meets the target, or of the
    one before it on the hull, which does not."""
    rows = np.arange(len(cost))
    results: list[tuple[float, int, Choice]] = []
    for points in (enough, short):
        points = points.copy()
        while True:
            spent, got = cost[rows, points].sum(), gain[rows, points].sum()
            saved = cost[rows, points][:, None] - cost
            fits = got - gain[rows, points][:, None] + gain >= target
            if got >= target:
                fits &= saved > 1e-12 * max(abs(spent), 1.0)
            if not fits.any():
                break
            shot, point = np.unravel_index(np.argmax(np.where(fits, saved, -np.inf)), cost.shape)
            points[shot] = point
        if gain[rows, points].sum() >= target:
            results.append((float(cost[rows, points].sum()), len(results), points))
    return min(results, key=lambda result: result[:2])[2]


def _searched(cost: Floats, gain: Floats, target: float, above: Floats, gap: float) -> tuple[Choice | None, bool]:
    """The allocation of least cost among those that lie less than `gap` above the supporting line, and whether all of
    them were looked at. None where there is no such allocation.

    `above` is each point's distance from its shot's supporting line, in cost. Partial solutions that another one
    beats in cost and gain are dropped (G. Nemhauser, Z. Ullmann, Management Science 15(9), 1969).
    """
    base = above.argmin(axis=1)
    rows = np.arange(len(cost))
    near = (above <= gap).sum(axis=1)
    open_shots = [int(shot) for shot in np.flatnonzero(near > 1)]
    menus = [np.flatnonzero(above[shot] <= gap) for shot in open_shots]
    more = [gain[shot, menu] - gain[shot, base[shot]] for shot, menu in zip(open_shots, menus, strict=True)]
    reach = np.cumsum([0.0, *(float(extra.max()) for extra in reversed(more))])[::-1]
    costs, gains = np.array([cost[rows, base].sum()]), np.array([gain[rows, base].sum()])
    over = np.zeros(1)
    trail: list[tuple[Choice, Choice]] = []
    for number, (shot, menu) in enumerate(zip(open_shots, menus, strict=True)):
        new_over = (over[:, None] + above[shot, menu][None, :]).ravel()
        new_costs = (costs[:, None] + (cost[shot, menu] - cost[shot, base[shot]])[None, :]).ravel()
        new_gains = (gains[:, None] + more[number][None, :]).ravel()
        kept = np.flatnonzero((new_over <= gap) & (new_gains + reach[number + 1] >= target))
        kept = kept[np.lexsort((-new_gains[kept], new_costs[kept]))]
        best = np.maximum.accumulate(np.concatenate([[-np.inf], new_gains[kept]]))[:-1]
        kept = kept[new_gains[kept] > best]
        if len(kept) > STATES:
            return None, False
        trail.append((kept // len(menu), menu[kept % len(menu)]))
        costs, gains, over = new_costs[kept], new_gains[kept], new_over[kept]
    enough = np.flatnonzero(gains >= target)
    if not len(enough):
        return None, True
    state = int(enough[np.argmin(costs[enough])])
    points = base.copy()
    for shot, (parent, point) in zip(reversed(open_shots), reversed(trail), strict=True):
        points[shot] = point[state]
        state = int(parent[state])
    return points, True
