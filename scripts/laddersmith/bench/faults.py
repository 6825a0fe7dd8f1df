"""What faults do to a run: a process of it is killed at a random moment, it is started again, and its end is held, byte
by byte, against that of a run that nobody disturbed."""

import hashlib
import json
import logging
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from .. import ffmpeg
from ..errors import ToolError
from ..jsonfile import read_json, write_json
from ..machine import machine
from ..provenance import STAGES, versions
from ..titles import demo_clip
from .workflow import SNAKEFILE

log = logging.getLogger(__name__)

SCHEMA = "laddersmith/bench_faults/1"
SEEDS = 50
RESTARTS = 3
RUN_S = 900.0
KINDS = ("snakemake and its jobs", "snakemake alone", "an encoder", "a scoring job")
RULES = (
    *("probe", "detect_shots", "plan", "encode", "score", "hull", "choose", "ladder", "assemble", "verify", "package"),
    *("export", "report", "gate", "summary"),
)
# What a clock measured; two runs agree in all else.
TIMED = ("encode_wall_s", "encode_cpu_s")
# Frames 18 to 57 of the demo clip `bikes`, which cuts at 30: two shots.
CLIP = "trim=start_frame=18:end_frame=58,setpts=PTS-STARTPTS,scale=160:68,setsar=1"
CONFIG: dict[str, Any] = {
    "heights": [90, 54],
    "variants": {
        "x264": {"codec": "x264", "preset": "veryfast", "crfs": [24, 32, 40]},
        "svtav1": {"codec": "svtav1", "preset": "10", "crfs": [30, 50]},
    },
    "ladder": {"rungs": 2, "min_step": 1, "min_quality": 0, "min_kbps": 1},
    "fixed_ladder": {"rungs": {"x264": [{"height": 90, "kbps": 150}]}},
    "package": {"segment_s": 2},
    "titles": "titles.tsv",
}
PARTIAL = re.compile(r"(?P<folder>.*)/\.(?P<stem>[^/]+)\.\d+\.\d+\.partial\.mp4")


