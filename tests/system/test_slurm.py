"""A title on a real SLURM: every result as on one machine, GPUs asked for where the profile says, no daemon left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clips import ROOT
from laddersmith.bench.slurm_here import Cluster, slurm_here
from laddersmith.errors import ToolError
from slurm import files_of, place_of, run_locally, run_on

pytestmark = pytest.mark.system
GPU_RULES = ("rule_score/", "rule_detect_shots/")


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="laddersmith-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(short: Path) -> Iterator[Cluster]:
    """Two nodes of eight cores, the second with two GPUs that are counted only. It fails where it cannot start."""
    with slurm_here(short / "slurm", nodes=2, cpus=8, gpus=2) as running:
        yield running


@pytest.fixture(scope="module")
def tiny(make_clip) -> Path:
    """160x68, 40 frames, a cut in the middle."""
    return make_clip(
        "two-shots.mp4",
        "testsrc2=size=160x68:rate=25,trim=end_frame=22,format=yuv420p[a];"
        "testsrc2=size=160x68:rate=25,negate,scroll=h=0.05:v=0.03,trim=end_frame=18,format=yuv420p[b];[a][b]concat",
        frames=40,
    )


def test_a_title_on_slurm_has_the_results_of_one_machine(cluster, short, tiny):
    """By the profile with GPUs, which is the one without and two rules elsewhere (tests/unit/test_needs.py)."""
    there, here = (place_of(short / name, tiny) for name in ("there", "here"))
    with ThreadPoolExecutor() as beside:
        local = beside.submit(run_locally, here)
        said = run_on(cluster, there, "slurm-gpu")
        local.result()
    ours, theirs = files_of(there), files_of(here)
    assert set(ours) == set(theirs) and len(ours) > 40
    for name, found in ours.items():
        same = found == theirs[name] if isinstance(found, bytes) else found.equals(theirs[name])
        assert same, name
    jobs = cluster.jobs()
    assert len(jobs) == said.count("has been submitted with SLURM jobid") >= 13
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    asked = {job["StdOut"].split("/slurm_logs/")[1]: job for job in jobs}
    for name, job in asked.items():
        on_gpu = name.startswith(GPU_RULES)
        assert job.get("TresPerJob") == ("gres:gpu:1" if on_gpu else None), name
        assert (job["Partition"], job["NodeList"]) == ("gpu", "n2") if on_gpu else job["Partition"] == "cpu", name
        assert job["TimeLimit"] != "UNLIMITED" and int(job["TRES"].split("mem=")[1].split("M")[0]) > 0
    assert sum(name.startswith(GPU_RULES) for name in asked) == 3
    # Planning and choosing never leave the head node.
    assert not [name for name in asked if name.startswith(("rule_plan", "rule_choose", "rule_ladder", "rule_gate"))]


def test_a_job_that_fails_on_slurm_is_told_and_sent_again_with_more(cluster, short, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    place = place_of(short / "broken", broken)
    with pytest.raises(AssertionError, match=r"tiny, probe: .*cannot be opened as a video"):
        run_on(cluster, place, "slurm", "--retries", "1", "results/tiny/source.json")
    mine = [job for job in cluster.jobs() if "/broken/" in job["StdOut"]]
    assert [job["JobState"] for job in mine] == ["FAILED"] * 2
    memory = [job["TRES"].split("mem=")[1].split(",")[0] for job in mine]
    limits = [job["TimeLimit"] for job in mine]
    assert memory == ["6500M", "13000M"] and limits[0] < limits[1]


def daemons(folder: Path) -> list[str]:
    """The processes that were started for the SLURM of a folder."""
    mark, found = f"SLURM_CONF={folder / 'slurm.conf'}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "comm").read_text().strip())
        except OSError:  # ended meanwhile
            continue
    return sorted(found)


def test_nothing_is_left_when_the_block_ends_in_an_error(short):
    folder = short / "error"
    with pytest.raises(ZeroDivisionError), slurm_here(folder, nodes=1) as running:
        running.ask("sbatch", "--output=/dev/null", "--wrap=sleep 600")
        for _ in range(100):
            if "sleep" in daemons(folder):
                break
            time.sleep(0.1)
        assert {"munged", "slurmctld", "slurmd", "sleep"} <= set(daemons(folder))
        1 / 0  # noqa: B018
    assert daemons(folder) == []


def test_nothing_is_left_when_its_owner_is_killed(short):
    folder = short / "killed"
    program = (
        "import time; from pathlib import Path; from laddersmith.bench.slurm_here import slurm_here\n"
        f"with slurm_here(Path({str(folder)!r}), nodes=1):\n"
        "    print('up', flush=True); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == b"up\n"
        assert "slurmctld" in daemons(folder)
        os.kill(owner.pid, signal.SIGKILL)
    for _ in range(100):
        if not daemons(folder):
            break
        time.sleep(0.1)
    assert daemons(folder) == []


def test_a_slurm_that_cannot_start_says_why(short, monkeypatch):
    with (
        pytest.raises(ToolError, match=r"too long a path for a socket; give a folder of at most 80 characters"),
        slurm_here(short / ("x" * 80)),
    ):
        pass
    monkeypatch.setattr("laddersmith.bench.slurm_here.READY_S", 1.0)
    monkeypatch.setattr("laddersmith.bench.slurm_here.CONF", "Nonsense=1\n")
    with (
        pytest.raises(ToolError, match=r"SLURM was not ready in 1 s; its daemons said\n(.|\n)*slurmctld"),
        slurm_here(short / "nonsense"),
    ):
        pass
    assert daemons(short / "nonsense") == []
