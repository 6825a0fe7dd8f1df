"""A shot's scaled frames, decoded once for all its encodes where memory allows."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class _Shelf:
    users: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    frames: list[bytes] | None = None
    bytes: int = 0


class Supply:
    """Frames by key for several threads, within `limit` bytes of memory.

    Each key is asked for as often as `users` says. The first to ask decodes; the frames are kept until the last has
    been served, if they fit beside what is kept already, and else decoded anew for each.
    """

    def __init__(self, users: dict[tuple, int], limit: int) -> None:
        self._shelves = {key: _Shelf(count) for key, count in users.items()}
        self._limit = limit
        self._kept = 0
        self._lock = threading.Lock()

    def frames(self, key: tuple, decode: Callable[[], Iterator[bytes]], total_bytes: int) -> Iterable[bytes]:
        """The frames of `key`: kept ones, or those of `decode()`, whose sizes sum to `total_bytes`."""
        shelf = self._shelves[key]
        with shelf.lock:
            if shelf.frames is None and shelf.users > 1 and self._reserve(shelf, total_bytes):
                shelf.frames = list(decode())
            return decode() if shelf.frames is None else shelf.frames

    def done(self, key: tuple) -> None:
        """One of the key's users needs its frames no more."""
        shelf = self._shelves[key]
        with shelf.lock:
            shelf.users -= 1
            if shelf.users == 0:
                shelf.frames = None
                with self._lock:
                    self._kept -= shelf.bytes
                    shelf.bytes = 0

    def _reserve(self, shelf: _Shelf, total_bytes: int) -> bool:
        with self._lock:
            if self._kept + total_bytes > self._limit:
                return False
            self._kept += total_bytes
            shelf.bytes = total_bytes
            return True
