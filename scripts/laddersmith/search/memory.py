"""What earlier runs measured: fingerprints of solved shots in one Parquet file, and the nearest of them for a title.

A fingerprint is a shot in one variant: its decoded frames (their hash), the variant's settings, model, pooling and
display; and with it the shot's complexity and some of its measured points. The file names no title, path or variant.

The file is a help and never a need: a run without it measures other points, and every rung is measured either way.
"""

import contextlib
import fcntl
import glob
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import tables
from ..errors import StoreError, TableError
from ..hull import convex_hull
from ..rates import without_bitrates
from .outlook import Film, observed
from .prior import FEATURES, Floats

log = logging.getLogger(__name__)

POINTS = 12  # of a fingerprint, at most
KEPT = 10_000  # fingerprints of the file, at most; those solved longest ago give way
NEAREST = 4  # fingerprints for a shot and variant: with POINTS of each, what a `Surface` takes notice of

IDENTITY = ["frames_sha256", "settings", "model", "pooling", "display"]
SETTINGS = ("codec", "preset", "pix_fmt", "threads", "maxrate_kbps", "bufsize_kbps", "roi")
COLUMNS = ["title", "shot", "variant", "codec", "crf", "share", "rate", "quality", *FEATURES]


@dataclass(frozen=True)
class Remembered:
    """What `remember` did, in fingerprints: written now, of them known before, and forgotten to keep the file small;
    `points`: the points of those written."""

    fingerprints: int
    points: int
    known_before: int
    forgotten: int


def remember(
    path: str | Path, film: Film, points: pd.DataFrame, *, source_sha256: str, model: str, pooling: str
) -> Remembered:
    """Add the fingerprints of a solved title to the file `path` (tables.KNOWN), which begins empty where there is none.

    A fingerprint that the file has already is replaced, points and all. Of each, at most POINTS points are kept; of the
    file, KEPT fingerprints. Several processes may write at once, one after another. A file that cannot be read as
    Parquet (a disk that was full, a copy cut short) is renamed, with a warning, and a new one begun: what is lost is a
    few encodes of later runs, no reason to fail a title that is done.

    Parameters
    ----------
    film : the title; its shots have frames_sha256. points : what was measured of it (tables.POINTS), with the pooling
        and model named; only those of single shots count, of the film's variants whose knob is a quality.
    source_sha256 : hash of the source's bytes: shots of one source belong together.

    Raises
    ------
    StoreError
        If the file or its folder cannot be read or written.
    TableError
        If the file is Parquet, but not a table of known shots: it is left as it is.
    """
    path = Path(path)
    film = replace(film, variants=without_bitrates(film.variants))
    new = _fingerprints(film, points, source_sha256, model, pooling)
    count = len(new.drop_duplicates(IDENTITY))
    if new.empty:
        return Remembered(0, 0, 0, 0)
    with _writing(path):
        for left in path.parent.glob(f".{glob.escape(path.stem)}.*.partial{glob.escape(path.suffix)}"):
            left.unlink(missing_ok=True)  # of a writer that was killed: nobody else holds the lock
        old = _read(path)
        if old is None:
            aside = _set_aside(path)
            log.warning("known shots %s are damaged; they are now %s, and a new file is begun", path, aside.name)
            old = tables.empty(tables.KNOWN)
        new["solved"] = 1 + (int(old["solved"].max()) if len(old) else 0)
        again = pd.MultiIndex.from_frame(old[IDENTITY]).isin(pd.MultiIndex.from_frame(new[IDENTITY]))
        replaced = len(old[again].drop_duplicates(IDENTITY))
        joined = pd.concat([old[~again], new], ignore_index=True) if len(old) else new
        number = joined.groupby(IDENTITY, sort=False).ngroup()
        forgotten = max(0, int(number.max()) + 1 - KEPT)
        tables.write(path, joined[number >= forgotten], tables.KNOWN)
    return Remembered(count, len(new), replaced, forgotten)


def recall(path: str | Path, film: Film, *, model: str, pooling: str, k: int = NEAREST) -> pd.DataFrame:
    """What is known of shots like a title's, in the columns that `surfaces` takes as `known`; sorted.

    Fingerprints of other models or poolings are passed over. For each shot and variant of the film:

    - the `k` nearest of its codec: those with the variant's own settings first, then other presets, each by the
      distance of the logarithms of FEATURES (the sum of both). They come under names that no title and no shot has.
    - the shot itself, where its very frames were measured at this display, in any codec: by an earlier run of this
      title under any name, or of another that shares the shot. It comes as a further shot of the film, of the same
      features: near the shot in question, and never taken for a measurement of this run.

    A variant is named as the film names those settings, or by the settings themselves; never by the name that it had.

    Parameters
    ----------
    film : the title; its shots have frames_sha256.

    Raises
    ------
    StoreError
        If the file cannot be read. One that is not there, or is damaged (a warning tells), is an empty one.
    TableError
        If the file is Parquet, but not a table of known shots.
    """
    known = _read(Path(path))
    if known is None:
        log.warning("known shots %s are damaged; nothing is taken from them", path)
        known = tables.empty(tables.KNOWN)
    known = known[(known["model"] == model) & (known["pooling"] == pooling)].reset_index(drop=True)
    places = known.groupby(IDENTITY, sort=False).indices
    solved = known.drop_duplicates(IDENTITY).reset_index(drop=True)
    names: dict[str, str] = {}
    for name, settings in film.variants.items():
        names.setdefault(_settings(settings), name)
    twins = _twins(film, solved)
    near = _near(film, solved, twins, k) - {place for found in twins.values() for place in found}
    known["variant"] = [names.get(settings, settings) for settings in known["settings"]]
    rows = [places[tuple(key)] for key in solved[IDENTITY].itertuples(index=False)]

    def of(wanted: Iterable[int], title: Any, shot: Any) -> pd.DataFrame:
        return known.iloc[[row for place in wanted for row in rows[place]]].assign(title=title, shot=shot)

    parts = [of(sorted(near), lambda rows: "known:" + rows["source_sha256"], lambda rows: rows["frames_sha256"])]
    parts += [of(found, film.title, f"known:{shot}") for shot, found in twins.items() if found]
    return pd.concat(parts)[COLUMNS].sort_values(COLUMNS, ignore_index=True)


