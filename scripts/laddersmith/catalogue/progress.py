"""How far one title is: read from its results and its jobs' logs, while they are written or after a kill."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..pulse import lives
from ..report.failures import ENDED, ERROR, KILLED, read_log
from ..search.rates import HEAD, STORED, TOOK
from ..tables import FIXED_MARK
from .flow import Job

STAMP = "%Y-%m-%d %H:%M:%S"
# Where the CPU did the work in place of a GPU that could not be had or failed.
STOOD_IN = re.compile(r"WARNING .*(?:in place of the GPU|scores in its place)")
BEGUN = re.compile(r"\A(\S+ \S+),\d+ INFO rule ")


@dataclass(frozen=True)
class Took:
    """A job that is done: its rule, when it began (seconds since 1970), wall and CPU seconds, and those that it held a
    GPU; of the encodes that it was asked for, how many it made and how many it found in the store."""

    rule: str
    begun: float
    wall_s: float
    cpu_s: float
    gpu_s: float
    made: int
    found: int


@dataclass
class Progress:
    """One title.

    Attributes
    ----------
    state : done (through its gate), failed, running (a job of it is at work), begun (no job of it is), or waiting.
    jobs, jobs_done : how many there are, and of them done. running : names of those at work.
    ended : names of jobs that ended without a word: killed, or their machine lost.
    stage, round : the rule that is at work, or is next; its round, where it has one.
    rule, cause : of a failed title the rule, and the sentence on what went wrong.
    points : encodes that there are, whether made or found in the store.
    planned : encodes that the plans ask for; all_planned : whether every plan is there.
    distinct : encodes of shots, each once, without the fixed ladder's. bytes : of all encodes, each once.
    took : what the jobs took that are done, and of which a log tells.
    done_by_rule, count_by_rule : jobs that are done, and all.
    """

    title: str
    state: str = "waiting"
    jobs: int = 0
    jobs_done: int = 0
    running: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    stage: str | None = None
    round: int | None = None
    rule: str | None = None
    cause: str | None = None
    log: str | None = None
    points: int = 0
    planned: int = 0
    all_planned: bool = False
    distinct: int = 0
    bytes: int = 0
    took: list[Took] = field(default_factory=list)
    done_by_rule: dict[str, int] = field(default_factory=dict)
    count_by_rule: dict[str, int] = field(default_factory=dict)


def progress(folder: Path, title: str, jobs: Sequence[Job], on_gpu: Collection[str] = ()) -> Progress:
    """How far a title is.

    What stands there counts, whether or not Snakemake would make it anew for a change of settings. Files that are being
    written, or were cut short, are passed over.

    Parameters
    ----------
    folder : the working folder, with `results` and `logs` in it. jobs : the title's (`flow.title_jobs`).
    on_gpu : rules whose jobs hold a GPU.
    """
    results, logs = folder / "results", folder / "logs"
    found = Progress(title, jobs=len(jobs))
    for job in jobs:
        found.count_by_rule[job.rule] = found.count_by_rule.get(job.rule, 0) + 1
    if not (results / title).is_dir() and not (logs / title).is_dir():
        found.stage = jobs[0].rule
        return found
    done, active, failed, next_up = [], [], [], None
    texts = {job.log: _text(logs / job.log) for job in jobs}
    for job in jobs:
        text = texts[job.log]
        at_work = text is not None and _is_open(text) and lives(logs / job.log, text)
        if at_work:
            active.append(job)
        elif (results / job.output).exists() and not _is_open(text or ""):
            done.append(job)
            if text is not None and (took := _took(job.rule, text, on_gpu)) is not None:
                found.took.append(took)
        else:
            what = None if text is None else read_log(logs / job.log)
            if what is not None and what[1] == KILLED:
                found.ended.append(job.name)
            elif what is not None:
                failed.append((job, what[1]))
            next_up = next_up or job
    found.jobs_done = len(done)
    for job in done:
        found.done_by_rule[job.rule] = found.done_by_rule.get(job.rule, 0) + 1
    found.running = [job.name for job in active]
    _state(found, active, failed, next_up)
    _encodes(found, results, jobs)
    return found


def _state(found: Progress, active: Sequence[Job], failed: Sequence[tuple[Job, str]], next_up: Job | None) -> None:
    stage = failed[0][0] if failed else active[0] if active else next_up
    found.stage, found.round = (None, None) if stage is None else (stage.rule, stage.round)
    if failed:
        job, found.cause = failed[0]
        found.rule, found.log = job.rule, f"logs/{job.log}"
    if active:
        found.state = "running"
    elif failed:
        found.state = "failed"
    elif found.jobs_done == found.jobs:
        found.state = "done"
    else:
        found.state = "begun" if found.jobs_done or found.ended else "waiting"


def _text(log: Path) -> str | None:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _is_open(text: str) -> bool:
    """Whether a log has begun and neither ended nor told of an error."""
    return bool(BEGUN.match(text)) and not ENDED.search(text) and not ERROR.search(text)


def _took(rule: str, text: str, on_gpu: Collection[str]) -> Took | None:
    begun, took, stored, head = BEGUN.match(text), TOOK.search(text), STORED.search(text), HEAD.search(text)
    if not begun or not took or not head:
        return None
    made = found = 0
    if rule == "encode" and stored:
        asked = int(stored[0].split(": ")[1].split(" ")[0])
        found = int(stored[1])
        made = asked - found
    return Took(
        rule,
        datetime.strptime(begun[1], STAMP).timestamp(),
        float(took[1]),
        float(took[2]) + float(took[3]),
        float(took[1]) if rule in on_gpu and not STOOD_IN.search(text) else 0.0,
        made,
        found,
    )


def _encodes(found: Progress, results: Path, jobs: Sequence[Job]) -> None:
    """Encodes as they stand in the tables: of a batch and round that was scored in one, else in its encodes' own."""
    keys: dict[str, int] = {}
    shots: set[str] = set()
    by_place: dict[tuple[int | None, int | None], list[Job]] = {}
    for job in jobs:
        if job.rule == "encode":
            by_place.setdefault((job.batch, job.round), []).append(job)
    for scoring in (job for job in jobs if job.rule == "score"):
        parts = [_columns(results / scoring.output)]
        if parts[0] is None:
            parts = [_columns(results / job.output) for job in by_place[scoring.batch, scoring.round]]
        else:
            parts.append(_columns(results / scoring.output.replace("scores.parquet", "looks.parquet")))
        for part in parts:
            if part is None:
                continue
            found.points += len(part["key"])
            for key, variant, size in zip(part["key"], part["variant"], part["bytes"], strict=True):
                keys[key] = size
                if FIXED_MARK not in variant:
                    shots.add(key)
    found.distinct, found.bytes = len(shots), sum(keys.values())
    plans = [job for job in jobs if job.rule in ("plan", "choose")]
    rows = [_rows(results / (job.output.replace("choice.json", "choice.parquet"))) for job in plans]
    found.planned = sum(count for count in rows if count is not None)
    found.all_planned = None not in rows


def _columns(path: Path) -> Mapping[str, list] | None:
    try:
        return pq.read_table(path, columns=["key", "variant", "bytes"], partitioning=None).to_pydict()
    except (OSError, pa.ArrowException):
        return None


def _rows(path: Path) -> int | None:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None
