"""Preset and CRF together: the least CPU time that reaches a quality within a bitrate, searched in three ways."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .trials import Measured

Setting = tuple[str, str]
Measure = Callable[[Sequence[Setting]], list[Measured]]

SAVING = 0.01  # share of the time that is worth another encode
PATIENCE = 3  # settings in a row that promised less, after which Bayesian search ends: with few points it is too sure
RESTARTS = 0  # of a model's fit, from other lengths
FIRST = 5  # settings tried before there is a model


@dataclass(frozen=True)
class Problem:
    """Which settings there are, and what one must reach.

    Attributes
    ----------
    presets : slow to fast. crfs : from most bits to fewest.
    target : quality that must be reached. max_kbps : bitrate that must not be passed.
    """

    presets: tuple[str, ...]
    crfs: tuple[str, ...]
    target: float
    max_kbps: float

    def excess(self, measured: Measured) -> float:
        """How far a setting is outside the limits: VMAF points short, plus percent of bitrate too many; 0 inside."""
        percent = 100 * max(0.0, measured.bitrate_kbps / self.max_kbps - 1)
        return max(0.0, self.target - measured.quality) + percent

    def best(self, known: Mapping[Setting, Measured]) -> Setting | None:
        """The setting within the limits that takes the least time; None where there is none."""
        inside = {setting: one.encode_cpu_s for setting, one in known.items() if not self.excess(one)}
        return min(inside, key=lambda setting: inside[setting]) if inside else None


@dataclass
class Search:
    """What a search did.

    Attributes
    ----------
    tried : every setting that it measured, in order; those that were known before are not counted.
    found : the best setting of all that is known, None where none is within the limits.
    """

    method: str
    tried: list[Setting] = field(default_factory=list)
    found: Setting | None = None


def exhaustive(problem: Problem, measure: Measure) -> Search:
    """Every preset at every CRF."""
    settings = list(product(problem.presets, problem.crfs))
    known = dict(zip(settings, measure(settings), strict=True))
    return Search("exhaustive", settings, problem.best(known))


def descent(problem: Problem, measure: Measure, start: str) -> Search:
    """Coordinate descent: the CRF for a preset by bisection, the preset for that CRF by steps, until neither moves.

    Bisection finds the fewest bits that still reach the target, as quality falls along the CRFs; a step to a next
    preset is taken while it comes nearer to the limits or, within them, takes less time.

    Parameters
    ----------
    start : the preset to begin with.
    """
    known: dict[Setting, Measured] = {}
    search = Search("descent")

    def look(preset: int, crf: int) -> Measured:
        setting = problem.presets[preset], problem.crfs[crf]
        if setting not in known:
            known[setting] = measure([setting])[0]
            search.tried.append(setting)
        return known[setting]

    def merit(preset: int, crf: int) -> tuple[float, float]:
        one = look(preset, crf)
        return problem.excess(one), one.encode_cpu_s

    def cheapest(preset: int) -> int:
        low, high = 0, len(problem.crfs) - 1  # the answer, where there is one, is in low..high
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if look(preset, middle).quality >= problem.target else (low, middle - 1)
        return low

    preset, seen = problem.presets.index(start), set[tuple[int, int]]()
    while True:
        crf = cheapest(preset)
        for way in (1, -1):
            while 0 <= preset + way < len(problem.presets) and merit(preset + way, crf) < merit(preset, crf):
                preset += way
        if (preset, crf) in seen:
            break
        seen.add((preset, crf))
    search.found = problem.best(known)
    return search


def bayesian(
    problem: Problem,
    measure: Measure,
    *,
    seed: int,
    evaluations: int,
    known: Mapping[Setting, Measured] | None = None,
) -> Search:
    """Bayesian optimisation: next is the setting with the most time to save, times the odds that it keeps the limits.

    Three Gaussian processes over preset and CRF, as ordinals (skopt's estimator: Matern 5/2 with noise), model the
    logarithm of seconds, the quality and the logarithm of bitrate. Expected improvement is exact over every setting
    that is left, so none is asked for twice. It ends after PATIENCE settings in a row that were expected to save less
    than SAVING of the time, after `evaluations`, or with the last setting. Equal measurements give equal searches.

    Parameters
    ----------
    evaluations : settings to measure at most, those of `known` aside.
    known : settings measured before, which cost nothing.

    Source: Gardner, Kusner, Xu, Weinberger, Cunningham, "Bayesian optimization with inequality constraints", ICML 2014,
    section 3; expected improvement after Jones, Schonlau, Welch, "Efficient global optimization of expensive black-box
    functions", Journal of Global Optimization 13, 1998.
    """
    settings = list(product(problem.presets, problem.crfs))
    places = {setting: place for place, setting in enumerate(settings)}
    seen = {setting: one for setting, one in (known or {}).items() if setting in places}
    search = Search("bayes")
    for setting in _first(problem, max(0, FIRST - len(seen)), seed):
        if setting not in seen and len(search.tried) < evaluations:
            seen[setting] = measure([setting])[0]
            search.tried.append(setting)
    idle = 0
    while len(search.tried) < evaluations and len(seen) < len(settings) and idle < PATIENCE:
        value, setting = _promise(problem, settings, places, seen, seed)
        idle = idle + 1 if problem.best(seen) is not None and value < SAVING else 0
        seen[setting] = measure([setting])[0]
        search.tried.append(setting)
    search.found = problem.best(seen)
    return search


def _first(problem: Problem, count: int, seed: int) -> list[Setting]:
    """A Latin square's worth of settings: presets and CRFs each spread evenly, matched by chance."""
    if not count:
        return []
    matched = np.random.default_rng(seed).permutation(count)
    middle = [(place + 0.5) / count for place in range(count)]
    return [
        (
            problem.presets[int(middle[place] * len(problem.presets))],
            problem.crfs[int(middle[other] * len(problem.crfs))],
        )
        for place, other in enumerate(matched)
    ]


def _promise(
    problem: Problem,
    settings: Sequence[Setting],
    places: Mapping[Setting, int],
    seen: Mapping[Setting, Measured],
    seed: int,
) -> tuple[float, Setting]:
    """The unmeasured setting of greatest promise, and what it promises: share of time saved (log ratio) times odds."""
    from scipy.stats import norm

    grid = np.array(
        [
            (
                problem.presets.index(preset) / max(1, len(problem.presets) - 1),
                place % len(problem.crfs) / max(1, len(problem.crfs) - 1),
            )
            for place, (preset, _) in enumerate(settings)
        ]
    )
    rows = [places[setting] for setting in seen]
    left = [place for setting, place in places.items() if setting not in seen]
    values = np.array([(np.log(m.encode_cpu_s), m.quality, np.log(m.bitrate_kbps)) for m in seen.values()])
    (seconds, spread), (quality, q_spread), (rate, r_spread) = (
        _predicted(grid[rows], column, grid[left], seed) for column in values.T
    )
    odds = norm.cdf((quality - problem.target) / q_spread) * norm.cdf((np.log(problem.max_kbps) - rate) / r_spread)
    best = problem.best(seen)
    gain: NDArray[np.float64] = np.ones(len(left))
    if best is not None:
        ahead = np.log(seen[best].encode_cpu_s) - seconds
        gain = ahead * norm.cdf(ahead / spread) + spread * norm.pdf(ahead / spread)
    promise = gain * odds
    top = int(np.argmax(promise))
    return float(promise[top]), settings[left[top]]


def _predicted(
    x: NDArray[np.float64], y: NDArray[np.float64], wanted: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of a Gaussian process at `wanted`, after `y` at `x`."""
    from skopt.learning import GaussianProcessRegressor
    from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern

    kernel = ConstantKernel(1.0, (0.01, 1000.0)) * Matern([1.0, 1.0], [(0.05, 100.0)] * 2, nu=2.5)
    model = GaussianProcessRegressor(
        kernel, normalize_y=True, noise="gaussian", n_restarts_optimizer=RESTARTS, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of length scales at their bounds, which a flat response has
        model.fit(x, y)
        mean, spread = model.predict(wanted, return_std=True)
    return mean, np.maximum(spread, 1e-9)
