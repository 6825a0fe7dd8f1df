"""Runs of the real workflow on tiny clips, each in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from clips import KERNELS, ROOT
from laddersmith import ffmpeg

TINY = {
    "heights": [90, 54],
    "variants": {
        "x264": {"codec": "x264", "preset": "veryfast", "crfs": [22, 30, 38, 46]},
    },
    "ladder": {"rungs": 3, "min_step": 1, "min_quality": 0, "min_kbps": 1},
    "fixed_ladder": {"rungs": {"x264": [{"height": 54, "kbps": 30}, {"height": 90, "kbps": 150}]}},
    "package": {"segment_s": 2},
    "quality": {"kernel_cache": str(KERNELS)},
    "verify": {"exact": True},
}

SVTAV1 = {"codec": "svtav1", "preset": "10", "crfs": [25, 40, 55]}


@dataclass
class Workplace:
    """A working folder with its config, in which Snakemake runs."""

    path: Path
    config: dict
    calls: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.calls = self.path / "ffmpeg-calls.txt"
        self.calls.touch()

    def titles(self, rows: dict[str, Path | str], **columns: dict[str, str]) -> None:
        """Write titles.tsv: title -> path, and further columns as column={title: value}."""
        header = ["title", "path", "duration_s", "batches", *(c for c in columns if c != "batches")]
        lines = ["\t".join(header)]
        for title, path in rows.items():
            values = {"title": title, "path": str(path), "duration_s": "", "batches": "1"}
            values |= {name: by_title.get(title, "") for name, by_title in columns.items()}
            lines.append("\t".join(values[name] for name in header))
        (self.path / "titles.tsv").write_text("\n".join(lines) + "\n")
        self.config["titles"] = "titles.tsv"

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        (self.path / "config.yaml").write_text(yaml.safe_dump(self.config))
        wrapper = self.path / "ffmpeg-counted"
        if not wrapper.exists():
            # A line per encode but those that only try an encoder; all else, the encoder included, is the real thing.
            wrapper.write_text(
                "#!/bin/sh\n"
                f'case "$*" in *tried.mp4) ;; *pipe:0*-c:v*) echo "$*" >> "{self.calls}";; esac\n'
                f'exec "{ffmpeg.executable()}" "$@"\n'
            )
            wrapper.chmod(0o755)
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(self.path)]
        command += ["--configfile", str(self.path / "config.yaml"), "--cores", "2", "--rerun-incomplete", *arguments]
        return command, os.environ | {"IMAGEIO_FFMPEG_EXE": str(wrapper)}

    def run(self, *arguments: str, expect: int | None = 0) -> str:
        """Run Snakemake and return what it said; `expect` is its exit status."""
        command, environment = self.command(*arguments)
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.path
        )
        assert expect is None or done.returncode == expect, done.stdout[-6000:]
        return done.stdout

    def run_and_kill(self, when) -> None:
        """Start Snakemake in a session of its own and SIGKILL all of it once `when()` holds."""
        command, environment = self.command()
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.path,
        )
        try:
            deadline = time.monotonic() + 120
            while not when():
                assert process.poll() is None, "the run ended before it could be killed"
                assert time.monotonic() < deadline, "the moment to kill never came"
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def encodes(self) -> list[str]:
        """The encodes that were started since the last `forget_encodes`, each as its arguments."""
        return self.calls.read_text().splitlines()

    def points(self) -> set[str]:
        """Keys of the finished points in the store."""
        return {row.parent.name for row in (self.path / "store/points").glob("??/*/row.json")}

    def forget_encodes(self) -> None:
        self.calls.write_text("")

    def json(self, name: str) -> dict:
        return json.loads((self.path / "results" / name).read_text())


def whole_run(folder: Path, source: Path) -> Workplace:
    """One title in two batches, two codecs, two heights, brought to its gate."""
    place = workplace_like(folder)
    place.config["variants"]["svtav1"] = SVTAV1
    place.titles({"tiny": source}, batches={"tiny": "2"})
    place.run()
    return place


def workplace_like(folder: Path, finished: Workplace | None = None) -> Workplace:
    """A fresh workplace, with a copy of the store of a finished one."""
    place = Workplace(folder, json.loads(json.dumps(TINY)))
    if finished:
        shutil.copytree(finished.path / "store", place.path / "store")
    return place
