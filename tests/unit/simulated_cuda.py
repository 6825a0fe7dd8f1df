"""The GPU kernels in numba's simulator. `test_features_cuda.py` runs this file, in a process of its own."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cuda_simulator  # before all that imports numba  # noqa: F401
import numpy as np
import pandas as pd
import pytest
from clips import ffmpeg_run
from cuda_pictures import pictures
from hypothesis import given
from hypothesis import strategies as st
from laddersmith import devices
from laddersmith.errors import ScoreError
from laddersmith.quality import cuda_engine, cuda_rates, engine_named, parity, score
from laddersmith.quality.cuda_engine import CudaKernels
from laddersmith.quality.engine import Distorted
from laddersmith.quality.features import adm_cuda, motion_cuda, vif_cuda
from laddersmith.quality.features.adm import Adm
from laddersmith.quality.features.adm_cuda import AdmCuda
from laddersmith.quality.features.cuda_tools import PartialSums, Tile, check_planes, device_array, mirrored, sample_type
from laddersmith.quality.features.motion import motion
from laddersmith.quality.features.motion_cuda import MotionCuda
from laddersmith.quality.features.vif import Vif
from laddersmith.quality.features.vif_cuda import VifCuda
from laddersmith.quality.reference import title_reference
from laddersmith.source import Media, probe
from libvmaf_features import libvmaf_features
from numba import cuda

# What both sides promise against libvmaf. Between themselves they differ by order and rounding of float32 sums, which
# tells most where a scale has few samples: 2e-5 at 37x45, of whose coarsest scale each is a twentieth.
FEATURE_GAP, VMAF_GAP = 1e-4, 0.005
TWIN_GAP = 5e-5
VIF_GAP = (
    5e-6  # rounded where libvmaf rounds: what is left is its float32 sums, its logarithm and its log's six decimals
)
SMALL = Tile(columns=32, rows=8, reducers=8)
MOVING = "nullsrc=size=18x18:rate=25,geq=lum='128+90*sin((X+9*N)*Y/40)':cb=128:cr=128,format=yuv420p"


CASES = [(32, 32, 8, 100.0, 2, 1, SMALL), (37, 45, 10, 1.0, 2, 1, SMALL), (81, 49, 8, 100.0, 1, 1, Tile(64, 8, 8))]


@pytest.mark.parametrize(("width", "height", "depth", "limit", "encodes", "frames", "tile"), CASES)
def test_the_gpu_computes_what_the_cpu_does(width, height, depth, limit, encodes, frames, tile) -> None:
    planes = pictures(width, height, depth, encodes, frames)
    there = cuda.to_device(planes)
    for on_gpu, on_cpu in ((VifCuda, Vif), (AdmCuda, Adm)):
        ours = on_gpu(width, height, depth, encodes, limit, frames=frames, tile=tile)(there)
        twin = on_cpu(width, height, depth, encodes, limit)
        assert np.abs(ours - np.stack([twin(frame[0], frame[1:]) for frame in planes])).max() <= TWIN_GAP, on_gpu


def test_features_are_libvmafs() -> None:
    width, height, frames = 48, 33, 2
    planes = pictures(width, height, 10, 1, frames)
    there = cuda.to_device(planes)
    vif = VifCuda(width, height, 10, 1, frames=frames, tile=SMALL)(there)
    adm = AdmCuda(width, height, 10, 1, frames=frames, tile=SMALL)(there)
    moved = MotionCuda(width, height, 10, 1, frames=frames, tile=SMALL)(there, there[0, 0])
    theirs = libvmaf_features(planes[:, 0], planes[:, 1], depth=10, debug=True)
    for scale in range(4):
        assert np.abs(vif[:, 0, scale] - theirs[f"vif_scale{scale}"]).max() <= VIF_GAP
        assert np.abs(adm[:, 0, 1 + scale] - theirs[f"adm_scale{scale}"]).max() <= FEATURE_GAP
    assert np.abs(adm[:, 0, 0] - theirs["adm2"]).max() <= FEATURE_GAP
    assert np.abs(moved - theirs["motion"]).max() <= FEATURE_GAP
    assert moved[1] > 1


@pytest.mark.parametrize(("width", "height", "depth"), [(17, 41, 8), (66, 19, 12)])
def test_motion_is_the_cpus(width, height, depth) -> None:
    planes = pictures(width, height, depth, 0, 3)
    there = cuda.to_device(planes)
    ours = MotionCuda(width, height, depth, 0, frames=2, tile=SMALL)(there[1:], there[0, 0])
    theirs = [motion(planes[frame, 0], planes[frame + 1, 0], depth) for frame in range(2)]
    assert np.abs(ours - theirs).max() <= TWIN_GAP


def test_neither_repetition_nor_the_other_frames_of_a_batch_change_a_bit() -> None:
    width, height = 21, 19
    planes = pictures(width, height, 8, 1, 2)
    for kind in (VifCuda, AdmCuda):
        kernels = kind(width, height, 8, 1, frames=2, tile=SMALL)
        together = kernels(cuda.to_device(planes))
        alone = [kernels(cuda.to_device(planes[frame : frame + 1])) for frame in (1, 0)][::-1]
        assert np.array_equal(together, np.concatenate(alone))


def test_a_perfect_encode_scores_one_and_a_flat_picture_too() -> None:
    planes = np.repeat(pictures(20, 18, 8, 0, 1), 2, axis=1)
    flat = np.full_like(planes, 90)
    for kind in (VifCuda, AdmCuda):
        kernels = kind(20, 18, 8, 1, tile=SMALL)
        for frames in (planes, flat):
            assert kernels(cuda.to_device(frames)) == pytest.approx(1.0, abs=TWIN_GAP)


@given(st.integers(2, 40), st.data())
def test_reflection_is_numpys(size, data) -> None:
    index = data.draw(st.integers(1 - size, 2 * size - 2))
    expected = np.pad(np.arange(size), size - 1, mode="reflect")[index + size - 1]
    assert mirrored.fn(np.int32(index), np.int32(size)) == expected


def test_sums_of_several_groups_are_exact() -> None:
    sums = PartialSums(3, [5, 21], SMALL)
    values = np.arange(3 * 26, dtype=np.float32)
    sums.values.copy_to_device(values)
    expected = [values[:15].reshape(3, 5).sum(axis=1), values[15:].reshape(3, 21).sum(axis=1)]
    assert sums.total(0).copy_to_host().tolist() == np.array(expected).tolist()


@pytest.mark.parametrize("kind", [VifCuda, AdmCuda, MotionCuda])
def test_too_small_a_picture_is_refused(kind) -> None:
    with pytest.raises(ScoreError, match=r"not defined for 2x64; score pictures of at least"):
        kind(2, 64, 8, 1)


def test_frames_of_another_shape_or_type_are_refused() -> None:
    shape = (2, 3, 8, 8)
    assert check_planes(cuda.to_device(np.zeros((1, 3, 8, 8), np.uint8)), shape, 8) == 1
    for (frames, planes), depth in (((3, 3), 8), ((1, 2), 8), ((1, 3), 10)):
        wrong = np.zeros((frames, planes, 8, 8), np.uint8)
        with pytest.raises(ScoreError, match=r"frames on the device are .* expected at most \(2, 3, 8, 8\)"):
            check_planes(cuda.to_device(wrong), shape, depth)
    with pytest.raises(ScoreError, match="samples of 8, 10, 12 or 16 bits"):
        sample_type(9)
    with pytest.raises(ScoreError, match="too large for the GPU kernels"):
        device_array((2**16, 2**15), np.uint8)
    flat = np.zeros((32, 32), np.uint8)
    with pytest.raises(ScoreError, match="kernels for 2 encodes were given 1"):
        CudaKernels(32, 32, 8, 2, 100.0, tile=SMALL).features(flat, flat[np.newaxis])


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cuda_engine, "CudaKernels", partial(CudaKernels, tile=SMALL))
    monkeypatch.setattr(parity, "WIDTH", 34)
    monkeypatch.setattr(parity, "HEIGHT", 18)
    yield
    devices.release()


@pytest.mark.usefixtures("small_tiles")
def test_every_other_frame_scores_as_among_all(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("simulated.mp4", MOVING, 3)
    media = Media.from_json(
        probe(clip, title="it", normalise=False, crop_bars=False, mezzanine=Path("none"), timeout_s=60)["media"]
    )
    reference = title_reference(media, (18, 18), what="it")
    made = [Distorted("it", clip, 18, 18, "yuv420p")]
    run = partial(engine_named("cuda").score, reference, made, model="vmaf_v0.6.1", threads=1, timeout_s=600)
    [(_, whole)], [(_, some)] = run(), run(frame_step=2)
    assert some["frame"].tolist() == [0, 2]
    pd.testing.assert_frame_equal(some, whole.iloc[::2].reset_index(drop=True), check_exact=True)


@pytest.mark.usefixtures("small_tiles")
def test_the_engine_scores_files_as_engine_numba_does(make_clip: Callable[..., Path], tmp_path) -> None:
    clip = make_clip("simulated.mp4", MOVING, 2)
    coarse = tmp_path / "coarse.mp4"
    ffmpeg_run("-i", clip, "-c:v", "libx264", "-crf", "36", "-bf", "0", coarse)
    ours, theirs = (score(clip, [coarse], engine=name, threads=1) for name in ("cuda", "numba"))
    assert list(ours.columns) == list(theirs.columns)
    numbers = ours.select_dtypes("number").columns
    gaps = (ours[numbers] - theirs[numbers]).abs().max()
    assert gaps.pop("vmaf") <= VMAF_GAP and gaps.max() <= FEATURE_GAP
    assert ours["vmaf"].nunique() == 2


def test_the_rates_of_a_card_are_counted_and_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name=b"a card", compute_capability=(9, 0), MULTIPROCESSOR_COUNT=100, CLOCK_RATE=1_500_000)
    assert cuda_rates.peak(card) == 2 * 128 * 100 * 1.5e9
    one, eight = (cuda_rates.needs(1920, 1080, 8, encodes) for encodes in (1, 8))
    assert all(1 < more / less < 8 for more, less in zip(eight, one, strict=True))  # the reference's share is shared
    done = []
    monkeypatch.setattr(cuda, "get_current_device", lambda: card, raising=False)
    monkeypatch.setattr(cuda_rates, "_seconds", lambda work, launches, stream: (done.append(work()), 0.004)[1])
    for module, name in ((vif_cuda, "VifCuda"), (adm_cuda, "AdmCuda"), (motion_cuda, "MotionCuda")):
        monkeypatch.setattr(module, name, partial(getattr(module, name), tile=SMALL))
    found = cuda_rates.rates(width=18, height=18, encodes=1, frames=1)
    assert found["device"] == "a card" and found["fps"] == 250 and found["vif_ms"] == 4
    assert len(done) == 5
    assert 0 < found["arithmetic_share"] < 1 and 0 < found["gb_per_s"] < 1
