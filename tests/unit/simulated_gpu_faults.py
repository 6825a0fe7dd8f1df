"""GPUs that fail, in numba's simulator, and who scores then. `test_devices.py` runs this file in its own process."""

import fcntl
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import cuda_simulator  # before all that imports numba  # noqa: F401
import numpy as np
import pandas as pd
import pytest
from laddersmith import devices
from laddersmith.devices import Sharing
from laddersmith.errors import GpuError, ScoreError
from laddersmith.quality import cuda_engine, numba_engine, parity, proof
from laddersmith.quality.cuda_engine import CudaKernels
from laddersmith.quality.features.cuda_tools import Tile
from laddersmith.store import Store
from numba import cuda
from numba.cuda.cudadrv.driver import CudaAPIError
from test_quality import encode, encode_row, encodes_table, media_of, shots_table, take

MOVING = "nullsrc=size=18x18:rate=25,geq=lum='128+90*sin((X+9*N)*Y/40)':cb=128:cr=128,format=yuv420p"
CUTS = [0, 1, 2]
VMAF_GAP = 0.01  # between engines: what every table promises
MEMORY = "[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pictures and blocks of a size that the simulator can do; the card is held to be sound and proven."""
    monkeypatch.setattr(cuda_engine, "CudaKernels", partial(CudaKernels, tile=Tile(32, 8, 8)))
    monkeypatch.setattr(cuda_engine, "check_package", lambda: None)  # the simulator is a part of numba itself
    monkeypatch.setattr(cuda_engine.Cuda, "packages", numba_engine.Numba.packages)
    monkeypatch.setattr(parity, "WIDTH", 34)
    monkeypatch.setattr(parity, "HEIGHT", 18)
    monkeypatch.setattr(cuda_engine, "_sound", {"simulator"})
    monkeypatch.setattr(numba_engine, "_proven", {("cuda", "vmaf_v0.6.1", 8)})
    yield
    devices.release()


