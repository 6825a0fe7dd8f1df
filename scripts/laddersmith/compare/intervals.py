"""A mean over titles and how far it may be off: ratios are averaged by their logarithms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

RESAMPLES = 10_000
FEWEST = 5  # titles of which resamples are told: those of fewer values spread too little
SEED = 0


def mean_percent(percents: Sequence[float], confidence: float) -> dict[str, Any]:
    """The geometric mean of changes in percent over titles, and two intervals of it.

    Parameters
    ----------
    percents : one per title, greater than -100 (BD-rates).
    confidence : share of such intervals that hold the true mean.

    Returns
    -------
    `titles` (their count), `mean_pct`; `low_pct`, `high_pct`: Student's t interval of the mean log ratio;
    `bootstrap_low_pct`, `bootstrap_high_pct`: the percentile bootstrap (Efron, "Bootstrap methods: another look at the
    jackknife", Annals of Statistics 7(1), 1979) of RESAMPLES draws with a fixed seed. None: the mean where there is no
    title, the t interval below two, the bootstrap below FEWEST. Both take the titles for a random sample of what is of
    interest.
    """
    logs = np.log1p(np.asarray(percents, float) / 100)
    none = dict.fromkeys(("mean_pct", "low_pct", "high_pct", "bootstrap_low_pct", "bootstrap_high_pct"))
    if not len(logs):
        return {"titles": 0} | none
    found = {"titles": len(logs)} | none | {"mean_pct": _percent(logs.mean())}
    if len(logs) < 2:
        return found
    reach = float(stats.t.ppf((1 + confidence) / 2, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs)))
    found |= {"low_pct": _percent(logs.mean() - reach), "high_pct": _percent(logs.mean() + reach)}
    if len(logs) < FEWEST:
        return found
    draws = np.random.default_rng(SEED).choice(logs, (RESAMPLES, len(logs))).mean(axis=1)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return found | {"bootstrap_low_pct": _percent(low), "bootstrap_high_pct": _percent(high)}


def _percent(log: float) -> float:
    return float(100 * np.expm1(log))
