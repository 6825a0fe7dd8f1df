"""Running a catalogue: one Snakemake after another, or a few at a time, each over a shard of the titles.

All shards share the working folder, its results and the store; no two have an output in common. Snakemake's own lock
is left out (`--nolock`): the first of several Snakemakes that ends deletes the locks of all. In its place a catalogue
holds a lock of its own, which its Snakemakes inherit, and beside which no other run begins (`alone`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ..alone import MARK, check_no_run, hold
from ..errors import FileError
from ..jsonfile import read_json, write_json, write_text
from .settings import Settings
from .shards import PROJECT, Shard, mark, write_table

SCHEMA = "laddersmith/catalogue/1"
FOLDER = "results/catalogue"
STATE = f"{FOLDER}/catalogue.json"
LOOK_S = 0.1
# What a target makes of every title last.
TARGETS = {"titles": "gate.json", "ladders": "ladder.json"}


@dataclass
class Record:
    """What became of a shard.

    Attributes
    ----------
    state : waiting, running, done, failed (Snakemake ended with an error) or stopped (by hand, or a signal).
    begun, ended : times, as ISO 8601 in UTC. wall_s : seconds between them.
    mark : of `shards.mark`, at which it was done.
    """

    name: str
    titles: int
    jobs: int
    log: str
    mark: str
    state: str = "waiting"
    begun: str | None = None
    ended: str | None = None
    wall_s: float | None = None


@dataclass(frozen=True)
class Order:
    """How Snakemake is to be run: target, configs laid over the folder's own, profile and further arguments."""

    target: str = "titles"
    files: Sequence[Path] = ()
    arguments: Sequence[str] = ()
    snakefile: Path = PROJECT / "Snakefile"


@dataclass
class _Run:
    """One run of a catalogue: the records, and the Snakemakes at work."""

    settings: Settings
    order: Order
    say: Callable[[str], None]
    records: list[Record]
    jobs_per_shard: int
    lock: IO[str]
    at_work: dict[int, tuple[subprocess.Popen[bytes], float]] = field(default_factory=dict)
    stopping: bool = False

    def write(self) -> None:
        known = {"schema": SCHEMA, "target": self.order.target, "jobs_per_shard": self.jobs_per_shard}
        write_json(self.settings.folder / STATE, known | {"shards": [asdict(record) for record in self.records]})

    def begin(self, place: int, shard: Shard) -> None:
        record, folder = self.records[place], self.settings.folder
        table, extra = f"{FOLDER}/{shard.name}.tsv", f"{FOLDER}/{shard.name}.yaml"
        write_table(folder / table, shard.titles)
        # JSON is YAML; the folder's own config, and those of the command line, lie under it.
        write_text(folder / extra, f'{{"titles": "{table}", "source": ""}}\n')
        files = [str(file.resolve()) for file in self.order.files] + [extra]
        command = [sys.executable, "-m", "snakemake", self.order.target, "--snakefile", str(self.order.snakefile)]
        command += ["--nolock", "--configfile", *files, *self.order.arguments]
        environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
        (folder / record.log).parent.mkdir(parents=True, exist_ok=True)
        with (folder / record.log).open("wb") as told:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
                env=environment | {MARK: "1"},
                pass_fds=(self.lock.fileno(),),
            )
        self.at_work[place] = process, time.monotonic()
        record.state, record.begun, record.ended, record.wall_s = "running", _now(), None, None
        self.write()
        self.say(f"{shard.name}: {len(shard.titles)} titles, {shard.jobs} jobs, log {record.log}")

    def ended(self) -> bool:
        """Take down what ended, and say whether anything did."""
        gone = [place for place, (process, _) in self.at_work.items() if process.poll() is not None]
        for place in gone:
            process, begun = self.at_work.pop(place)
            record = self.records[place]
            good = process.returncode == 0
            record.state = "done" if good else "stopped" if self.stopping or process.returncode < 0 else "failed"
            record.ended, record.wall_s = _now(), round(time.monotonic() - begun, 1)
            self.write()
            self.say(f"{record.name}: {record.state} after {record.wall_s:.0f} s")
        return bool(gone)

    def stop(self, *_: Any) -> None:
        """On SIGTERM: every Snakemake lets its jobs finish; at the second, all are interrupted."""
        sent = signal.SIGINT if self.stopping else signal.SIGTERM
        self.stopping = True
        for process, _begun in self.at_work.values():
            process.send_signal(sent)


def run_catalogue(
    settings: Settings,
    shards: Sequence[Shard],
    order: Order,
    *,
    jobs_per_shard: int,
    at_once: int = 1,
    again: bool = False,
    say: Callable[[str], None] = print,
) -> list[Record]:
    """Run every shard that is not done, `at_once` at a time; a shard that fails stops no other.

    A shard counts as done when it ended well, what decides it is as it was, and what it made is there; `again` has
    Snakemake look at it all the same. The state is kept in `results/catalogue/catalogue.json`
    (config/schemas/catalogue.json), so that a run that was killed goes on where it stood.

    Returns
    -------
    What became of each shard, in their order.

    Raises
    ------
    RunError
        If a catalogue, a Snakemake or a job is at work in this folder.
    """
    folder = settings.folder
    with hold(folder) as lock:
        check_no_run(folder)
        before = {} if again else _before(folder / STATE)
        given = order.arguments, order.target
        records = [
            Record(
                shard.name,
                len(shard.titles),
                shard.jobs,
                f"logs/catalogue/{shard.name}.log",
                mark(shard, settings.given, [*given[0], given[1]], folder),
            )
            for shard in shards
        ]
        run = _Run(settings, order, say, records, jobs_per_shard, lock)
        waiting = []
        for place, (shard, record) in enumerate(zip(shards, records, strict=True)):
            earlier = before.get(shard.name)
            if earlier and earlier["mark"] == record.mark and _stands(folder, shard, order.target):
                records[place] = Record(**earlier)
            else:
                waiting.append(place)
        run.write()
        if len(waiting) < len(shards):
            say(f"{len(shards) - len(waiting)} of {len(shards)} shards were done before")
        with _signals(run):
            while run.at_work or (waiting and not run.stopping):
                while waiting and len(run.at_work) < at_once and not run.stopping:
                    place = waiting.pop(0)
                    run.begin(place, shards[place])
                if not run.ended():
                    _nap(run)
        return records


def _nap(run: _Run) -> None:
    try:
        time.sleep(LOOK_S)
    except KeyboardInterrupt:
        # The terminal has told the Snakemakes as well: they are waited for.
        run.stopping = True


@contextmanager
def _signals(run: _Run) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, run.stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _before(path: Path) -> Mapping[str, dict[str, Any]]:
    """The shards that were done, by name, as they were recorded."""
    try:
        found = read_json(path)
        return {record["name"]: record for record in found["shards"] if record["state"] == "done"}
    except (FileNotFoundError, FileError):
        return {}


def _stands(folder: Path, shard: Shard, target: str) -> bool:
    """Whether every title of a shard has what the target makes of it last."""
    return all((folder / "results" / title.title / TARGETS[target]).exists() for title in shard.titles)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
