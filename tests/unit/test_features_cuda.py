"""The GPU kernels: simulated in a process of their own, and what is said where there is no GPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from laddersmith import devices
from laddersmith.errors import GpuError, ScoreError
from laddersmith.quality import engine_named
from laddersmith.quality.cuda_engine import Cuda, check_device, visible_cards

SIMULATED = Path(__file__).with_name("simulated_cuda.py")


def test_in_numbas_simulator() -> None:
    """numba takes its simulator or a GPU for the whole of a process; the other tests of this one need neither."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-x", str(SIMULATED)]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_without_numba_cuda_the_engine_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ScoreError, match=r"needs the package numba-cuda.*make env-cuda"):
        visible_cards()
    with pytest.raises(ScoreError, match=r"needs the package numba-cuda.*make env-cuda"):
        Cuda().version("vmaf_v0.6.1")


def test_without_a_card_the_engine_says_so(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(devices, "visible_cards", list)
    with pytest.raises(GpuError, match=r"sees no GPU \(CUDA_VISIBLE_DEVICES .*make env-cuda"):
        check_device()
    monkeypatch.setattr(devices, "visible_cards", lambda: [devices.Card(0, "GPU-0")])
    check_device()


def test_the_engine_is_known_by_name() -> None:
    engine = engine_named("cuda")
    assert isinstance(engine, Cuda)
    assert engine.context("vmaf_v0.6.1") == 1
    with pytest.raises(ScoreError, match=r"engine cuda does not have model vmaf_b_v0.6.3"):
        engine.context("vmaf_b_v0.6.3")
