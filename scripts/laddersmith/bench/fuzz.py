"""Damaged and lying files by the thousand, through probe, shots, decode and score: what ends in a sentence, what does
not, and what time and memory it takes."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..errors import ToolError
from ..machine import machine
from ..provenance import versions
from ..titles import demo_clip
from .mutants import KINDS, mutant

SCHEMA = "laddersmith/bench_fuzz/1"
SEEDS = 50
ENDS = ("passed", "refused", "unforeseen", "crash", "hang")
WORKER = ("-m", "laddersmith.bench.fuzz_worker")
# What one mutant may take: seconds until a stage gives up, until the process must be gone; memory beyond the start's.
STAGE_S, PROCESS_S, MEMORY_MB = 20.0, 90.0, 1500.0
SCALED = {
    "bikes": "trim=start_frame=18:end_frame=42,setpts=PTS-STARTPTS,scale=160:68,setsar=1",
    "bigbuckbunny": "trim=start_frame=40:end_frame=64,setpts=PTS-STARTPTS,scale=160:90,setsar=1",
}
# Of each: a demo clip, and how it is packed.
CLIPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "bikes.mp4": ("bikes", ("-c:v", "libx264", "-crf", "23", "-g", "12", "-movflags", "+faststart")),
    "bigbuckbunny.mp4": ("bigbuckbunny", ("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1")),
    "bigbuckbunny.mkv": ("bigbuckbunny", ("-c:v", "libx264", "-crf", "23", "-g", "12")),
    "bikes.webm": ("bikes", ("-c:v", "libvpx-vp9", "-crf", "40", "-b:v", "0", "-cpu-used", "8")),
    "bikes.ts": ("bikes", ("-c:v", "mpeg2video", "-q:v", "6", "-g", "12")),
}
TONE = "sine=sample_rate=48000:duration=0.96"
SOUND = {".mp4": "aac", ".mkv": "flac", ".webm": "libopus", ".ts": "mp2"}


@dataclass(frozen=True)
class Case:
    """One mutant: of which clip, spoilt how, by which seed."""

    clip: str
    kind: str
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes
    ----------
    stage : the last stage that it reached ("probe", "shots", "decode", "score"; "encode": scored as an encode).
    end : "passed", "refused" (a sentence of ours), "unforeseen" (any other error), "crash", "hang".
    told : the sentence, or what is known of the crash. peak_mb : the most memory that the process has held until then.
    """

    stage: str
    end: str
    told: str
    seconds: float
    peak_mb: float


def bench_fuzz(*, cores: int, kernels: Path, seeds: Sequence[int] = range(SEEDS)) -> dict[str, Any]:
    """The facts of `results/bench/fuzz.json`.

    Parameters
    ----------
    cores : processes that work side by side. kernels : folder of compiled kernels. seeds : per clip and kind.
    """
    with tempfile.TemporaryDirectory(prefix="laddersmith-fuzz-") as folder:
        clips = make_clips(Path(folder))
        cases = [Case(*one) for one in product(clips, KINDS, seeds)]
        found = dict(examined(clips, cases, workers=cores, kernels=kernels, folder=Path(folder)))
    alike: dict[tuple[str, str], list[Outcome]] = {}
    for case, outs in found.items():
        alike.setdefault((case.clip, case.kind), []).extend(outs)
    rows = [_row(*which, outs) for which, outs in alike.items()]
    outcomes = [out for outs in found.values() for out in outs]
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions(),
        "limits": {"stage_s": STAGE_S, "process_s": PROCESS_S, "memory_mb": MEMORY_MB},
        "rows": rows,
        "summary": {
            "mutants": len(found),
            "examined": len(outcomes),
            **{end: sum(out.end == end for out in outcomes) for end in ENDS},
            "slowest_s": max(out.seconds for out in outcomes),
            "peak_mb": max(out.peak_mb for out in outcomes),
        },
    }


