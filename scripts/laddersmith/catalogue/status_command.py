"""`python -m laddersmith status [FOLDER]`."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import validate
from ..encode.codecs import CODECS
from ..errors import RunError
from ..jsonfile import write_json
from .settings import CONFIG, Settings, read_settings
from .status import SHARD_STATES, STATES, status

MANY = 40  # titles; of more, the terminal gets those at work and those that failed
CAUSES = 20
TITLES = "config/titles.tsv"


def main(argv: list[str]) -> int:
    """Tell how far a run is: titles, encodes, what it took, what is left, what failed and why.

    It may be asked while a run goes on, after a kill, or before anything was begun; nothing is written but the file of
    --json. What stands in the folder counts; whether Snakemake would make it anew for a change of settings is not
    asked.
    """
    parser = argparse.ArgumentParser(prog="python -m laddersmith status", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="default: this one")
    parser.add_argument("--config", action="append", type=Path, default=[], metavar="FILE", help="settings of your own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON; - for the terminal")
    parser.add_argument("--all", action="store_true", help=f"show every title, be there more than {MANY}")
    parser.add_argument("--no-store", action="store_true", help="do not count the store's files")
    given = parser.parse_args(argv)
    found = status(_settings(given.folder, given.config), count_store=not given.no_store)
    if given.json and str(given.json) == "-":
        print(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False))
        return 0
    if given.json:
        write_json(given.json, found)
    print(table(found, every=given.all), end="")
    return 0


def _settings(folder: Path, files: Sequence[Path]) -> Settings:
    """Those of the folder; no titles where it holds nothing of a run."""
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; name the one in which Snakemake runs")
    if not files and not any((folder / name).exists() for name in (CONFIG, TITLES, "results", "logs")):
        return Settings(folder, validate({}, CODECS), {}, {})
    return read_settings(folder, files, check_files=False)


def table(found: Mapping[str, Any], *, every: bool = False) -> str:
    """A status as plain text: titles, then the sums, then what failed."""
    shown = [
        row for row in found["each"] if every or len(found["each"]) <= MANY or row["state"] in ("running", "failed")
    ]
    lines = [["title", "state", "at", "jobs", "encodes", "core h", "left"]]
    lines += [
        [
            row["title"],
            row["state"],
            _at(row),
            f"{row['jobs_done']}/{row['jobs']}",
            f"{row['encodes_done']}/{_or(row['encodes_expected'])}",
            f"{row['core_hours']:.3g}",
            "" if row["core_hours_left"] is None else f"{row['core_hours_left']['expected']:.3g}",
        ]
        for row in shown
    ]
    wide = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, wide, strict=True)).rstrip() for line in lines]
    titles, jobs, encodes = found["titles"], found["jobs"], found["encodes"]
    words = [f"{titles[state]} {state}" for state in STATES if titles[state]]
    text = text if shown else []
    text += [
        *([""] if shown else []),
        f"titles      {titles['total']}{': ' + ', '.join(words) if words else ''}",
        f"jobs        {jobs['done']} of {jobs['total']} done, {jobs['running']} at work",
        f"encodes     {encodes['done']} of {_or(encodes['expected'])}: {encodes['made']} made, "
        f"{encodes['found_in_store']} found in the store",
    ]
    if encodes["saved_pct"] is not None:
        text.append(
            f"searched    {encodes['distinct']} of the {encodes['exhaustive']} that every CRF at every height would "
            f"take: {encodes['saved_pct']:.1f} % saved"
        )
    text.append(f"core hours  {found['core_hours']['spent']:.4g} spent, {_span(found['core_hours']['left'])} left")
    if found["gpu_hours"]:
        text.append(f"GPU hours   {found['gpu_hours']:.4g} spent")
    if found["hours_left"]:
        text.append(f"time left   {_span(found['hours_left'])} hours at the pace of the last hour")
    elif not found["running"]:
        text.append("time left   nothing is at work here")
    store = "" if found["gigabytes"]["store"] is None else f", {found['gigabytes']['store']:.4g} in the store"
    text.append(f"gigabytes   {found['gigabytes']['encodes']:.4g} of encodes{store}")
    if found["shards"]:
        words = [f"{found['shards'][state]} {state}" for state in SHARD_STATES if found["shards"][state]]
        text.append(f"shards      {found['shards']['total']}: {', '.join(words)}")
    failed = [row for row in found["each"] if row["failed"]]
    if failed:
        text += ["", "failed:"]
        text += [f"  {row['title']}, {row['failed']['rule']}: {row['failed']['cause']}" for row in failed[:CAUSES]]
        text += [f"  and {len(failed) - CAUSES} more; --json has all"] if len(failed) > CAUSES else []
    text += ["", *found["notes"]] if found["notes"] else []
    return "\n".join(text) + "\n"


def _at(row: Mapping[str, Any]) -> str:
    if row["stage"] is None:
        return ""
    return row["stage"] if row["round"] is None else f"{row['stage']}, round {row['round']}"


def _or(value: Any) -> str:
    return "?" if value is None else str(value)


def _span(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "not known how many"
    return f"{value['expected']:.3g} ({value['low']:.3g} to {value['high']:.3g})"
