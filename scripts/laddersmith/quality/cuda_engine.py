"""Engine `cuda`: as engine `numba`, with the features computed on an NVIDIA GPU."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScoreError
from . import batch, kernels
from .numba_engine import Numba

INSTALL = "run `make env-cuda` on a machine with an NVIDIA GPU, or use engine numba"


def check_device() -> None:
    """Make sure that there is a GPU and what it takes to use it.

    Of several the first is used that CUDA_VISIBLE_DEVICES names. Under numba's simulator there is always one.

    Raises
    ------
    ScoreError
        If numba-cuda is not installed, or finds no GPU.
    """
    from numba import config

    if config.ENABLE_CUDASIM:
        return
    check_package()
    from numba import cuda

    try:
        found = len(cuda.gpus)
    except cuda.CudaSupportError as error:
        reason = " ".join(str(error).split()).rstrip(". :")
        raise ScoreError(f"engine cuda cannot reach a GPU ({reason}); {INSTALL}") from error
    if not found:
        raise ScoreError(f"engine cuda sees no GPU (CUDA_VISIBLE_DEVICES hides those that it does not name); {INSTALL}")


def check_package() -> None:
    """Make sure that numba-cuda is installed.

    Raises
    ------
    ScoreError
        If it is not.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise ScoreError(f"engine cuda needs the package numba-cuda, which is not installed; {INSTALL}")


def keep_compiled(cache: Path | None) -> None:
    """Let numba keep what it compiles for the GPU, and read it from there; before any kernel is made.

    Parameters
    ----------
    cache : as for `kernels.load`: a folder that jobs share, one folder in it per CPU type and version.

    Raises
    ------
    ScoreError
        If the folder cannot be written.
    """
    from numba import config

    # Coarse scales are small grids; streams of several workers fill the card.
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    if cache is None:
        return
    folder = cache.resolve() / kernels.fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoreError(
            f"the folder of compiled kernels {folder} cannot be written ({error}); set quality.kernel_cache"
        ) from error
    config.CACHE_DIR = str(folder)


class CudaKernels:
    """A worker's memory and stream on the GPU, for frames of one size and depth (see `batch.Kernels`).

    Each worker waits for its own stream alone, so that the frames of some are uploaded while those of others are
    computed.
    """

    def __init__(self, width: int, height: int, depth: int, encodes: int, gain_limit: float, **tile: Any) -> None:
        from numba import cuda

        from .features.adm_cuda import AdmCuda
        from .features.cuda_tools import device_array, sample_type
        from .features.motion_cuda import MotionCuda
        from .features.vif_cuda import VifCuda

        self._adm = AdmCuda(width, height, depth, encodes, gain_limit, **tile)
        self._vif = VifCuda(width, height, depth, encodes, gain_limit, **tile)
        self._motion = MotionCuda(width, height, depth, 0, **tile)
        self._planes = device_array((1, 1 + encodes, height, width), sample_type(depth))
        self._pair = device_array((2, 1, height, width), sample_type(depth))
        self._stream = cuda.stream()

    def features(self, reference: NDArray[Any], distorted: NDArray[Any]) -> NDArray[np.float64]:
        """adm2, adm_scale0..3, vif_scale0..3 of each encode: float64 [encodes, 9].

        Raises
        ------
        ScoreError
            If there are not as many encodes as the kernels were made for.
        """
        frame = self._planes[0]
        if len(distorted) != frame.shape[0] - 1:
            raise ScoreError(f"kernels for {frame.shape[0] - 1} encodes were given {len(distorted)}")
        frame[0].copy_to_device(np.ascontiguousarray(reference), stream=self._stream)
        frame[1:].copy_to_device(np.ascontiguousarray(distorted), stream=self._stream)
        sums = [feature.sums(self._planes, self._stream) for feature in (self._adm, self._vif)]
        adm, vif = (one.copy_to_host(stream=self._stream) for one in sums)
        self._stream.synchronize()
        return np.hstack([self._adm.features(adm, 1)[0], self._vif.features(vif, 1)[0]])

    def motion(self, previous: NDArray[Any], current: NDArray[Any]) -> float:
        """Motion from one luma of the reference to the next."""
        for place, luma in enumerate((previous, current)):
            self._pair[place, 0].copy_to_device(np.ascontiguousarray(luma), stream=self._stream)
        return float(self._motion(self._pair[1:], self._pair[0, 0], stream=self._stream)[0])

    def squared_error(self, reference: NDArray[Any], distorted: NDArray[Any]) -> int:
        """Sum of squared differences of two planes, by the CPU that has just decoded them."""
        from .features.psnr import squared_error

        return int(squared_error(reference, distorted))


class Cuda(Numba):
    """Kernels of our own on the GPU, for the models under model/."""

    name = "cuda"
    packages: tuple[str, ...] = ("av", "numba", "numba-cuda", "onnxruntime")

    def version(self, model: str) -> str:
        """As `Engine.version`, and of the package that compiles for the GPU; there need not be one here."""
        check_package()
        return super().version(model)

    def load(self) -> None:
        """Kernels are compiled when they are first used, in the engine's proof; there must be a GPU."""
        check_device()
        keep_compiled(self._kernel_cache)

    def kernels(
        self, width: int, height: int, depth: int, encodes: int, gain_limit: float
    ) -> Callable[[], batch.Kernels]:
        """Makes a worker's kernels, in that worker's thread."""
        return lambda: CudaKernels(width, height, depth, encodes, gain_limit)

    def empty(self, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
        """Page-locked memory, from which the GPU reads while the CPU works on."""
        from numba import cuda

        return np.asarray(cuda.pinned_array(shape, kind))
