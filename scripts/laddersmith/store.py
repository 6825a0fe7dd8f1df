"""The point store: every finished encode and its scores, under the hash of all that decides their content.

    store/points/ab/<key>/{stream.mp4, row.json}   an encode and what was measured while it was made
    store/scores/ab/<key>.parquet                  the frame scores of one encode by one engine and model
    store/pins/<hash of a ladder's path>.json      the points that a ladder names; they are never evicted
    store/tmp/                                     what is being written; swept when a day old

A point appears by one rename of its folder, so several jobs may write at once and a kill leaves nothing half done.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import StoreError

log = logging.getLogger(__name__)

GB = 10**9
SWEEP_AGE_S = 86400.0


@dataclass(frozen=True)
class Point:
    """A finished encode: its bitstream (read-only, shared by hard links) and the row measured with it."""

    key: str
    stream: Path
    row: dict


@dataclass(frozen=True)
class Contents:
    """What a store holds: numbers of points and score tables, bytes of all, points named by ladders."""

    points: int
    scores: int
    bytes: int
    pinned: int


@dataclass(frozen=True)
class Pruned:
    """What a pruning did: entries and bytes removed, bytes left, and whether the limit is kept."""

    removed: int
    removed_bytes: int
    left_bytes: int
    within_limit: bool


def point_key(fields: dict) -> str:
    """SHA-256 (hex) of the fields as canonical JSON: equal fields in any order give equal keys."""
    return hashlib.sha256(
        json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    ).hexdigest()


class Store:
    """A store in the folder `path`, kept under `max_gb` gigabytes (10^9 bytes) by `prune`.

    `check` is called before anything new is kept, and raises where that must not be: when the source under way became
    another than the one whose frames the keys name.
    """

    def __init__(
        self, path: str | Path, max_gb: float = float("inf"), check: Callable[[], None] = lambda: None
    ) -> None:
        self.path = Path(path)
        self.max_gb = max_gb
        self._check = check

    def find(self, key: str) -> Point | None:
        """The point of this key, or None. A damaged one is removed, with a warning, and counts as absent."""
        folder = self._point(key)
        try:
            row = json.loads((folder / "row.json").read_text())
            stream = folder / "stream.mp4"
            intact = _sha256(stream) == row.pop("stream_sha256")
        except (OSError, ValueError, KeyError, AttributeError):
            intact = False
        if not intact and not folder.exists():
            return None
        if not intact:
            log.warning("store: point %s is damaged; it is removed and will be encoded again", key)
            self._remove(folder)
            return None
        with contextlib.suppress(OSError):
            os.utime(folder)
        return Point(key, stream, row)

    def add(self, key: str, stream: Path, row: dict) -> Point:
        """Take the file `stream` into the store with its measured row (JSON values).

        When another job was first, its point stands and this one is dropped.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        self._check()
        final = self._point(key)
        with self._writing() as staging:
            shutil.move(stream, staging / "stream.mp4")
            (staging / "stream.mp4").chmod(0o444)
            full = row | {"stream_sha256": _sha256(staging / "stream.mp4")}
            (staging / "row.json").write_text(json.dumps(full, sort_keys=True, indent=1, allow_nan=False))
            for name in ("stream.mp4", "row.json"):
                _sync(staging / name)
            final.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError, NotADirectoryError):
                _rename_new(staging, final)
        point = self.find(key)
        if point is None:
            raise StoreError(
                f"the point store {self.path} lost point {key} as it was written; is another program clearing it?"
            )
        return point

    def link(self, point: Point, target: Path) -> None:
        """Make `target` the point's bitstream: a hard link, or a copy where that cannot be (another file system).

        Raises
        ------
        StoreError
            If the point is gone, or the target cannot be written.
        """
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        try:
            try:
                os.link(point.stream, partial)
            except FileNotFoundError:
                raise
            except OSError:
                shutil.copyfile(point.stream, partial)
            os.replace(partial, target)
        except OSError as error:
            raise StoreError(f"{target}: cannot be linked from the point store ({error})") from error
        finally:
            partial.unlink(missing_ok=True)

    def find_scores(self, key: str) -> pd.DataFrame | None:
        """The frame scores of this key, or None. A damaged table is removed, with a warning."""
        path = self._scores(key)
        try:
            table = pq.read_table(path, partitioning=None).to_pandas()
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException):
            log.warning("store: scores %s are damaged; they are removed and will be taken again", key)
            path.unlink(missing_ok=True)
            return None
        return table

    def add_scores(self, key: str, frames: pd.DataFrame) -> None:
        """Keep the frame scores of an encode.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        self._check()
        path = self._scores(key)
        with self._writing() as staging:
            pq.write_table(pa.Table.from_pandas(frames, preserve_index=False), staging / "scores.parquet")
            _sync(staging / "scores.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / "scores.parquet", path)

    def pin(self, ladder: Path, keys: list[str], *, elsewhere: bool = False) -> None:
        """Protect the points that the file `ladder` names, for as long as that file exists.

        One that is kept `elsewhere`, in a storage of Snakemake's, protects them until its pin is deleted.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        name = hashlib.sha256(str(ladder.resolve()).encode()).hexdigest()
        pins = self.path / "pins"
        with self._writing() as staging:
            pins.mkdir(parents=True, exist_ok=True)
            record = {"ladder": str(ladder.resolve()), "keys": sorted(set(keys)), "elsewhere": elsewhere}
            (staging / "pin.json").write_text(json.dumps(record, indent=1))
            os.replace(staging / "pin.json", pins / f"{name}.json")

    def pinned(self) -> set[str]:
        """Keys of the points named by ladders that still exist.

        Raises
        ------
        StoreError
            If a pin is damaged: what it protects is not known, so nothing may be evicted.
        """
        keys: set[str] = set()
        for record in sorted((self.path / "pins").glob("*.json")):
            try:
                pin = json.loads(record.read_text(encoding="utf-8"))
                if Path(pin["ladder"]).exists() or pin.get("elsewhere"):
                    keys.update(pin["keys"])
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"{record}: is damaged; delete it and run the rule `ladder` of its title again"
                ) from error
        return keys

    def contents(self) -> Contents:
        """What the store holds now."""
        entries = list(self._entries())
        points = [entry for entry in entries if entry.is_point]
        return Contents(
            len(points),
            len(entries) - len(points),
            sum(entry.bytes for entry in entries),
            len(self.pinned() & {entry.path.name for entry in points}),
        )

    def prune(self, max_gb: float | None = None) -> Pruned:
        """Remove the entries that were used longest ago until the store is within its limit.

        Points that a ladder names stay, even when the limit is then not kept.
        """
        limit = (self.max_gb if max_gb is None else max_gb) * GB
        with self._locked():
            self._sweep()
            kept = self.pinned()
            entries = sorted(self._entries(), key=lambda entry: entry.used)
            left = sum(entry.bytes for entry in entries)
            removed = removed_bytes = 0
            for entry in entries:
                if left <= limit:
                    break
                if entry.is_point and entry.path.name in kept:
                    continue
                self._remove(entry.path)
                left -= entry.bytes
                removed_bytes += entry.bytes
                removed += 1
        return Pruned(removed, removed_bytes, left, left <= limit)

    def evict(self, keys: Iterable[str]) -> Pruned:
        """Remove the points of these keys, but for those that a ladder names; their scores stay.

        Raises
        ------
        StoreError
            If a pin is damaged, or the store cannot be written.
        """
        removed = removed_bytes = 0
        with self._locked():
            kept = self.pinned()
            for key in sorted(set(keys) - kept):
                with contextlib.suppress(FileNotFoundError):
                    removed_bytes += sum(file.stat().st_size for file in self._point(key).iterdir())
                    self._remove(self._point(key))
                    removed += 1
            left = sum(entry.bytes for entry in self._entries())
        return Pruned(removed, removed_bytes, left, left <= self.max_gb * GB)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time removes."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise StoreError(f"the point store {self.path} cannot be written ({error}); set store.path") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _point(self, key: str) -> Path:
        return self.path / "points" / key[:2] / key

    def _scores(self, key: str) -> Path:
        return self.path / "scores" / key[:2] / f"{key}.parquet"

    def _entries(self) -> Iterator["_Entry"]:
        for folder in (self.path / "points").glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                size = sum(file.stat().st_size for file in folder.iterdir())
                yield _Entry(folder, size, folder.stat().st_mtime, True)
        for table in (self.path / "scores").glob("??/*.parquet"):
            with contextlib.suppress(FileNotFoundError):
                yield _Entry(table, table.stat().st_size, table.stat().st_mtime, False)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """An empty folder to write in; what the file system refuses is a StoreError."""
        try:
            with self._staging() as staging:
                yield staging
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise StoreError(
                f"the point store {self.path} cannot be written ({why}); free space or set store.path, then run again"
            ) from error

    @contextlib.contextmanager
    def _staging(self) -> Iterator[Path]:
        """An empty folder on the store's file system, gone afterwards unless it was renamed away."""
        folder = self.path / "tmp" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _remove(self, path: Path) -> None:
        """Take an entry out of sight by one rename, then delete it."""
        with self._staging() as staging, contextlib.suppress(FileNotFoundError):
            path.rename(staging / "removed")

    def _sweep(self) -> None:
        """Delete what killed jobs left under tmp/ a day ago or longer."""
        for left in (self.path / "tmp").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > SWEEP_AGE_S:
                    shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True)
class _Entry:
    path: Path
    bytes: int
    used: float
    is_point: bool


def _rename_new(source: Path, target: Path) -> None:
    """Rename a folder; where another full one already stands, FileExistsError, and nothing changes."""
    try:
        source.rename(target)
    except OSError as error:
        if target.exists():
            raise FileExistsError(str(target)) from error
        raise


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
