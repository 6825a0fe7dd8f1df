"""The engines, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..devices import ALONE, Sharing
from ..errors import ScoreError
from ..schema import nearest
from .cuda_engine import Cuda
from .engine import Engine
from .libvmaf import Libvmaf
from .numba_engine import MEMORY_MB, Numba


@dataclass(frozen=True)
class Settings:
    """What an engine may be told that changes no score.

    Attributes
    ----------
    kernel_cache : folder of compiled kernels, shared by jobs; None: the user's cache folder.
    memory_mb : megabytes (10^6 bytes) that decoded frames may fill.
    gpu : how jobs share graphics cards.
    """

    kernel_cache: Path | None = None
    memory_mb: float = MEMORY_MB
    gpu: Sharing = ALONE


ENGINES: dict[str, Callable[[Settings], Engine]] = {
    "numba": lambda settings: Numba(kernel_cache=settings.kernel_cache, memory_mb=settings.memory_mb),
    "cuda": lambda settings: Cuda(
        kernel_cache=settings.kernel_cache, memory_mb=settings.memory_mb, sharing=settings.gpu
    ),
    "libvmaf": lambda settings: Libvmaf(),
}


def engine_named(name: str, settings: Settings | None = None) -> Engine:
    """The engine of this name.

    Raises
    ------
    ScoreError
        If there is none.
    """
    if name not in ENGINES:
        raise ScoreError(
            f"no scoring engine is called {name!r}; the choices are {', '.join(ENGINES)}{nearest(name, ENGINES)}"
        )
    return ENGINES[name](settings or Settings())