@pytest.fixture
def scored(make_clip: Callable[..., Path], tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """scored(engine, fallback=..., store=...): the scores of two shots, one encode each."""
    clip = make_clip("faulty.mp4", MOVING, 2)
    media = media_of(clip)
    rows = []
    for shot, (start, end) in enumerate(pairwise(CUTS)):
        made = encode(clip, tmp_path / f"s{shot}.mp4", filters=f"trim=start_frame={start}:end_frame={end}")
        rows.append(encode_row(shot, made, height=18, width=18))
    locks = tmp_path / "locks"
    locks.mkdir()

    def run(engine: str = "cuda", *, fallback: bool = True, **changes) -> pd.DataFrame:
        sharing = Sharing(fallback=fallback, folder=locks, wait_s=0.0)
        how = {"engine": engine, "gpu": sharing, "threads": 1} | changes
        return take(media, shots_table(media, CUTS), encodes_table(*rows), tmp_path, **how)[0]

    run.locks = locks  # type: ignore[attr-defined]
    return run


def out_of_memory(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The card's memory is full once `after` arrays are on it."""
    given, left = cuda.device_array, iter(range(after))

    def array(*arguments, **settings):
        if next(left, None) is None:
            raise CudaAPIError(MEMORY)
        return given(*arguments, **settings)

    monkeypatch.setattr(cuda, "device_array", array)


def arrays_of_a_shot(monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> list[int]:
    """How many device arrays had been made when each shot's scores were kept."""
    made, seen, given, keep = [0], [], cuda.device_array, Store.add_scores

    def array(*arguments, **settings):
        made[0] += 1
        return given(*arguments, **settings)

    def kept(self, key, frames):
        seen.append(made[0])
        keep(self, key, frames)

    with monkeypatch.context() as patch:
        patch.setattr(cuda, "device_array", array)
        patch.setattr(Store, "add_scores", kept)
        run()
    return seen


def test_a_card_without_memory_leaves_its_work_to_the_cpu_and_every_score_says_whose_it_is(
    scored, monkeypatch, tmp_path, caplog
) -> None:
    first, _ = arrays_of_a_shot(monkeypatch, lambda: scored(store=Store(tmp_path / "other")))
    store = Store(tmp_path / "store")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        out_of_memory(patch, first)
        mixed = scored(store=store)
    assert mixed["engine"].tolist() == ["cuda", "numba"]
    assert "engine cuda gives up, and numba scores in its place: simulator of" in caplog.text
    assert "CUDA_ERROR_OUT_OF_MEMORY); lower encode.frame_cache_mb, gpu.slots or the job's threads" in caplog.text
    whole, plain = scored(store=store), scored("numba", store=store)
    assert whole["engine"].tolist() == ["cuda", "cuda"] and plain["engine"].tolist() == ["numba", "numba"]
    assert plain["vmaf_mean"][1] == mixed["vmaf_mean"][1] and whole["vmaf_mean"][0] == mixed["vmaf_mean"][0]
    assert (whole["vmaf_mean"] - plain["vmaf_mean"]).abs().max() <= VMAF_GAP
    assert not list(tmp_path.glob("store/tmp/*"))


def test_a_card_without_memory_ends_the_job_where_that_is_asked_for(scored, monkeypatch) -> None:
    out_of_memory(monkeypatch, 0)
    with pytest.raises(GpuError, match=r"simulator of .* failed \(\[2\] Call to cuMemAlloc .*; lower encode"):
        scored(fallback=False)


def test_what_nvidias_own_package_raises_is_the_cards_fault_too() -> None:
    launch_failed = type("CUDAError", (Exception,), {"__module__": "cuda.core._utils.cuda_utils"})
    told, card = r"GPU-x of .* failed \(CUDA_ERROR_LAUNCH_FAILED\); have it checked", devices.Card(0, "GPU-x")
    with pytest.raises(GpuError, match=told), cuda_engine.failures_told(card):
        raise launch_failed("CUDA_ERROR_LAUNCH_FAILED.")
    with pytest.raises(ZeroDivisionError), cuda_engine.failures_told(card):
        1 / 0  # noqa: B018


def test_a_card_that_computes_something_else_is_found_out_before_it_scores(scored, monkeypatch, caplog) -> None:
    sound = CudaKernels.features

    def features(self, reference, distorted):
        found = sound(self, reference, distorted)
        found[:, 5] += 0.001
        return found

    cuda_engine._sound.clear()
    monkeypatch.setattr(CudaKernels, "features", features)
    with pytest.raises(GpuError, match=r"simulator computes vif_scale0 as 0\.\d+ where the CPU has 0\.\d+, more than"):
        scored(fallback=False)
    assert scored()["engine"].tolist() == ["numba", "numba"]
    assert "simulator computes vif_scale0" in caplog.text


def test_a_proof_that_fails_on_a_card_is_the_cards_fault() -> None:
    pictures = proof.generated(32, 32, 8)
    wrong = partial(proof.prove, lambda one, _: {"adm2": np.full(len(one), 2.0)}, *pictures, depth=8)
    for engine in (cuda_engine.Cuda, numba_engine.Numba):
        card = {GpuError: "GPU", ScoreError: "CPU"}[engine.unproven]
        with pytest.raises(engine.unproven, match=rf"engine {engine.name} gives adm2 2\.0.* and report this {card}"):
            wrong(model="vmaf_v0.6.1", engine=engine.name, refused=engine.unproven)


def test_no_place_on_a_card_in_time_is_a_fault_like_others(scored) -> None:
    with (scored.locks / "simulator.0.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GpuError, match="no place on simulator"):
            scored(fallback=False)
        assert scored()["engine"].tolist() == ["numba", "numba"]
    assert devices.claim(cuda_engine.visible_cards(), Sharing(folder=scored.locks, wait_s=0.0)).uuid == "simulator"


def test_what_is_wrong_with_an_encode_is_no_fault_of_the_card(scored, tmp_path) -> None:
    (tmp_path / "s0.mp4").write_bytes(b"no video")
    with pytest.raises(ScoreError, match=r"shot 0, fast 18p CRF 35"):
        scored()