def make_clips(folder: Path) -> dict[str, Path]:
    """Small cuts of the demo clips with sound, in several codecs and containers: name to file."""
    made = {}
    for name, (clip, packed) in CLIPS.items():
        source, fault = demo_clip(clip)
        if fault:
            raise ToolError(fault)
        made[name] = folder / name
        tone, sound = ("-f", "lavfi", "-i", TONE), ("-c:a", SOUND[made[name].suffix])
        mapped = ("-map", "0:v:0", "-map", "1:a", "-vf", SCALED[clip])
        exact = ("-pix_fmt", "yuv420p", "-threads", "1", "-fflags", "+bitexact", "-flags", "+bitexact")
        ffmpeg.run(
            [*("-v", "error", "-i", source, *tone), *mapped, *sound, *packed, *exact, str(made[name])],
            what=f"the clip {name}",
        )
    return made


def examined(
    clips: dict[str, Path], cases: Iterable[Case], *, workers: int, kernels: Path, folder: Path
) -> Iterator[tuple[Case, list[Outcome]]]:
    """Each case with what became of its mutant, as a source and as an encode of its clip; in the order of `cases`."""
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    all_workers = [Worker(folder / f"worker-{number}", kernels) for number in range(workers)]
    for worker in all_workers:
        idle.put(worker)

    def examine(case: Case) -> tuple[Case, list[Outcome]]:
        worker = idle.get()
        try:
            return case, worker.examine(clips[case.clip], case)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(examine, cases)
    finally:
        for worker in all_workers:
            worker.close()


class Worker:
    """A process that takes one mutant after another, and is started anew when one was the end of it."""

    def __init__(self, folder: Path, kernels: Path) -> None:
        self._folder, self._kernels = folder, kernels
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def examine(self, clip: Path, case: Case) -> list[Outcome]:
        """As a source, then as an encode."""
        path = self._folder / f"mutant{clip.suffix}"
        path.write_bytes(mutant(clip.read_bytes(), case.kind, case.seed))
        try:
            return [self._asked({"as": how, "path": str(path), "clip": str(clip)}) for how in ("source", "encode")]
        finally:
            for left in self._folder.glob("mutant*"):
                left.unlink()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, question: dict[str, str]) -> Outcome:
        process = self._ready()
        assert process.stdin is not None and process.stdout is not None
        began = time.monotonic()
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        watchdog = threading.Timer(PROCESS_S, give_up)
        watchdog.start()
        try:
            answer = process.stdout.readline()
        finally:
            watchdog.cancel()
        seconds = round(time.monotonic() - began, 2)
        if answer:
            return Outcome(**json.loads(answer), seconds=seconds)
        status = process.wait()
        self._process = None
        said = (self._folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
        last = said[-1] if said else ""
        if late.is_set():
            return Outcome(question["as"], "hang", f"killed after {PROCESS_S:g} s", seconds, 0.0)
        # Exit status 1 with a sentence is the watchdog of source.limits: stuck in native code, given up in time.
        end = "refused" if status == 1 and "given up" in last else "crash"
        return Outcome(question["as"], end, f"exit status {status}: {last}", seconds, 0.0)

    def _ready(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            scripts = str(Path(__file__).resolve().parents[2])
            with (self._folder / "stderr.txt").open("w") as stderr:
                self._process = subprocess.Popen(
                    [sys.executable, *WORKER, str(self._kernels)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    env=os.environ | {"PYTHONPATH": scripts},
                )
            assert self._process.stdout is not None
            if self._process.stdout.readline() != "ready\n":
                raise ToolError(f"the fuzz's worker did not start: {(self._folder / 'stderr.txt').read_text()[-2000:]}")
        return self._process


def _row(clip: str, kind: str, outcomes: list[Outcome]) -> dict[str, Any]:
    counts = {end: sum(out.end == end for out in outcomes) for end in ENDS}
    return {
        "clip": clip,
        "kind": kind,
        "tried": len(outcomes),
        **counts,
        "slowest_s": max(out.seconds for out in outcomes),
        "wrong": sorted({out.told for out in outcomes if out.end in ("unforeseen", "crash", "hang")}),
    }
