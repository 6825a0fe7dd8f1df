"""The GPU kernels on a GPU: against the CPU's, bit for bit reproducible, and fast. Where there is no GPU, they fail."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg_run
from cuda_pictures import pictures
from laddersmith.quality import score
from laddersmith.quality.cuda_engine import check_device

pytestmark = pytest.mark.gpu

FEATURE_GAP, VMAF_GAP = 1e-4, 0.005  # what the engine promises against engine numba
# Encode-frames of 1080p a second, eight encodes of each frame, frames on the device: the least for a Hopper-class card.
HOPPER, RATE = (9, 0), 3000.0


@pytest.fixture(scope="module", autouse=True)
def device() -> None:
    check_device()


@pytest.mark.parametrize(
    ("width", "height", "depth", "limit", "encodes"),
    [(1920, 1080, 8, 100.0, 8), (961, 541, 10, 1.0, 3), (97, 65, 12, 100.0, 2), (17, 17, 8, 1.0, 1)],
)
def test_features_are_the_cpus(width, height, depth, limit, encodes) -> None:
    from laddersmith.quality.features.adm import Adm
    from laddersmith.quality.features.adm_cuda import AdmCuda
    from laddersmith.quality.features.motion import motion
    from laddersmith.quality.features.motion_cuda import MotionCuda
    from laddersmith.quality.features.vif import Vif
    from laddersmith.quality.features.vif_cuda import VifCuda
    from numba import cuda

    planes = pictures(width, height, depth, encodes, 2)
    there = cuda.to_device(planes)
    for on_gpu, on_cpu in ((VifCuda, Vif), (AdmCuda, Adm)):
        kernels = on_gpu(width, height, depth, encodes, limit, frames=2)
        ours, twin = kernels(there), on_cpu(width, height, depth, encodes, limit)
        assert np.abs(ours - np.stack([twin(frame[0], frame[1:]) for frame in planes])).max() <= FEATURE_GAP, on_gpu
        assert np.array_equal(ours, kernels(there)), on_gpu
    moved = MotionCuda(width, height, depth, encodes, frames=2)(there, there[0, 0])
    assert abs(moved[1] - motion(planes[0, 0], planes[1, 0], depth)) <= FEATURE_GAP
    assert moved[0] == 0


def test_no_kernel_keeps_its_arrays_in_local_memory() -> None:
    from laddersmith.quality.features import adm_cuda, motion_cuda, vif_cuda
    from laddersmith.quality.features.cuda_tools import Tile
    from numba import cuda

    planes = cuda.to_device(pictures(64, 64, 8, 1, 1))
    vif_cuda.VifCuda(64, 64, 8, 1)(planes)
    adm_cuda.AdmCuda(64, 64, 8, 1)(planes)
    motion_cuda.MotionCuda(64, 64, 8, 1)(planes, planes[0, 0])
    tile = Tile()
    kernels = [adm_cuda._wavelet(8, tile), adm_cuda._masked(tile), motion_cuda._blurred_difference(tile)]
    kernels += [
        make(scale, None if scale else 8, tile)
        for make in (vif_cuda._reference_moments, vif_cuda._encode_moments)
        for scale in range(4)
    ]
    for kernel in kernels:
        assert set(kernel.get_local_mem_per_thread().values()) == {0}, kernel


@pytest.mark.parametrize("model", ["vmaf_v0.6.1", "vmaf_v0.6.1neg"])
def test_the_engine_scores_as_engine_numba_whatever_the_workers(bikes: Path, tmp_path, model) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg_run("-i", bikes, "-frames:v", "12", "-an", "-c:v", "libx264", "-qp", "0", clip)
    rungs = []
    for crf in (22, 30, 40):
        rungs.append(tmp_path / f"{crf}.mp4")
        ffmpeg_run("-i", clip, "-vf", "scale=iw/2:-2", "-c:v", "libx264", "-crf", str(crf), rungs[-1])
    theirs = score(clip, rungs, engine="numba", model=model, threads=2)
    one, four = (score(clip, rungs, engine="cuda", model=model, threads=threads) for threads in (1, 4))
    assert one.equals(four)
    numbers = one.select_dtypes("number").columns
    gaps = (one[numbers] - theirs[numbers]).abs().max()
    assert gaps.pop("vmaf") <= VMAF_GAP and gaps.max() <= FEATURE_GAP


def test_frames_on_the_device_are_scored_fast_enough(record_property: Callable[[str, object], None]) -> None:
    from laddersmith.quality.cuda_rates import rates
    from numba import cuda

    found = rates()
    for name, value in found.items():
        record_property(name, value)
    print(found)
    assert found["fps"] > (RATE if cuda.get_current_device().compute_capability >= HOPPER else 0)
