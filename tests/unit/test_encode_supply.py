"""Frames are decoded once where they fit, and always the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

from laddersmith.encode.supply import Supply


def supply_frames(users: int, limit: int, workers: int) -> tuple[list[list[bytes]], int]:
    """What each of `users` was given of a shot of three frames of ten bytes, and how often it was decoded."""
    supply = Supply({("shot",): users}, limit)
    decodes = []
    lock = threading.Lock()

    def decode():
        with lock:
            decodes.append(1)
        yield from (bytes([i]) * 10 for i in range(3))

    def use(_: int) -> list[bytes]:
        frames = list(supply.frames(("shot",), decode, 30))
        supply.done(("shot",))
        return frames

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(use, range(users))), len(decodes)


def test_frames_that_fit_are_decoded_once():
    given, decodes = supply_frames(users=6, limit=30, workers=3)
    assert given == [[b"\0" * 10, b"\1" * 10, b"\2" * 10]] * 6
    assert decodes == 1


def test_frames_that_do_not_fit_are_decoded_for_each():
    given, decodes = supply_frames(users=6, limit=29, workers=3)
    assert given == [[b"\0" * 10, b"\1" * 10, b"\2" * 10]] * 6
    assert decodes == 6


def test_memory_is_free_again_when_the_last_user_is_done():
    supply = Supply({("a",): 2, ("b",): 2}, 30)
    frames = [b"\0" * 30]
    assert supply.frames(("a",), lambda: iter(frames), 30) == frames
    assert not isinstance(supply.frames(("b",), lambda: iter(frames), 30), list)
    supply.done(("a",))
    supply.done(("a",))
    assert isinstance(supply.frames(("b",), lambda: iter(frames), 30), list)
