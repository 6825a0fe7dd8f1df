"""Engine `numba`: every encode of a shot in one pass over the reference, in this process."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import metadata
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import registry
from ..errors import LaddersmithError, ScoreError
from . import batch, kernels, proof
from .decode import Encode, Planes
from .engine import Distorted, Progress, Reference, Scored
from .keyframes import check_keyframes
from .picture import scoring_format, subsampling_and_depth
from .versions import kernels_version, metrics_version

log = logging.getLogger(__name__)

MEMORY_MB = 1024.0
WORKER_MB = 300.0
MB = 10**6
_proven: set[tuple[str, str, int]] = set()


class Numba:
    """Kernels of our own on the CPU, for the models under model/."""

    name = "numba"
    reads_often = False
    packages: tuple[str, ...] = ("av", "numba", "onnxruntime")  # whose versions decide the numbers
    unproven: type[LaddersmithError] = ScoreError  # what it is refused with when libvmaf computes something else

    def __init__(self, *, kernel_cache: Path | None = None, memory_mb: float = MEMORY_MB) -> None:
        """Nothing is imported or compiled before the first score.

        Parameters
        ----------
        kernel_cache : see `kernels.load`.
        memory_mb : megabytes (10^6 bytes) that decoded pictures may fill (`batch.bytes_held`), to which `WORKER_MB`
            are added for each thread; more encodes than fit are scored in groups, and the reference is read again for
            each.
        """
        self._kernel_cache = kernel_cache
        self._memory_mb = memory_mb

    def version(self, model: str) -> str:
        """As `Engine.version`: our kernels', the model's file, and who decodes, scales and compiles."""
        self.context(model)
        packages = " ".join(f"{name}-{metadata.version(name)}" for name in self.packages)
        return f"{metrics_version()} {kernels_version()} model-{registry.entry(model).sha256[:16]} {packages}"

    def context(self, model: str) -> int:
        """As `Engine.context`: motion2 looks one frame back and one ahead."""
        known = registry.names("vmaf")
        if model not in known:
            raise ScoreError(
                f"engine {self.name} does not have model {model} (it has {', '.join(known)}); use engine libvmaf"
            )
        return 1

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
        """As `Engine.score`: a group of encodes at once, so that they end together; `timeout_s` is for each of them."""
        self.context(model)
        from .fusion import Fusion

        self.load()  # compiling takes no encode's time
        fusion = Fusion(model)
        deadline = time.monotonic() + timeout_s * len(distorted)
        for places in self._groups(reference, distorted, threads):
            group = [distorted[place] for place in places]
            found = _scored(self, reference, group, fusion, threads, deadline, frame_step, progress)
            yield from zip(places, found, strict=True)

    def load(self) -> None:
        """Make the kernels ready."""
        kernels.load(self._kernel_cache)

    def kernels(
        self, width: int, height: int, depth: int, encodes: int, gain_limit: float
    ) -> Callable[[], batch.Kernels]:
        """Makes a worker's kernels, in that worker's thread."""
        return kernels.factory(width, height, depth, encodes, gain_limit)

    def empty(self, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
        """Memory for decoded luma."""
        return np.empty(shape, kind)

    def _groups(self, reference: Reference, distorted: Sequence[Distorted], threads: int) -> Iterator[list[int]]:
        """Encodes that are scored in one pass: those of one scoring format, as many as fit in the memory allowed."""
        by_format: dict[str, list[int]] = {}
        for place, one in enumerate(distorted):
            by_format.setdefault(scoring_format(reference.pix_fmt, one.pix_fmt), []).append(place)
        for places in by_format.values():
            group: list[int] = []
            for place in places:
                if group and not self._fits(reference, [distorted[other] for other in (*group, place)], threads):
                    yield group
                    group = []
                group.append(place)
            yield group

    def _fits(self, reference: Reference, distorted: Sequence[Distorted], threads: int) -> bool:
        allowed = self._memory_mb + WORKER_MB * threads
        return batch.bytes_held(reference, distorted, threads) <= allowed * MB


def _scored(
    engine: Numba,
    reference: Reference,
    distorted: Sequence[Distorted],
    fusion: Any,
    threads: int,
    deadline: float,
    frame_step: int,
    progress: Progress | None,
) -> list[pd.DataFrame]:
    """The frame tables of encodes of one scoring format, in order."""
    pix_fmt = scoring_format(reference.pix_fmt, distorted[0].pix_fmt)
    _, depth = subsampling_and_depth(pix_fmt)

    def left() -> float:
        return max(0.001, deadline - time.monotonic())

    with ThreadPoolExecutor(1) as side:
        described = side.submit(check_keyframes, reference, distorted, timeout_s=left())
        try:
            _prove(engine, reference, distorted[0], pix_fmt, depth, fusion)
            made = batch.Batch(
                reference,
                distorted,
                engine.kernels(reference.width, reference.height, depth, len(distorted), fusion.gain_limit),
                threads=threads,
                deadline=deadline,
                frame_step=frame_step,
                scored=lambda: progress(len(distorted)) if progress else None,
                empty=engine.empty,
            )
            described.add_done_callback(lambda found: _tell(found, made))
            measured = made.run()
        except ScoreError:
            described.result()  # an encode that is not what it should be is told so, whatever else it led to
            raise
        for silent in described.result():
            raise ScoreError(f"{silent.what}: ffmpeg decodes no keyframe of {silent.path.name}; encode it again")
    log.info(
        "%s: %d encodes x %d frames; CPU seconds: %s",
        reference.what,
        len(distorted),
        len(reference.scored(frame_step)),
        ", ".join(f"{kind} {seconds:.2f}" for kind, seconds in measured.cpu_s.items()),
    )
    return [
        _table(engine.name, measured, encode, reference, frame_step, depth, fusion, one.what)
        for encode, one in enumerate(distorted)
    ]


def _tell(described: Future, made: batch.Batch) -> None:
    """Let an encode that is not what it should be end the batch."""
    error = described.exception()
    if error:
        made.fail(error)


def _table(
    engine: str,
    measured: batch.Measured,
    encode: int,
    reference: Reference,
    frame_step: int,
    depth: int,
    fusion: Any,
    what: str,
) -> pd.DataFrame:
    """The frame table of one encode; its columns are libvmaf's."""
    from .features.motion import motion2
    from .features.psnr import psnr

    kept = slice(reference.before, reference.before + reference.length, frame_step)
    columns: dict[str, NDArray[Any]] = {"frame": reference.scored(frame_step)}
    columns |= {name: measured.features[encode, :, place] for place, name in enumerate(batch.FEATURES)}
    columns |= {"motion": measured.motion[kept], "motion2": motion2(measured.motion)[kept]}
    for plane, name in enumerate(batch.PLANES):
        errors = measured.squared_error[encode, :, plane]
        columns[name] = np.array([psnr(int(error), measured.samples[plane], depth) for error in errors])
    inputs = np.column_stack([columns[name] for name in fusion.features])
    columns["vmaf"] = fusion(inputs, what=what, start=reference.start, step=frame_step)
    table = pd.DataFrame(columns)
    bad = np.flatnonzero(~np.isfinite(table.to_numpy(np.float64)).all(axis=1))
    if len(bad):
        raise ScoreError(
            f"{what}: engine {engine} gave no finite score for frame {table['frame'][bad[0]]} (and {len(bad) - 1} "
            "others); score it with engine libvmaf, and report its frames"
        )
    return table


