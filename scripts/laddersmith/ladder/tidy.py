"""Encodes of which no rung is made, removed once the renditions are there."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from .. import tables
from ..errors import LadderError
from ..store import Store

GONE = ".gone"


@dataclass(frozen=True)
class Tidied:
    """What was removed: folders of encodes under the results; points of the store, and their bytes."""

    folders: int
    points: int
    bytes: int


def tidy(folder: Path, ladder: dict, store: Store) -> Tidied:
    """Remove a title's encodes that its ladder does not name, under its results and in the store.

    A folder of encodes goes as a whole, so that Snakemake sees it gone and makes it again if it is ever asked for.
    Those of the last round stay, and those with an encode that the ladder names; all tables and scores stay.

    Parameters
    ----------
    folder : the title's results. ladder : its `ladder.json`.

    Raises
    ------
    LadderError
        If a folder cannot be removed.
    StoreError, TableError
        If the store cannot be written, or a table of encodes is damaged.
    """
    named = [point for rung in (*ladder["rungs"], *ladder["fixed"]) for point in rung["points"]]
    needed = {(folder / point["file"]).parent for point in named}
    listed = sorted(folder.glob("b*/r*/*/*p.parquet"))
    last = max((_round(table) for table in listed), default=0)
    spare = [table for table in listed if _round(table) < last and table.with_suffix("") not in needed]
    keys = {key for table in spare for key in tables.read(table, tables.ENCODES)["key"]}
    done = store.evict(keys - {point["key"] for point in named})
    folders = sum(_removed(table.with_suffix("")) for table in spare)
    return Tidied(folders, done.removed, done.removed_bytes)


def _round(table: Path) -> int:
    """The round of a table of encodes, b0/r1/x264/540p.parquet say."""
    return int(table.parent.parent.name.removeprefix("r"))


def _removed(streams: Path) -> bool:
    """Remove a folder out of sight by one rename first: half of one must never pass for the whole."""
    gone = streams.with_name(f".{streams.name}{GONE}")
    there = streams.is_dir()
    try:
        if gone.exists():
            shutil.rmtree(gone)
        if there:
            streams.rename(gone)
            shutil.rmtree(gone)
    except OSError as error:
        raise LadderError(f"{streams}: cannot be removed ({error}); remove it, or set store.keep: all") from error
    return there