class Place:
    """A working folder in which the workflow runs; an encoder's start leaves its process id and its last argument."""

    def __init__(
        self, path: Path, clip: Path, config: dict[str, Any], cores: int, targets: tuple[str, ...] = ()
    ) -> None:
        self.path, self.cores, self.targets = path, cores, targets
        path.mkdir(parents=True)
        (path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        (path / "titles.tsv").write_text(f"title\tpath\nbikes\t{clip}\n", encoding="utf-8")
        self.calls = path / "encoders.txt"
        self.calls.touch()
        self._ffmpeg = path / "ffmpeg"
        self._ffmpeg.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *pipe:0*.partial.mp4) for last; do :; done; echo "$$ $last" >>"{self.calls}";; esac\n'
            f'exec "{ffmpeg.executable()}" "$@"\n'
        )
        self._ffmpeg.chmod(0o755)

    def start(self, *more: str, before: Callable[[], None] | None = None) -> subprocess.Popen:
        """Snakemake in a session of its own, what it says in a file; `before` is done first, in its process."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(self.path)]
        command += ["--configfile", str(self.path / "config.yaml"), "--cores", str(self.cores), "--scheduler", "greedy"]
        command += ["--keep-going", "--rerun-incomplete", "--show-failed-logs", *more, *self.targets]
        environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
        with (self.path / "said.txt").open("ab") as said:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment | {"IMAGEIO_FFMPEG_EXE": str(self._ffmpeg)},
                cwd=self.path,
                start_new_session=True,
                preexec_fn=before,
            )

    def finish(self) -> tuple[bool, int]:
        """Start again, as often as `RESTARTS`, until a run ends well: whether one did, and how many were started."""
        for count in range(1, RESTARTS + 1):
            try:
                if any((self.path / ".snakemake" / "locks").glob("*")):
                    ended(self.start("--unlock"))
                if ended(self.start()) == 0:
                    return True, count
            except ToolError:
                log.exception("a restart hung")
        return False, RESTARTS

    def encoders(self) -> list[tuple[int, str]]:
        """Process id and target of every encode that was started."""
        lines = self.calls.read_text(encoding="utf-8").splitlines()
        return [(int(pid), target) for pid, target in (line.split(" ", 1) for line in lines)]

    def points(self) -> dict[str, bytes]:
        """The finished points of the store: key to row, which has the times of its encode."""
        rows = (self.path / "store" / "points").glob("??/*/row.json")
        return {row.parent.name: row.read_bytes() for row in rows}

    def keys(self) -> dict[str, str]:
        """Folder and stem of an encode's file to its key, as the finished tables of encodes say."""
        found = {}
        for table in (self.path / "results").glob("*/b*/r*/*/*p.parquet"):
            for row in pq.read_table(table, partitioning=None, columns=["file", "key"]).to_pylist():
                found[f"{table.with_suffix('').relative_to(self.path)}/{Path(row['file']).stem}"] = row["key"]
        return found

    def placed(self, target: str) -> str:
        """Folder and stem of the file that an encoder's partial file was to become."""
        found = PARTIAL.fullmatch(target.removeprefix(f"{self.path}/"))
        return f"{found['folder']}/{found['stem']}" if found else target

    def results(self) -> dict[str, str]:
        """Every file under results/ by name, with a hash of its bytes; of a table, of its cells but the timed ones."""
        folder = self.path / "results"
        files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
        return {str(file.relative_to(folder)): _fingerprint(file) for file in files}

    def processes(self, ending: str) -> list[int]:
        """The processes that work in this folder and run a script with this ending."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                if any(word.endswith(ending.encode()) for word in words) and (process / "cwd").readlink() == self.path:
                    found.append(int(process.name))
            except OSError:
                continue
        return found


def bench_faults(*, cores: int, progress: Path, seeds: Iterable[int] = range(SEEDS)) -> dict[str, Any]:
    """The facts of `results/bench/faults.json`.

    Parameters
    ----------
    cores : that each run has. seeds : one fault each; a seed decides its kind and its moment.
    progress : a folder in which each finished seed leaves its row, so that a bench that was ended goes on where it was.

    Raises
    ------
    ToolError
        If the undisturbed run fails, or two of them differ.
    """
    work = (progress / "work").absolute()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    design = _design()
    settings = CONFIG | {"quality": {"kernel_cache": str(progress.absolute() / "kernels")}}
    clip = make_clip(work / "clip.mp4")
    undisturbed = [Place(work / name, clip, settings, cores) for name in ("warm", "measured")]
    for place in undisturbed:
        began = time.monotonic()
        if ended(place.start()):
            raise ToolError(f"the undisturbed run failed:\n{(place.path / 'said.txt').read_text()[-3000:]}")
        whole_s = time.monotonic() - began
    expected, encodes = undisturbed[0].results(), len(undisturbed[0].encoders())
    if other := differing(expected, undisturbed[1].results()):
        raise ToolError(f"two undisturbed runs differ in {', '.join(other[:5])}; nothing can be held against them")
    rows = []
    for seed in seeds:
        file = progress / f"seed-{seed:03}.json"
        done = read_json(file) if file.is_file() else {}
        if done.get("design") != design:
            place = Place(work / f"seed-{seed:03}", clip, settings, cores)
            row = one_fault(seed, place, expected, whole_s, encodes)
            done = {"design": design, "row": row}
            write_json(file, done)
            if row["survived"] and not row["differing"]:
                shutil.rmtree(place.path)
        log.info("seed %d: %s", seed, done["row"])
        rows.append(done["row"])
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"snakemake": metadata.version("snakemake"), "python": platform.python_version()},
        "undisturbed": {
            "wall_s": round(whole_s, 1),
            "encodes": encodes,
            "points": len(undisturbed[0].points()),
            "files": len(expected),
        },
        "rows": rows,
        "summary": summary(rows),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The headline figures of the rows."""
    return {
        "tried": len(rows),
        "survived": sum(row["survived"] for row in rows),
        "points_finished": sum(row["points_finished"] for row in rows),
        "points_lost": sum(row["points_lost"] for row in rows),
        "wrong_results": sum(bool(row["differing"]) for row in rows),
    }


def one_fault(seed: int, place: Place, expected: dict[str, str], whole_s: float, encodes: int) -> dict[str, Any]:
    """Run, disturb, run again until it ends well, and compare: a row of the facts."""
    kind = KINDS[seed % len(KINDS)]
    met = {
        "snakemake and its jobs": lambda chance: _at_a_moment(place, chance, whole_s, os.killpg),
        "snakemake alone": lambda chance: _at_a_moment(place, chance, whole_s, os.kill),
        "an encoder": lambda chance: _an_encoder(place, chance, encodes),
        "a scoring job": lambda chance: _a_scoring_job(place, chance),
    }[kind]
    head, moment_s, what = met(random.Random(seed))
    before, started = place.points(), len(place.encoders())
    began = time.monotonic()
    survived, restarts = place.finish()
    again_s = time.monotonic() - began
    _wait_for_group(head.pid)
    after, keys = place.points(), place.keys()
    again = [place.placed(target) for _, target in place.encoders()[started:]]
    if survived and (strange := set(again) - set(keys)):
        raise ToolError(f"encodes that no table names: {', '.join(sorted(strange))}")
    repeated = {keys.get(name, "") for name in again}
    lost = {key for key, row in before.items() if after.get(key) != row} | (repeated & set(before))
    return {
        "seed": seed,
        "kind": kind,
        "moment_s": round(moment_s, 2),
        "met": what,
        "points_finished": len(before),
        "points_lost": len(lost),
        "restarts": restarts,
        "restarted_s": round(again_s, 1),
        "survived": survived,
        "differing": differing(expected, place.results()),
    }


