"""The Makefile: names of films reach Snakemake unharmed, and two runs never meet in one folder."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEFILE = """import json
rule all:
    output: "told.json"
    run: open(output[0], "w").write(json.dumps(config.get("source", "")))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile, a workflow that writes down its source, and this environment as a link."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "envs").mkdir()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=plain())


def plain() -> dict[str, str]:
    """The environment without what an outer make hands down."""
    handed = ("MAKE", "MFLAGS", "LADDERSMITH", "ARGS", "CORES", "PROFILE", "SOURCE", "VENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(handed)}


@pytest.mark.parametrize("name", ["1e3", 'it\'s "a: b" [ř] $HOME `id`.mp4'])
def test_a_film_of_any_name_reaches_the_workflow(folder, name):
    (folder / name).touch()
    done = make(folder, "ladder", f"SOURCE={name}")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "told.json").read_text()) == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ladder"], "make ladder: say which film"),
        (["ladder", "SOURCE=none.mp4"], "make ladder: there is no file none.mp4"),
        (["env", "VENV=envs"], "make env: envs is there and is no environment of Python"),
        (["env", "VENV=fresh", "PYTHON=/nowhere/python"], "make env: needs Python 3.11 or later"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(folder, arguments, message):
    done = make(folder, *arguments)
    assert done.returncode != 0 and message in done.stderr


def test_a_second_run_is_refused_while_one_goes_on(folder):
    with (folder / ".make.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = make(folder, "demo")
    assert done.returncode != 0 and "another make is at work in this folder" in done.stderr


def test_the_lock_of_a_killed_run_is_cleared(folder):
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{folder / 'told.json'}\n")
    done = make(folder, "demo")
    assert done.returncode == 0, done.stderr
    assert (folder / "told.json").exists()


def test_the_lock_of_a_live_snakemake_is_not_cleared(folder):
    lock = folder / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("told.json\n")
    (folder / "snakemake.py").write_text("import time; time.sleep(60)")
    with subprocess.Popen([sys.executable, "-m", "snakemake"], cwd=folder) as live:
        try:
            done = make(folder, "demo")
        finally:
            live.kill()
    assert done.returncode != 0 and f"(process {live.pid}) is still at work in this folder" in done.stderr
    assert lock.exists()


def test_every_command_is_in_the_help():
    listed = make(ROOT, "help").stdout
    for command in (
        "demo",
        "ladder",
        "dry-run",
        "estimate",
        "test",
        "test-system",
        "lint",
        "format",
        "env",
        "env-cuda",
        "clean",
    ):
        assert f"  make {command} " in listed
