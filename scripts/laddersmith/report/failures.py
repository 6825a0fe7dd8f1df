"""Which titles failed, at which rule and why: read from the logs that their jobs left.

A job's log begins with its rule's name and ends with the word "done"; between them, in a job that failed, stands the
error's sentence. A log with neither end nor error is that of a job that still runs, or that something killed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

BEGAN = re.compile(r"\A\S+ \S+ INFO rule (\w+) ")
ENDED = re.compile(r"^\S+ \S+ INFO done\s*\Z", re.MULTILINE)
ERROR = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR (.*)$", re.MULTILINE)
RAISED = re.compile(r"^\w[\w.]*(?:: .*)?$", re.MULTILINE)
KILLED = (
    "was ended before it was done and could leave no word (killed, out of memory, past its wall time, its machine "
    "lost); run again, what was finished is kept"
)


@dataclass(frozen=True)
class Failure:
    """A title that failed.

    Attributes
    ----------
    title, rule : whose job it was. sentence : what went wrong and what to do.
    log : the job's log, relative to the working folder. more : further jobs of the title that failed.
    """

    title: str
    rule: str
    sentence: str
    log: str
    more: int = 0

    def to_json(self) -> dict:
        return asdict(self)


def failures(folder: Path, titles: Iterable[str], *, running: bool = False, since: float = 0.0) -> dict[str, Failure]:
    """The failed ones among `titles`, each with its first failure in time; an error is told before a mere kill.

    A failure counts until the title's `gate.json` is newer than its log: then a later run got past it.

    Parameters
    ----------
    folder : the working folder, with `logs` and `results` in it.
    running : whether a run is going on: then a log without an end is that of a job at work, not of one that was killed.
    since : when the run began, in seconds of the epoch: what failed in it is told before what failed earlier.
    """
    found = {}
    for title in titles:
        passed = _written(folder / "results" / title / "gate.json")
        told: list[tuple[bool, bool, int, str, Failure]] = []
        for log in (folder / "logs" / title).rglob("*.log"):
            written = _written(log)
            what = read_log(log) if written > passed else None
            if what is None or (running and what[1] == KILLED):
                continue
            name = str(log.relative_to(folder))
            told.append((written < since * 1e9, what[1] == KILLED, written, name, Failure(title, *what, name)))
        if told:
            first = min(told, key=lambda one: one[:4])[4]
            found[title] = Failure(title, first.rule, first.sentence, first.log, len(told) - 1)
    return found


def read_log(log: Path) -> tuple[str, str] | None:
    """A job's rule and the sentence on its failure; None when it ended well.

    A log without its first line (the disk was full, say) names its rule by its own name, as far as that does.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    if ENDED.search(text):
        return None
    began = BEGAN.match(text)
    return began[1] if began else log.stem, next(_sentences(text), KILLED)


def _sentences(text: str) -> Iterator[str]:
    for error in ERROR.finditer(text):
        if not error[1].startswith("Traceback "):
            yield error[1]
            continue
        raised = RAISED.findall(text, error.end())
        yield f"an error that nobody foresaw ({raised[-1] if raised else 'unknown'}); please report it with the log"


def _written(path: Path) -> int:
    """Nanoseconds of its last change; -1 where it is not."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return -1
