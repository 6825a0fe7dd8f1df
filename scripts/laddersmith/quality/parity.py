"""A graphics card is held against the CPU, on small pictures, before a job trusts it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..devices import Card
from ..errors import GpuError
from . import batch, kernels, proof

WIDTH, HEIGHT = 161, 97  # several tiles of the GPU's kernels across and down, and neither side a multiple of any
GAIN_LIMIT = 100.0
# What the two engines promise each other for features. They differ by the order and rounding of float32 sums.
GAP = 1e-4


def check_parity(card: Card, make: Callable[..., batch.Kernels]) -> None:
    """Compute the features of one generated picture and its neighbour by the card's kernels and by the CPU's.

    Parameters
    ----------
    make : makes the card's kernels, of width, height, depth, encodes and gain limit; the CPU's must be loaded.

    Raises
    ------
    GpuError
        If a feature differs by more than `GAP`, or is no number.
    """
    reference, distorted = proof.generated(HEIGHT, WIDTH, 8)
    shape = (WIDTH, HEIGHT, 8, 1, GAIN_LIMIT)
    ours, theirs = (_features(one, reference, distorted) for one in (make(*shape), kernels.FrameKernels(*shape)))
    for name, on_card, on_cpu in zip((*batch.FEATURES, "motion"), ours, theirs, strict=True):
        if not abs(on_card - on_cpu) <= GAP:
            raise GpuError(
                f"{card.uuid} computes {name} as {on_card:.6f} where the CPU has {on_cpu:.6f}, more than {GAP:g} "
                "apart; have its memory and driver checked"
            )


def _features(own: batch.Kernels, reference: Any, distorted: Any) -> list[float]:
    features = own.features(reference[0], distorted[:1])[0]
    return [*np.asarray(features, np.float64).tolist(), float(own.motion(reference[0], reference[1]))]