Struck = tuple[subprocess.Popen, float, str]


def _at_a_moment(place: Place, chance: random.Random, whole_s: float, kill: Callable[[int, int], None]) -> Struck:
    """Kill by the head's process id at a moment of the run; the earlier, the more often a run was over before it."""
    latest = whole_s
    while True:
        wait_s = chance.uniform(0.05, 1.0) * latest
        head = place.start()
        began = time.monotonic()
        while head.poll() is None and time.monotonic() - began < wait_s:
            time.sleep(0.01)
        if head.poll() is None:
            moment_s = time.monotonic() - began
            at = ", ".join(sorted(_scripts(place))) or "no job"
            kill(head.pid, signal.SIGKILL)
            head.wait()
            return head, moment_s, f"at work: {at}"
        _anew(place)
        latest *= 0.8


def _an_encoder(place: Place, chance: random.Random, encodes: int) -> Struck:
    """Kill the n-th encoder a moment after its start, or the next that still runs by then."""
    while True:
        nth, delay_s = chance.randrange(encodes), chance.uniform(0, 0.04)
        head = place.start()
        began = time.monotonic()
        while head.poll() is None:
            for pid, target in place.encoders()[nth:]:
                nth += 1
                time.sleep(delay_s)
                if kill_if(pid, target):
                    moment_s = time.monotonic() - began
                    ended(head)
                    return head, moment_s, Path(target).name.split(".")[1]
            time.sleep(0.002)
        _anew(place)


def _a_scoring_job(place: Place, chance: random.Random) -> Struck:
    """Kill the first or the second scoring job some time after its start."""
    while True:
        nth, delay_s = chance.randrange(2), chance.uniform(0, 2.5)
        head = place.start()
        began, seen = time.monotonic(), set()
        while head.poll() is None:
            for pid in place.processes(".score.py"):
                if pid in seen:
                    continue
                seen.add(pid)
                if len(seen) - 1 < nth:
                    continue
                time.sleep(delay_s)
                if kill_if(pid, ".score.py"):
                    moment_s = time.monotonic() - began
                    ended(head)
                    return head, moment_s, f"scoring job {len(seen)}, {delay_s:.1f} s after its start"
            time.sleep(0.02)
        _anew(place)


def kill_if(pid: int, word: str) -> bool:
    """Kill a process if it is still the one that was meant."""
    try:
        if word.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True


def _anew(place: Place) -> None:
    """Forget a run that was over before its fault."""
    for name in ("results", "store", "logs", "benchmarks", ".snakemake"):
        shutil.rmtree(place.path / name, ignore_errors=True)
    place.calls.write_text("")


def _scripts(place: Place) -> Iterator[str]:
    """The rules whose jobs are at work."""
    return (rule for rule in RULES if place.processes(f".{rule}.py"))


def ended(process: subprocess.Popen) -> int:
    """Exit status of a run.

    Raises
    ------
    ToolError
        If it takes longer than `RUN_S`: a run that hangs is none that survived. Its processes are killed.
    """
    try:
        return process.wait(RUN_S)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        raise ToolError(f"a run did not end within {RUN_S:g} s; see said.txt in its folder") from error


def _wait_for_group(group: int) -> None:
    """Until the last job that a killed Snakemake left behind has ended."""
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that differ, or that only one side has."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _fingerprint(file: Path) -> str:
    if file.suffix == ".parquet":
        table = pq.read_table(file, partitioning=None)
        content = json.dumps(
            table.drop_columns([name for name in TIMED if name in table.column_names]).to_pylist()
        ).encode()
    else:
        content = file.read_bytes()
    return hashlib.sha256(content).hexdigest()


def make_clip(path: Path) -> Path:
    """The title of the runs."""
    source, fault = demo_clip("bikes")
    if fault:
        raise ToolError(fault)
    quiet = ["-v", "error", "-i", source, "-vf", CLIP, "-an", "-c:v", "libx264", "-crf", "5", "-pix_fmt", "yuv420p"]
    ffmpeg.run([*quiet, "-fflags", "+bitexact", "-flags:v", "+bitexact", str(path)], what="the bench's clip")
    return path


def _design() -> str:
    """A hash of what a row depends on: rows of another design are not taken over."""
    parts = [Path(__file__).read_text(encoding="utf-8"), versions(), STAGES]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
