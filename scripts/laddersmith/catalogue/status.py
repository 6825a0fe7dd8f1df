"""How far a run is, what it took and what is left of it, over all titles: read from files, at any time."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..alone import at_work
from ..config import codecs_of, heights_of
from ..encode import boxes
from ..encode.codecs import start_values, variant_knob
from ..errors import FileError, SourceError
from ..jsonfile import read_json
from ..provenance import versions
from ..source import load_media
from ..store import GB, Store
from ..titles import Title
from .flow import title_jobs
from .left import ENDS, HOUR, Left, work_left
from .progress import Progress, Took, progress
from .run import STATE
from .settings import Settings

SCHEMA = "laddersmith/status/1"
RECENT_S = 3600.0  # the pace is that of the jobs that were at work within so many seconds before now
STATES = ("done", "running", "failed", "begun", "waiting")
SHARD_STATES = ("done", "running", "failed", "stopped", "waiting")


def status(settings: Settings, *, count_store: bool = True) -> dict[str, Any]:
    """The content of a status (config/schemas/status.json).

    Nothing is written, and no file of Snakemake's own is read.

    Parameters
    ----------
    count_store : whether the store's files are counted, which takes a while where there are millions.
    """
    folder, config = settings.folder, settings.config
    on_gpu = [
        rule
        for rule, device in (("score", config["quality"]["engine"]), ("detect_shots", config["shots"]["device"]))
        if device == "cuda"
    ]
    found = {name: progress(folder, name, title_jobs(config, title), on_gpu) for name, title in settings.titles.items()}
    left, notes = work_left(settings, found)
    took = [one for each in found.values() for one in each.took]
    running = any(each.running for each in found.values()) or at_work(folder) is not None
    cores = pace(took, time.time()) if running else None
    counts = {name: exhaustive(settings, title) for name, title in settings.titles.items()}
    tried = {name: count for name, count in counts.items() if count and found[name].distinct}
    distinct, every = sum(found[name].distinct for name in tried), sum(tried.values())
    rows = [_row(each, (left or {}).get(each.title), counts[each.title]) for each in found.values()]
    # One title of which nothing is known leaves the sum unknown.
    whole = left is not None and all(each.state == "done" or each.title in left for each in found.values())
    total = (
        {end: sum(each.core_s[end] for each in left.values()) for end in ENDS} if left is not None and whole else None
    )
    ended = sum(len(each.ended) for each in found.values())
    if ended:
        notes.append(f"{ended} jobs ended without a word: killed, out of memory, or their machine was lost.")
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "running": running,
        "titles": {"total": len(found)} | {s: sum(each.state == s for each in found.values()) for s in STATES},
        "jobs": {
            "total": sum(each.jobs for each in found.values()),
            "done": sum(each.jobs_done for each in found.values()),
            "running": sum(len(each.running) for each in found.values()),
            "ended_without_a_word": ended,
        },
        "encodes": {
            "done": sum(each.points for each in found.values()),
            "expected": _sum([row["encodes_expected"] for row in rows]),
            "made": sum(one.made for one in took),
            "found_in_store": sum(one.found for one in took),
            "distinct": distinct,
            "exhaustive": every,
            "saved_pct": round(100 * (1 - distinct / every), 2) if every else None,
        },
        "core_hours": {
            "spent": _short(sum(one.cpu_s for one in took) / HOUR),
            "left": None if total is None else {end: _short(total[end] / HOUR) for end in ENDS},
        },
        "gpu_hours": _short(sum(one.gpu_s for one in took) / HOUR),
        "cores_busy": None if cores is None else _short(cores),
        "hours_left": {end: _short(total[end] / cores / HOUR) for end in ENDS} if total and cores else None,
        "gigabytes": {
            "encodes": _short(sum(each.bytes for each in found.values()) / GB),
            "store": _short(Store(folder / config["store"]["path"]).contents().bytes / GB) if count_store else None,
        },
        "shards": _shards(folder),
        "each": rows,
        "notes": notes,
    }


def pace(took: Sequence[Took], now: float) -> float | None:
    """Cores that were kept busy by the jobs that are done, in the time before `now` (seconds since 1970).

    The CPU seconds of jobs that were at work in the last RECENT_S seconds, each by the share of its time that falls
    into them, over the time from the first such moment to the end of the last of these jobs. None where no job ended.
    """
    recent = [one for one in took if one.begun + one.wall_s > now - RECENT_S and one.begun <= now]
    if not recent:
        return None
    since = max(now - RECENT_S, min(one.begun for one in recent))
    until = max(one.begun + one.wall_s for one in recent)
    busy = sum(
        one.cpu_s * (1 if one.wall_s <= 0 else (one.begun + one.wall_s - max(one.begun, since)) / one.wall_s)
        for one in recent
    )
    return busy / (until - since) if busy > 0 and until > since else None


def exhaustive(settings: Settings, title: Title) -> int | None:
    """Encodes of every shot at every CRF in steps of `search.crf_step`, at every height of the title that is searched.

    Of a variant that keeps bitrates, at every step of those. None until the title has its shots.
    """
    config, results = settings.config, settings.folder / "results" / title.title
    try:
        media = load_media(results / "source.json")
        shots = int(pq.read_metadata(results / "shots.parquet").num_rows)
    except (SourceError, OSError, pa.ArrowException):
        return None
    low, high = config["ladder"]["min_height"], config["ladder"]["max_height"]
    heights = boxes(media.width, media.height, [h for h in heights_of(config, title) if low <= h <= high])
    step, codecs = config["search"]["crf_step"], codecs_of(config, title)
    crfs = 0
    for variant in config["variants"].values():
        if variant["codec"] in codecs:
            values = start_values(variant)
            least, most = min(values), max(values)
            crfs += len(variant_knob(variant).between(least, most, step)) + len({least, most})
    return shots * len(heights) * crfs


def _row(each: Progress, left: Left | None, every: int | None) -> dict[str, Any]:
    expected = each.planned if each.all_planned else None if left is None else round(left.encodes)
    return {
        "title": each.title,
        "state": each.state,
        "stage": each.stage,
        "round": each.round,
        "jobs": each.jobs,
        "jobs_done": each.jobs_done,
        "running": each.running,
        "ended_without_a_word": each.ended,
        "failed": None if each.cause is None else {"rule": each.rule, "cause": each.cause, "log": each.log},
        "encodes_done": each.points,
        "encodes_expected": expected,
        "encodes_distinct": each.distinct,
        "encodes_exhaustive": every,
        "core_hours": _short(sum(one.cpu_s for one in each.took) / HOUR),
        "core_hours_left": None if left is None else {end: _short(left.core_s[end] / HOUR) for end in ENDS},
        "gigabytes": _short(each.bytes / GB),
    }


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _shards(folder: Path) -> dict[str, Any] | None:
    """The shards of a catalogue that was begun here."""
    try:
        records: list[Mapping[str, Any]] = read_json(folder / STATE)["shards"]
    except (FileNotFoundError, FileError):
        return None
    return {"total": len(records)} | {s: sum(record["state"] == s for record in records) for s in SHARD_STATES}


def _short(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
