"""A catalogue in shards: so many titles at a time that one Snakemake plans them in a minute and a gigabyte."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..jsonfile import write_text
from ..provenance import STAGES, versions
from ..titles import Title
from .flow import count_jobs

JOBS_PER_SHARD = 20_000
COLUMNS = ("title", "path", "duration_s", "batches", "display", "codecs", "heights")
PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Shard:
    """Consecutive titles of the table: its number, from 1, the titles, and how many jobs they are."""

    number: int
    titles: tuple[Title, ...]
    jobs: int

    @property
    def name(self) -> str:
        return f"shard-{self.number:04}"


def cut(config: Mapping[str, Any], titles: Iterable[Title], *, jobs_per_shard: int = JOBS_PER_SHARD) -> list[Shard]:
    """The titles in the order of their table, each shard as full as it can be without passing `jobs_per_shard`.

    Titles that are added at the end of the table leave the shards before them as they were. A title that alone has more
    jobs is a shard of its own.
    """
    shards: list[Shard] = []
    taken: list[Title] = []
    jobs = 0
    for title in titles:
        more = count_jobs(config, title)
        if taken and jobs + more > jobs_per_shard:
            shards.append(Shard(len(shards) + 1, tuple(taken), jobs))
            taken, jobs = [], 0
        taken.append(title)
        jobs += more
    return [*shards, Shard(len(shards) + 1, tuple(taken), jobs)] if taken else shards


def write_table(path: Path, titles: Iterable[Title]) -> None:
    """A table of these titles, with every column."""
    lines = ["\t".join(COLUMNS)]
    for title in titles:
        cells = (
            title.title,
            title.path,
            "" if title.duration_s is None else f"{title.duration_s:g}",
            str(title.batches),
            title.display or "",
            ",".join(title.codecs or ()),
            ",".join(map(str, title.heights or ())),
        )
        lines.append("\t".join(cells))
    write_text(path, "".join(f"{line}\n" for line in lines))


def mark(shard: Shard, given: Mapping[str, Any], arguments: Sequence[str], folder: Path) -> str:
    """A hash of all that decides what a shard comes to: equal marks, and a shard that is done needs no second look.

    The titles, their sources' sizes and time stamps, the settings, what is handed to Snakemake, the rules, the doors,
    and the versions of the stages, of the packages and of an ffmpeg of the user's own.

    Raises
    ------
    ToolError
        If that ffmpeg cannot be run.
    """
    sources = []
    for title in shard.titles:
        try:
            found = (folder / title.path).stat()
            sources.append([found.st_size, found.st_mtime_ns])
        except OSError:
            sources.append([])
    files = [PROJECT / "Snakefile", PROJECT / "model" / "registry.json"]
    files += [*sorted((PROJECT / "rules").glob("*.smk")), *sorted((PROJECT / "scripts").glob("*.py"))]
    own = given.get("ffmpeg")
    parts = {
        "titles": [vars(title) for title in shard.titles],
        "sources": sources,
        "given": given,
        "arguments": list(arguments),
        "files": [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files],
        "stages": STAGES,
        "versions": versions() | ({"ffmpeg": ffmpeg.version(own)} if own else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
