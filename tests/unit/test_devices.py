"""Which GPU a job takes: what it may see, whose turn it is, and that a killed job frees its place."""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from clips import ROOT
from laddersmith import devices
from laddersmith.devices import Card, Sharing, claim, release, visible_cards
from laddersmith.errors import GpuError

CARDS = [Card(0, "GPU-a"), Card(1, "GPU-b")]
# Takes a place in a process of its own, says which, and keeps it until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from laddersmith.devices import Card, Sharing, claim
cards = [Card(n, name) for n, name in enumerate(sys.argv[3:])]
print(claim(cards, Sharing(slots=int(sys.argv[2]), folder=Path(sys.argv[1]), wait_s=20)).uuid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def free() -> Iterator[None]:
    yield
    release()


class Holders:
    """Processes that hold places."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started = folder, []

    def start(self, *cards: str, slots: int = 1) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLDER, str(self.folder), str(slots), *cards]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
        self.started.append(subprocess.Popen(command, **pipes, text=True, env=environment))
        return self.started[-1]

    def took(self, *cards: str, slots: int = 1) -> tuple[subprocess.Popen, str]:
        process = self.start(*cards, slots=slots)
        return process, process.stdout.readline().strip()


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    made = Holders(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def test_first_places_of_all_cards_go_before_any_second(holders) -> None:
    taken = [holders.took("GPU-a", "GPU-b", slots=2)[1] for _ in range(4)]
    assert taken == ["GPU-a", "GPU-b", "GPU-a", "GPU-b"]


def test_a_killed_jobs_place_is_free_at_once(holders) -> None:
    first, card = holders.took("GPU-a")
    waiting = holders.start("GPU-a")
    time.sleep(0.5)
    assert card == "GPU-a" and waiting.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    assert waiting.stdout.readline().strip() == "GPU-a"


def test_a_process_keeps_its_card_until_it_gives_it_back(tmp_path, holders) -> None:
    asked = Sharing(folder=tmp_path, wait_s=0)
    assert claim(CARDS, asked) == claim(CARDS, asked) == CARDS[0]
    assert holders.took("GPU-a", "GPU-b")[1] == "GPU-b"
    release()
    assert holders.took("GPU-a", "GPU-b")[1] == "GPU-a"


def test_no_place_in_time_and_no_card_at_all_are_told(tmp_path, holders) -> None:
    holders.took("GPU-a")
    with pytest.raises(GpuError, match=r"no place on GPU-a of .* came free in 0\.3 s; run fewer .* gpu\.slots"):
        claim(CARDS[:1], Sharing(folder=tmp_path, wait_s=0.3))
    with pytest.raises(GpuError, match=r"shows this job no NVIDIA GPU \(CUDA_VISIBLE_DEVICES is .*use the CPU"):
        claim([], Sharing(folder=tmp_path))
    with pytest.raises(GpuError, match=r"the lock on a GPU .* cannot be opened"):
        claim(CARDS[:1], Sharing(folder=tmp_path / "missing"))


def test_the_folder_of_locks_is_the_users_own(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(devices, "Path", lambda _: tmp_path)
    folder = devices.lock_folder()
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700 and devices.lock_folder() == folder
    monkeypatch.setattr(devices.os, "getuid", lambda: 12345)
    (tmp_path / "laddersmith-12345").mkdir()
    with pytest.raises(GpuError, match=r"belongs to somebody else \(user \d+\); remove it"):
        devices.lock_folder()
    (tmp_path / "laddersmith-12345").rmdir()
    (tmp_path / "laddersmith-12345").write_text("")
    with pytest.raises(GpuError, match=r"folder of locks .* cannot be made"):
        devices.lock_folder()


class Driver:
    """The five calls of NVIDIA's driver that are used, with ctypes' calling manners."""

    def __init__(self, cards: int = 2, status: int = 0) -> None:
        self.cards, self.status = cards, status

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDeviceGetCount(self, count) -> int:
        count._obj.value = self.cards
        return 0

    def cuDeviceGetUuid_v2(self, raw, number: int) -> int:
        raw[:] = range(16 * number, 16 * number + 16)
        return 0

    def cuGetErrorString(self, status: int, text) -> int:
        text._obj.value = b"unspecified launch failure"
        return 0


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No SLURM, nothing hidden."""
    for name in ("SLURM_JOB_ID", *devices.GRANTED, "NUMBA_CUDA_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_cards_have_the_names_that_nvidia_smi_gives_them(alone) -> None:
    alone.setattr(ctypes, "CDLL", lambda path: Driver())
    assert visible_cards() == [
        Card(0, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"),
        Card(1, "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f"),
    ]
    alone.setattr(ctypes, "CDLL", lambda path: Driver(status=devices.NO_DEVICE))
    assert visible_cards() == []


def test_a_driver_that_fails_or_is_missing_is_told(alone, tmp_path) -> None:
    with alone.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda path: Driver(status=719))
        with pytest.raises(GpuError, match=r"driver of .* fails \(unspecified launch failure, error 719\); `nvidia"):
            visible_cards()
    alone.setenv("NUMBA_CUDA_DRIVER", str(tmp_path / "libcuda.so"))
    with pytest.raises(GpuError, match=r"has no NVIDIA driver \(.*libcuda\.so.*; run on a machine with a GPU"):
        visible_cards()


def test_in_a_job_of_slurm_only_a_granted_card_is_taken(alone) -> None:
    alone.setattr(ctypes, "CDLL", lambda path: Driver())
    alone.setenv("SLURM_JOB_ID", "4711")
    with pytest.raises(GpuError, match=r"SLURM granted job 4711 no GPU; ask for one \(profiles/slurm-gpu\)"):
        visible_cards()
    alone.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert len(visible_cards()) == 2


def test_the_config_says_how_cards_are_shared() -> None:
    assert devices.sharing({"slots": 3, "fallback": "cpu"}) == Sharing(slots=3, fallback=True)
    assert devices.sharing({"slots": 1, "fallback": "fail"}) == devices.ALONE


def test_asking_for_a_card_imports_nothing_heavy() -> None:
    code = textwrap.dedent("""
        import sys, laddersmith.devices
        print({"numpy", "pandas", "numba", "onnxruntime"} & set(sys.modules))
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_ladder_and_its_package_say_which_engine_stood_in() -> None:
    from laddersmith.ladder.build import _engines
    from laddersmith.package.build import _stand_ins

    scores = pd.DataFrame({"engine": ["cuda", "numba", "cuda", "cuda"]})
    assert _engines(scores[scores["engine"] == "cuda"], "cuda") == {}
    told = _engines(scores, "cuda")
    assert told == {"engines": {"cuda": 3, "numba": 1}}
    assert _stand_ins({"engine": "cuda"}) == []
    [sentence] = _stand_ins({"engine": "cuda"} | told)
    assert sentence.startswith("scores: 1 of 4 points were scored by numba in place of cuda, since a GPU failed")


def test_cards_that_fail_in_numbas_simulator() -> None:
    """numba takes its simulator or a GPU for the whole of a process; the other tests of this one need neither."""
    file = Path(__file__).with_name("simulated_gpu_faults.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-x", str(file)]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
