"""Whether a source still is the file that was probed: what is stored under the hash of its frames depends on it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..errors import SourceError
from ..jsonfile import read_json, write_json

SEEN = "seen.json"


def note_stamp(source: str | Path, folder: Path) -> Callable[[], None]:
    """Write the size and the time stamp of `source` into `folder`; the function returned tells of a change since then.

    Neither stands in `source.json`, which equal sources make equal.
    """
    first = _stamp(Path(source))
    write_json(folder / SEEN, {"bytes": first[0], "mtime_ns": first[1]})

    def check() -> None:
        if _stamp(Path(source)) != first:
            raise SourceError(f"{source}: was changed while it was probed; run again once it is complete")

    return check


def source_guard(facts: str | Path) -> Callable[[], None]:
    """Look at the source behind a `source.json`, and return a function that looks again, cheaply.

    A file of the size and the time stamp that `probe` saw is the same; one with others is hashed. A source that is gone
    is left to whoever reads it to tell: a mezzanine needs it no more.

    Raises
    ------
    SourceError
        If the file's bytes are not those that were probed; from the function returned, too.
    """
    probed, seen = read_json(facts), Path(facts).parent / "mezzanine" / SEEN
    path = Path(probed["path"])
    same = set()
    if seen.is_file():
        stamp = read_json(seen)
        same.add((stamp["bytes"], stamp["mtime_ns"]))

    def check() -> None:
        try:
            now = _stamp(path)
            if now in same:
                return
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return
        if found != probed["sha256"]:
            raise SourceError(
                f"{probed['title']}: {path} was changed since it was probed; once it is complete, touch it and run "
                "again: the title is then made anew"
            )
        same.add(now)

    check()
    return check


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
