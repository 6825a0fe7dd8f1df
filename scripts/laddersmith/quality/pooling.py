"""From scores of frames to the score of a shot or a title."""

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ScoreError


def mean(vmaf: np.ndarray) -> float:
    """Arithmetic mean."""
    return float(np.mean(vmaf))


def harmonic(vmaf: np.ndarray) -> float:
    """Harmonic mean as libvmaf defines it, n / sum(1 / (v + 1)) - 1: finite when a frame scores 0.

    Source: libvmaf/src/libvmaf.c, vmaf_feature_score_pooled, VMAF_POOL_METHOD_HARMONIC_MEAN.
    """
    return float(len(vmaf) / np.sum(1.0 / (vmaf + 1.0)) - 1.0)


def p5(vmaf: np.ndarray) -> float:
    """5th percentile, linear between the two nearest frames."""
    return float(np.percentile(vmaf, 5))


def minimum(vmaf: np.ndarray) -> float:
    """The worst frame."""
    return float(np.min(vmaf))


POOLINGS: dict[str, Callable[[np.ndarray], float]] = {"mean": mean, "harmonic": harmonic, "p5": p5, "min": minimum}


def pool(vmaf: Sequence[float] | np.ndarray, how: str) -> float:
    """Pool the scores of frames.

    Parameters
    ----------
    vmaf : one score per frame, 0 to 100. A title's are the frames of all its shots, one after the other.
    how : "mean", "harmonic", "p5" or "min".

    Raises
    ------
    ScoreError
        If there are no scores, one is not a number, or the pooling is unknown.
    """
    values = np.asarray(vmaf, dtype=np.float64)
    if how not in POOLINGS:
        raise ScoreError(f"no pooling is called {how!r} (there are: {', '.join(POOLINGS)})")
    if not len(values) or not np.isfinite(values).all():
        raise ScoreError(
            f"cannot pool {len(values)} scores of which {int((~np.isfinite(values)).sum())} are not numbers"
        )
    return POOLINGS[how](values)
