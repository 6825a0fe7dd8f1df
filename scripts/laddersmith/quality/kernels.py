"""The numba kernels: loaded on first use, compiled once per machine, kept in a folder that jobs share.

Importing this module costs nothing; `load` imports numba and the features (measured: 0.5 s).
"""

import fcntl
import hashlib
import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScoreError
from ..jsonfile import write_json

log = logging.getLogger(__name__)

FEATURES = Path(__file__).parent / "features"
DEPTHS = {np.uint8: 8, np.uint16: 10}
WARM_SIZE = 64  # samples on a side of the pictures with which kernels are compiled
_loaded: dict[str, Any] = {}


class FrameKernels:
    """A worker's kernels for frames of one size and depth, and at most so many encodes (see `batch.Kernels`)."""

    def __init__(self, width: int, height: int, depth: int, encodes: int, gain_limit: float) -> None:
        from .features.adm import Adm
        from .features.vif import Vif

        self._depth = depth
        self._adm = Adm(width, height, depth, encodes, gain_limit)
        self._vif = Vif(width, height, depth, encodes, gain_limit)

    def features(self, reference: NDArray[Any], distorted: NDArray[Any]) -> NDArray[np.float64]:
        """adm2, adm_scale0..3, vif_scale0..3 of each encode: float64 [encodes, 9]."""
        return np.hstack([self._adm(reference, distorted), self._vif(reference, distorted)])

    def motion(self, previous: NDArray[Any], current: NDArray[Any]) -> float:
        from .features.motion import motion

        return motion(previous, current, self._depth)

    def squared_error(self, reference: NDArray[Any], distorted: NDArray[Any]) -> int:
        from .features.psnr import squared_error

        return int(squared_error(reference, distorted))


def load(cache: Path | None) -> None:
    """Make the kernels ready, once per process.

    Parameters
    ----------
    cache : folder in which compiled kernels are kept, one folder in it per CPU type and version; the first job
        compiles under a lock while others wait. None: the user's own cache folder.

    Raises
    ------
    ScoreError
        If the folder cannot be written.
    """
    if "cache" in _loaded:
        return
    import numba

    # numba alone would notice a change in a kernel's own file, not in what the kernel is made of.
    folder = (cache or users_cache()).resolve() / fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Read by numba when a kernel is defined, so before the features are imported.
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        stamp = folder / "warm.json"
        if not stamp.exists():
            with (folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not stamp.exists():
                    seconds = warm()
                    write_json(stamp, {"cpu": platform.machine(), "seconds": round(seconds, 2)})
                    log.info("kernels compiled in %.1f s, kept in %s", seconds, folder)
    except OSError as error:
        raise ScoreError(
            f"the folder of compiled kernels {folder} cannot be written ({error}); set quality.kernel_cache"
        ) from error
    _loaded["cache"] = folder


def users_cache() -> Path:
    """Where this user's programs keep what they can make again (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "laddersmith" / "kernels"


def warm() -> float:
    """Compile every kernel for both sample types, or read it from numba's cache; returns wall seconds."""
    began = time.monotonic()
    for kind, depth in DEPTHS.items():
        picture = np.random.default_rng(7).integers(0, 2**depth, (2, WARM_SIZE, WARM_SIZE)).astype(kind)
        kernels = FrameKernels(WARM_SIZE, WARM_SIZE, depth, 2, 100.0)
        kernels.features(picture[0], picture)
        kernels.motion(picture[0], picture[1])
        kernels.squared_error(picture[0], picture[1])
    return time.monotonic() - began


def fingerprint() -> str:
    """Hash of all that decides compiled code: the kernels' sources and their times, Python, numba, LLVM, the CPU."""
    import llvmlite
    import numba
    from llvmlite import binding

    facts: list[Any] = [platform.python_version(), numba.__version__, llvmlite.__version__]
    facts += [binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()]
    for file in sorted(FEATURES.glob("*.py")):
        facts += [file.name, file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def factory(width: int, height: int, depth: int, encodes: int, gain_limit: float) -> Callable[[], FrameKernels]:
    """Makes one worker's kernels after another."""
    return lambda: FrameKernels(width, height, depth, encodes, gain_limit)
