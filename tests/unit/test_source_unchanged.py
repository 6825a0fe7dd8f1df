"""A source that becomes another file under way is told in a sentence, and nothing of it is stored under the old key."""

import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from laddersmith.errors import SourceError
from laddersmith.jsonfile import write_json
from laddersmith.source import note_stamp, probe, source_guard
from laddersmith.store import Store, point_key


@pytest.fixture
def probed(tmp_path, make_clip) -> tuple[Path, Path]:
    """A source of its own, and its source.json, as the rule `probe` leaves them."""
    source, title = tmp_path / "film.mp4", tmp_path / "results" / "film"
    shutil.copy(make_clip("sound.mp4", "testsrc2=size=96x64:rate=25", 10), source)
    (title / "mezzanine").mkdir(parents=True)
    check = note_stamp(source, title / "mezzanine")
    found = probe(
        source, title="film", normalise=True, crop_bars=False, mezzanine=title / "mezzanine" / "m.mov", timeout_s=60
    )
    check()
    write_json(title / "source.json", found)
    return source, title / "source.json"


def test_a_source_that_is_changed_is_told_and_nothing_of_it_is_stored(probed, tmp_path):
    source, facts = probed
    check = source_guard(facts)
    store = Store(tmp_path / "store", check=check)
    (tmp_path / "a.mp4").write_bytes(b"bits")
    key = point_key({"name": "a"})
    store.add(key, tmp_path / "a.mp4", {})
    with source.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    message = r"^film: .*film.mp4 was changed since it was probed; once it is complete, touch it and run again"
    with pytest.raises(SourceError, match=message):
        check()
    with pytest.raises(SourceError, match=message):
        source_guard(facts)
    (tmp_path / "b.mp4").write_bytes(b"other bits")
    other = point_key({"name": "b"})
    with pytest.raises(SourceError, match=message):
        store.add(other, tmp_path / "b.mp4", {})
    with pytest.raises(SourceError, match=message):
        store.add_scores(other, pd.DataFrame({"frame": [0]}))
    assert store.find(other) is None and store.find_scores(other) is None and store.find(key) is not None


def test_a_replaced_source_with_its_old_time_stamp_is_told(probed):
    source, facts = probed
    before = source.stat()
    other = source.with_name("other.mp4")
    other.write_bytes(source.read_bytes()[:-1])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(source)
    with pytest.raises(SourceError, match="was changed since it was probed"):
        source_guard(facts)


@pytest.mark.parametrize("shift_s", [-86400 * 400, 86400 * 400])
def test_a_touch_and_a_wrong_clock_change_nothing(probed, shift_s):
    source, facts = probed
    check = source_guard(facts)
    os.utime(source, (time.time() + shift_s,) * 2)
    check()
    source_guard(facts)()


def test_without_a_stamp_the_bytes_decide_and_a_missing_source_is_left_to_its_reader(probed):
    source, facts = probed
    (facts.parent / "mezzanine" / "seen.json").unlink()
    source_guard(facts)
    source.unlink()
    source_guard(facts)()


def test_a_source_that_grows_while_it_is_probed_is_told(probed, tmp_path):
    source, _ = probed
    check = note_stamp(source, tmp_path)
    with source.open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceError, match=r"film.mp4: was changed while it was probed; run again once it is complete"):
        check()
