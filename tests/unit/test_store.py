import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.errors import StoreError
from laddersmith.store import SWEEP_AGE_S, Store, point_key


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add(store: Store, name: str, content: bytes = b"bits", *, used: float | None = None) -> str:
    key = point_key({"name": name})
    stream = store.path.parent / f"{name}.mp4"
    stream.write_bytes(content)
    point = store.add(key, stream, {"bytes": len(content)})
    if used is not None:
        os.utime(point.stream.parent, (used, used))
    return key


def test_a_point_comes_back_as_it_was_put(store):
    key = add(store, "a", b"stream")
    point = store.find(key)
    assert point.stream.read_bytes() == b"stream" and point.row == {"bytes": 6}
    assert store.find(point_key({"name": "b"})) is None


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.none()), max_size=5))
def test_the_key_does_not_depend_on_order(fields):
    assert point_key(fields) == point_key(dict(reversed(list(fields.items()))))


def test_different_fields_have_different_keys():
    assert point_key({"crf": "23"}) != point_key({"crf": 23}) != point_key({"crf": 24})


def test_a_number_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        point_key({"crf": float("nan")})


@pytest.mark.parametrize("damage", ["stream", "row", "row_text", "stream_gone"])
def test_a_damaged_point_is_removed_and_counts_as_absent(store, damage, caplog):
    key = add(store, "a")
    folder = store.find(key).stream.parent
    if damage == "stream":
        (folder / "stream.mp4").chmod(0o644)
        (folder / "stream.mp4").write_bytes(b"bitz")
    elif damage == "row":
        (folder / "row.json").write_text("{}")
    elif damage == "row_text":
        (folder / "row.json").write_text("{")
    else:
        (folder / "stream.mp4").unlink()
    assert store.find(key) is None
    assert not folder.exists() and "will be encoded again" in caplog.text
    add(store, "a")
    assert store.find(key) is not None


def test_damaged_scores_are_removed(store):
    store.add_scores("ab12", pd.DataFrame({"frame": [0], "vmaf": [90.0]}))
    assert store.find_scores("ab12")["vmaf"].tolist() == [90.0]
    path = store.path / "scores" / "ab" / "ab12.parquet"
    path.write_bytes(b"PAR1 nonsense")
    assert store.find_scores("ab12") is None and not path.exists()
    assert store.find_scores("cd34") is None


def test_a_link_shares_the_bytes_and_replaces_what_was_there(store, tmp_path):
    point = store.find(add(store, "a"))
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    store.link(point, target)
    assert target.samefile(point.stream)


def test_across_file_systems_a_link_is_a_copy(store, tmp_path, monkeypatch):
    point = store.find(add(store, "a"))
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(18, "cross-device link")))
    store.link(point, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"bits" and not (tmp_path / "out.mp4").samefile(point.stream)


def test_a_link_to_a_point_that_is_gone_is_an_error(store, tmp_path):
    point = store.find(add(store, "a"))
    store.prune(0)
    with pytest.raises(StoreError, match="cannot be linked from the point store"):
        store.link(point, tmp_path / "out.mp4")


def test_pruning_takes_what_was_used_longest_ago_and_never_a_ladders_points(store, tmp_path):
    keys = [add(store, name, bytes(1000), used=1000.0 + i) for i, name in enumerate("abcd")]
    ladder = tmp_path / "ladder.json"
    ladder.write_text("{}")
    store.pin(ladder, keys[:1])
    size = store.contents().bytes
    pruned = store.prune((size - 1500) / 1e9)
    assert pruned.removed == 2 and pruned.within_limit
    assert [store.find(key) is not None for key in keys] == [True, False, False, True]
    assert store.prune(0).within_limit is False
    assert store.find(keys[0]) is not None and store.find(keys[3]) is None


def test_a_pin_ends_with_its_ladder(store, tmp_path):
    key = add(store, "a")
    ladder = tmp_path / "ladder.json"
    ladder.write_text("{}")
    store.pin(ladder, [key])
    assert store.contents().pinned == 1
    ladder.unlink()
    assert store.prune(0).within_limit and store.find(key) is None


def test_using_a_point_keeps_it_longer(store):
    old, new = add(store, "a", bytes(1000), used=1000.0), add(store, "b", bytes(1000), used=2000.0)
    store.find(old)
    store.prune((store.contents().bytes - 500) / 1e9)
    assert store.find(old) is not None and store.find(new) is None


def test_what_a_killed_job_left_is_swept_when_a_day_old(store):
    add(store, "a")
    fresh, old = store.path / "tmp" / "fresh", store.path / "tmp" / "old"
    for folder in (fresh, old):
        folder.mkdir(parents=True)
    long_ago = time.time() - SWEEP_AGE_S - 60
    os.utime(old, (long_ago, long_ago))
    store.prune(1)
    assert fresh.exists() and not old.exists()


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "store").write_text("a file, not a folder")
    stream = tmp_path / "s.mp4"
    stream.write_bytes(b"bits")
    with pytest.raises(StoreError, match=r"cannot be written .* set store\.path"):
        Store(tmp_path / "store").add("ab", stream, {})
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "store").add_scores("ab", pd.DataFrame({"a": [1]}))


def _write_many(path: Path, worker: int, rounds: int) -> None:
    store = Store(path)
    for i in range(rounds):
        stream = path.parent / f"w{worker}-{i}.mp4"
        stream.write_bytes(str(i).encode() * 1000)
        point = store.add(point_key({"i": i}), stream, {"i": i})
        assert point.row == {"i": i}


def test_several_jobs_may_write_the_same_points_at_once(tmp_path):
    path = tmp_path / "store"
    jobs = [multiprocessing.Process(target=_write_many, args=(path, worker, 30)) for worker in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0, 0, 0]
    assert Store(path).contents().points == 30
    assert list((path / "tmp").iterdir()) == []


def test_a_kill_leaves_only_whole_points(tmp_path):
    path = tmp_path / "store"
    job = multiprocessing.Process(target=_write_many, args=(path, 0, 100_000))
    job.start()
    while not path.exists() or Store(path).contents().points < 20:
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGKILL)
    job.join()
    store = Store(path)
    keys = [folder.name for folder in (path / "points").glob("??/*")]
    assert len(keys) >= 20 and all(store.find(key) is not None for key in keys)
    assert all(json.loads((path / "points" / k[:2] / k / "row.json").read_text()) for k in keys)


def test_a_damaged_pin_stops_a_pruning(tmp_path):
    (tmp_path / "pins").mkdir()
    for text in ("{", "[]", '{"keys": []}'):
        (tmp_path / "pins" / "a.json").write_text(text)
        with pytest.raises(StoreError, match=r"pins/a.json: is damaged; delete it and run the rule `ladder`"):
            Store(tmp_path).prune(0)