def _prove(engine: Numba, reference: Reference, distorted: Distorted, pix_fmt: str, depth: int, fusion: Any) -> None:
    """A proof on the first frames of the first encode, once per process for each model and depth."""
    if (engine.name, fusion.name, depth) in _proven:
        return
    to_format, encode = Planes(reference, pix_fmt), Encode(distorted, reference, pix_fmt)
    ours, theirs = [], []
    try:
        frames = islice(reference.read(), reference.before, reference.before + min(proof.FRAMES, reference.length))
        for packed in frames:
            planes = encode.planes()
            if planes is None:
                return  # too few frames: the batch tells it with both counts
            theirs.append(proof.middle(planes[0]))
            ours.append(proof.middle(to_format.of_packed(packed, reference.pix_fmt)[0]))
    finally:
        encode.close()
    proof.prove(
        lambda one, other: _computed(engine, one, other, depth, fusion),
        np.stack(ours),
        np.stack(theirs),
        depth=depth,
        model=fusion.name,
        engine=engine.name,
        refused=engine.unproven,
    )
    _proven.add((engine.name, fusion.name, depth))


def _computed(
    engine: Numba, reference: NDArray[Any], distorted: NDArray[Any], depth: int, fusion: Any
) -> dict[str, NDArray[np.float64]]:
    """Features and VMAF of luma [frames, height, width]."""
    from .features.motion import motion2

    _, height, width = reference.shape
    own = engine.kernels(width, height, depth, 1, fusion.gain_limit)()
    rows = [own.features(one, other[np.newaxis])[0] for one, other in zip(reference, distorted, strict=True)]
    found = dict(zip(batch.FEATURES, np.array(rows).T, strict=True))
    found["motion2"] = motion2(np.array([0.0, *(own.motion(one, other) for one, other in pairwise(reference))]))
    found["vmaf"] = fusion(np.column_stack([found[name] for name in fusion.features]), what="proof")
    return found
