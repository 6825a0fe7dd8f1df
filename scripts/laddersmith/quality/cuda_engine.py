"""Engine `cuda`: as engine `numba`, with the features computed on an NVIDIA GPU.

What is wrong with a GPU is a GpuError, so that a job can go on without it; what is wrong with the work is what it was.
"""

import contextlib
import importlib.util
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import devices
from ..devices import ALONE, Card, Sharing
from ..errors import GpuError, LaddersmithError, ScoreError
from . import batch, kernels, parity
from .engine import Distorted, Progress, Reference, Scored
from .numba_engine import MEMORY_MB, Numba

INSTALL = "run `make env-cuda` on a machine with an NVIDIA GPU, or use engine numba"


_sound: set[str] = set()  # cards that this process has held against the CPU


def visible_cards() -> list[Card]:
    """The cards that this process may see; under numba's simulator there is always one.

    Raises
    ------
    ScoreError
        If numba-cuda is not installed.
    GpuError
        As `devices.visible_cards` says.
    """
    from numba import config

    if config.ENABLE_CUDASIM:
        return [Card(0, "simulator")]
    check_package()
    return devices.visible_cards()


def check_device() -> None:
    """Make sure that there is a GPU and what it takes to use it.

    Raises
    ------
    ScoreError, GpuError
        As `visible_cards` says, or if it sees none.
    """
    if not visible_cards():
        raise GpuError(f"engine cuda sees no GPU (CUDA_VISIBLE_DEVICES hides those that it does not name); {INSTALL}")


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


@contextlib.contextmanager
def failures_told(card: Card) -> Iterator[None]:
    """What numba and the driver raise becomes a GpuError that names the card.

    Raises
    ------
    GpuError
        If the card runs out of memory, or anything on it fails.
    """
    try:
        yield
    except Exception as error:
        if not _of_the_driver(error):
            raise
        said = " ".join(str(error).split()).rstrip(". :")
        mend = "have it checked"
        if "OUT_OF_MEMORY" in said:
            mend = "lower encode.frame_cache_mb, gpu.slots or the job's threads"
        raise GpuError(f"{card.uuid} of {platform.node()} failed ({said}); {mend}") from error


def _of_the_driver(error: Exception) -> bool:
    """Whether numba's driver raised it, or NVIDIA's package `cuda`, through which numba-cuda launches kernels."""
    from numba.cuda.cudadrv.driver import CudaAPIError
    from numba.cuda.cudadrv.error import CudaSupportError

    known = (CudaAPIError, CudaSupportError)
    return isinstance(error, known) or type(error).__module__.partition(".")[0] == "cuda"


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
    unproven: type[LaddersmithError] = GpuError

    def __init__(
        self, *, kernel_cache: Path | None = None, memory_mb: float = MEMORY_MB, sharing: Sharing = ALONE
    ) -> None:
        """As `Numba.__init__`; `sharing` says how jobs share cards."""
        super().__init__(kernel_cache=kernel_cache, memory_mb=memory_mb)
        self._sharing = sharing
        self._card: Card | None = None

    def version(self, model: str) -> str:
        """As `Engine.version`, and of the package that compiles for the GPU; there need not be one here."""
        check_package()
        return super().version(model)

    def score(
        self,
        reference: Reference,
        distorted: Sequence[Distorted],
        *,
        model: str,
        threads: int,
        timeout_s: float,
        frame_step: int = 1,
        progress: Progress | None = None,
    ) -> Iterator[Scored]:
        """As `Engine.score`, on a card of this process's own.

        Raises
        ------
        GpuError
            If there is no card, it runs out of memory, fails, or computes something else than the CPU.
        """
        self._card = devices.claim(visible_cards(), self._sharing)
        with failures_told(self._card):
            yield from super().score(
                reference,
                distorted,
                model=model,
                threads=threads,
                timeout_s=timeout_s,
                frame_step=frame_step,
                progress=progress,
            )

    def load(self) -> None:
        """Hold the card against the CPU, once per process; kernels are compiled when they are first used."""
        assert self._card is not None
        self._use()
        keep_compiled(self._kernel_cache)
        if self._card.uuid not in _sound:
            kernels.load(self._kernel_cache)
            parity.check_parity(self._card, lambda *shape: self.kernels(*shape)())
            _sound.add(self._card.uuid)

    def kernels(
        self, width: int, height: int, depth: int, encodes: int, gain_limit: float
    ) -> Callable[[], batch.Kernels]:
        """Makes a worker's kernels, in that worker's thread."""

        def make() -> batch.Kernels:
            self._use()
            return CudaKernels(width, height, depth, encodes, gain_limit)

        return make

    def empty(self, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
        """Page-locked memory, from which the GPU reads while the CPU works on."""
        from numba import cuda

        return np.asarray(cuda.pinned_array(shape, kind))

    def _use(self) -> None:
        """CUDA's choice of a card is each thread's own."""
        from numba import cuda

        assert self._card is not None
        cuda.select_device(self._card.number)