def _twins(film: Film, solved: pd.DataFrame) -> dict[int, list[int]]:
    """By shot of the film, the fingerprints (rows of `solved`) of its very frames at the film's display."""
    here = solved[solved["display"] == _display(film)]
    by_frames = here.groupby("frames_sha256").indices
    shots = zip(film.shots["shot"], film.shots["frames_sha256"], strict=True)
    return {int(shot): here.index[by_frames.get(frames, [])].tolist() for shot, frames in shots}


def _near(film: Film, solved: pd.DataFrame, twins: Mapping[int, list[int]], k: int) -> set[int]:
    """The fingerprints (rows of `solved`) that are the `k` nearest to a shot and variant of the film, twins aside."""
    found: set[int] = set()
    features = np.log1p(solved[list(FEATURES)].to_numpy(float))
    by_name = np.argsort(np.argsort(solved["frames_sha256"].to_numpy(str), kind="stable"))  # settles ties
    for settings in film.variants.values():
        fitting = np.flatnonzero(solved["codec"] == settings["codec"])
        unlike = (solved["settings"] != _settings(settings)).to_numpy(bool)[fitting]
        for row in tables.rows(film.shots):
            here = np.log1p([getattr(row, name) for name in FEATURES])
            apart = np.abs(features[fitting] - here).sum(axis=1)
            twin = set(twins[int(row.shot)])
            order = fitting[np.lexsort((by_name[fitting], apart, unlike))][: k + len(twin)]
            found.update([int(place) for place in order if place not in twin][:k])
    return found


def _fingerprints(film: Film, points: pd.DataFrame, source_sha256: str, model: str, pooling: str) -> pd.DataFrame:
    """The columns of tables.KNOWN but `solved`."""
    seen = observed(film, points)
    frames = dict(zip(film.shots["shot"].astype(str), film.shots["frames_sha256"], strict=True))
    rows = seen.assign(
        frames_sha256=seen["shot"].map(frames),
        settings=seen["variant"].map({name: _settings(settings) for name, settings in film.variants.items()}),
        model=model,
        pooling=pooling,
        display=_display(film),
        source_sha256=source_sha256,
    ).drop(columns=["title", "shot", "variant"])
    # Shots of equal frames are one fingerprint, and so are variants that differ in their CRFs alone.
    rows = rows.drop_duplicates([*IDENTITY, "share", "crf"], ignore_index=True)
    rate, quality = rows["rate"].to_numpy(float), rows["quality"].to_numpy(float)
    groups = rows.groupby(IDENTITY, sort=False).indices.values()
    kept = [np.asarray(group)[telling(rate[group], quality[group], POINTS)] for group in groups]
    return rows.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True) if kept else rows


def telling(rate: Floats, quality: Floats, count: int) -> list[int]:
    """Indices, rising, of at most `count` points that tell the most of a shot: its hull's, or as many of those, evenly
    spread with both ends; where the hull has fewer, also the points that are the least dearer than it.

    Parameters
    ----------
    rate : (n,) base-2 logarithm of the bits. quality : (n,) 0 to 100.
    """
    if len(rate) <= count:
        return list(range(len(rate)))
    hull = convex_hull(np.exp2(rate), quality)
    spread = np.unique(np.linspace(0, len(hull) - 1, min(count, len(hull))).round().astype(int))
    kept = [int(place) for place in hull[spread]]
    excess = rate - np.interp(quality, quality[hull], rate[hull])
    rest = [int(place) for place in np.argsort(excess, kind="stable") if place not in hull]
    return sorted([*kept, *rest[: count - len(kept)]])


def _settings(variant: Mapping[str, Any]) -> str:
    """A variant's settings but its CRFs, as text: equal settings give equal texts, and no variant's name is one."""
    settings = {"threads": 1} | {name: variant[name] for name in SETTINGS if variant.get(name) is not None}
    return json.dumps(settings, sort_keys=True)


def _display(film: Film) -> str:
    return "{}x{}".format(*film.display)


def _read(path: Path) -> pd.DataFrame | None:
    """The table (tables.KNOWN), an empty one where there is no file; none where the file is damaged."""
    try:
        with path.open("rb") as file:
            table = pq.read_table(file).to_pandas()
    except FileNotFoundError:
        return tables.empty(tables.KNOWN)
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StoreError(f"the known shots {path} cannot be read ({error}); mend search.known_shots") from error
        return None
    try:
        return tables.conform(table, tables.KNOWN, str(path))
    except TableError as error:
        raise TableError(f"{error}; name another file in search.known_shots, or delete this one") from error


def _set_aside(path: Path) -> Path:
    """Rename a damaged file to a name that is free."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    os.replace(path, aside)
    return aside


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Holds the file's lock, for which others wait; what the file system refuses is a StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StoreError(
            f"the known shots {path} cannot be written ({error}); free space or set search.known_shots"
        ) from error
