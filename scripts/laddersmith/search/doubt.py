"""How much a choice made on a surface is expected to lose, and which measurement would settle it."""

from dataclasses import dataclass

import numpy as np

from .prior import Floats
from .surface import Surface

SAMPLES = 48
TARGETS = 20
LOWEST, HIGHEST = 30.0, 96.0  # of the qualities at which a loss is counted


@dataclass(frozen=True)
class Doubt:
    """What may be wrong with taking, for each of some qualities, the height that is expected to be cheapest there.

    Attributes
    ----------
    loss : expected excess of bitrate, a share of it, mean over the qualities.
    quality : (n,) the qualities. by_quality : (n,) the loss at each.
    chosen, rival : (n,) height of the choice, and the one that else is cheapest most often, by index.
    """

    loss: float
    quality: Floats
    by_quality: Floats
    chosen: Floats
    rival: Floats


def doubt(surface: Surface, low: float = LOWEST, high: float = HIGHEST, seed: int = 0) -> Doubt:
    """Expected loss of the choices on a surface between two qualities, by drawing surfaces that may be the true one."""
    top = min(high, float(surface.smooth_quality.max()))
    targets = np.linspace(min(max(low, float(surface.smooth_quality.min())), top), top, TARGETS)
    rates, qualities = surface.samples(SAMPLES, seed)
    mean = rate_at(surface.smooth_rate, surface.smooth_quality, targets)
    chosen = np.argmin(mean, axis=0)
    drawn = np.stack([rate_at(rate, quality, targets) for rate, quality in zip(rates, qualities, strict=True)])
    best = drawn.min(axis=1)
    taken = np.take_along_axis(drawn, np.broadcast_to(chosen, (len(drawn), 1, len(chosen))), axis=1)[:, 0]
    # A height that cannot reach a quality after all loses what the next dearer one costs: no more than twice the bits.
    # Where no height can, nothing is lost.
    reached, finite = np.isfinite(best), np.isfinite(taken)
    more = np.where(finite, np.where(finite, taken, 0) - np.where(reached, best, 0), np.where(reached, 1, 0))
    excess = np.exp2(np.clip(more, 0, 1)) - 1
    wins = np.stack([(drawn.argmin(axis=1) == height).sum(axis=0) for height in range(len(surface.shares))])
    np.put_along_axis(wins, chosen[None], -1, axis=0)
    by_quality = excess.mean(axis=0)
    return Doubt(float(by_quality.mean()), targets, by_quality, chosen, wins.argmax(axis=0))


def rate_at(rate: Floats, quality: Floats, targets: Floats) -> Floats:
    """Rate, (heights, n), at which each height reaches the qualities `targets` (n,); inf where it does not.

    Linear between the CRFs of the grid; below the lowest quality of a height its lowest rate.
    """
    result = np.empty((len(rate), len(targets)))
    for height, (bits, value) in enumerate(zip(rate, quality, strict=True)):
        rising = np.maximum.accumulate(value[::-1])
        result[height] = np.interp(targets, rising, bits[::-1], right=np.inf)
    return result
