"""Timing two things fairly: in turns on the same cores, so that what the machine does meanwhile befalls both."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Pair:
    """Wall seconds of each turn: `ours` and `theirs` were taken right after one another."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]


def paired(ours: Callable[[], float], theirs: Callable[[], float], *, turns: int) -> Pair:
    """Take turns, after one of each that does not count. Each callable returns the seconds that it found."""
    ours()
    theirs()
    taken = [(ours(), theirs()) for _ in range(turns)]
    return Pair(tuple(ours for ours, _ in taken), tuple(theirs for _, theirs in taken))


def rates(ours: Sequence[float], theirs: Sequence[float], frames: int) -> dict[str, Any]:
    """Encode-frames per second of either side at its median turn, and the median over the turns of the speed-up."""
    return {
        "fps": frames / median(ours),
        "libvmaf_fps": frames / median(theirs),
        "speedup": median(other / own for own, other in zip(ours, theirs, strict=True)),
        "ms_min": min(ours) / frames * 1000,
        "libvmaf_ms_min": min(theirs) / frames * 1000,
    }


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Wall seconds of one call."""
    start = perf_counter()
    work(*arguments)
    return perf_counter() - start


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """This process and its children on `count` of the cores open to it, then on all of them again."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(mine)[:count]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)
