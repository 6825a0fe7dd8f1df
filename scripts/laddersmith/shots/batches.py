"""Which batch a shot is in: computed from the table of shots wherever it is needed, stored nowhere."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import ShotsError


def batch_of(shots: pd.DataFrame, batches: int) -> NDArray[np.intp]:
    """The batch, 0 to `batches` - 1, of each shot, (shots,): consecutive shots, balanced by frames.

    No other split into consecutive shots has a smaller largest batch; within that, each batch comes as near as it
    can to an equal share of what is left. With fewer shots than batches, each shot has its own and the last batches
    are empty; otherwise none is.

    Raises
    ------
    ShotsError
        If `batches` is below 1, or a shot is empty.
    """
    lengths = (shots["end"].to_numpy(np.int64) - shots["start"].to_numpy(np.int64)).astype(np.int64)
    if batches < 1:
        raise ShotsError(f"a title cannot be worked on in {batches} batches; set its batches to 1 or more")
    if not len(lengths) or (lengths < 1).any():
        raise ShotsError("shots can be put in batches only when there are some and none is empty; detect them again")
    used = min(batches, len(lengths))
    edges = np.concatenate([[0], np.cumsum(lengths)])  # edges[i]: frames before shot i
    largest = _smallest_largest(edges, used)
    fewest = _fewest_batches(edges, largest)
    last = len(lengths)

    result = np.empty(last, np.intp)
    begin = 0
    for batch in range(used):
        left = used - batch - 1  # batches still to fill after this one
        share = edges[begin] + (edges[last] - edges[begin]) / (left + 1)
        ends = np.arange(begin + 1, last - left + 1)
        ends = ends[(edges[ends] - edges[begin] <= largest) & (fewest[ends] <= left)]
        end = ends[np.argmin(np.abs(edges[ends] - share))]
        result[begin:end] = batch
        begin = end
    return result


def _smallest_largest(edges: NDArray[np.int64], batches: int) -> int:
    """The smallest size, in frames, that the largest of `batches` consecutive groups can have; by bisection."""
    low, high = int(max(np.diff(edges).max(), -(-edges[-1] // batches))), int(edges[-1])
    while low < high:
        middle = (low + high) // 2
        if _fewest_batches(edges, middle)[0] <= batches:
            high = middle
        else:
            low = middle + 1
    return low


def _fewest_batches(edges: NDArray[np.int64], largest: int) -> NDArray[np.intp]:
    """For each shot, and for the end, the fewest groups of at most `largest` frames that hold it and all after it."""
    following = np.searchsorted(edges, edges + largest, side="right") - 1  # the shot after a full group from each
    fewest = np.zeros(len(edges), np.intp)
    for shot in range(len(edges) - 2, -1, -1):
        fewest[shot] = fewest[following[shot]] + 1
    return fewest
