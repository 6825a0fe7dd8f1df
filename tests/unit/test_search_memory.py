"""Known shots: what is kept of them, what comes back, and that no writer harms what others wrote."""

import json
import logging
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import remember as door
from clips import ROOT
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import tables
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError, StoreError, TableError
from laddersmith.hull import convex_hull, mark_hulls
from laddersmith.search import memory
from laddersmith.search.memory import COLUMNS, POINTS, recall, remember, telling
from laddersmith.search.outlook import Film, observed, surfaces
from laddersmith.search.prior import Field, Prior, Scale

X264 = {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "threads": 1, "crfs": [18, 46]}
FAST, SVTAV1 = X264 | {"preset": "fast"}, X264 | {"codec": "svtav1", "preset": "8"}
BOXES = {180: (320, 180), 90: (160, 90)}
AS = {"model": "vmaf_v0.6.1", "pooling": "mean"}
FORK = multiprocessing.get_context("fork")


def film(title: str, frames: dict[str, tuple[float, float]], variants: dict | None = None, **changes) -> Film:
    """A title with a shot for each hash of frames, of that spatial and temporal complexity."""
    shots = pd.DataFrame({"shot": range(len(frames)), "start": 0, "end": 50, "frames_sha256": list(frames)})
    spatial, temporal = zip(*frames.values(), strict=True)
    shots = shots.assign(spatial_complexity=spatial, temporal_complexity=temporal)
    return Film(**{"title": title, "shots": shots, "display": (320, 180), "variants": variants or {"x264": X264},
                   "boxes": BOXES, "crf_step": 1} | changes)  # fmt: skip


def points(of: Film, crfs=range(18, 47, 4), worse: float = 0.0) -> pd.DataFrame:
    """A point at each CRF of both heights, of every shot and variant."""
    rows = [
        {"shot": row.shot, "variant": name, "codec": settings["codec"], "height": height, "width": width,
         "crf": str(crf), "bytes": int(row.spatial_complexity * 9000 * height * 2 ** (-crf / 6)), "frames": 50,
         "quality": 100 - worse - 0.04 * (crf - 15) ** 2 - (6 if height == 90 else 0)}
        for row in of.shots.itertuples() for name, settings in of.variants.items()
        for height, (width, _) in BOXES.items() for crf in crfs
    ]  # fmt: skip
    return pd.DataFrame(rows)


def save(path: Path, of: Film, seen: pd.DataFrame | None = None, source: str = "", **changes) -> memory.Remembered:
    seen = points(of) if seen is None else seen
    return remember(path, of, seen, source_sha256=source or f"source of {of.title}", **AS | changes)


def test_what_is_remembered_comes_back_as_surfaces_takes_it(tmp_path):
    old, path = film("old", {"a": (20, 5)}), tmp_path / "sub" / "known.parquet"
    done = save(path, old)
    assert (done.fingerprints, done.points, done.known_before, done.forgotten) == (1, POINTS, 0, 0)
    back = recall(path, film("new", {"b": (21, 5)}), **AS)
    assert back.columns.tolist() == COLUMNS == observed(old, points(old)).columns.tolist()
    assert set(back["title"]) == {"known:source of old"} and set(back["shot"]) == {"a"}
    measures = ["crf", "share", "rate", "quality", "spatial_complexity", "temporal_complexity"]
    sent = observed(old, points(old))[measures].sort_values(["crf", "share"], ignore_index=True)
    merged = back[measures].merge(sent, on=measures)  # equal to the bit
    assert len(merged) == len(back) == POINTS
    lines = {name: np.array([0.1, 0.1, 0.1]) for name in ("amplitudes", "crf_lengths", "height_lengths")}
    field = Field(mean={"x264": np.zeros(9)}, **lines, shot=0.1, title=0.1, codec=0.1, features=np.ones(2), noise=0.1)
    found = surfaces(old, points(old).iloc[:0], prior=Prior(field, field, {"x264": Scale(30, 10)}), known=back)
    assert not found[0, "x264"].measured.any()


def test_an_absent_file_and_a_title_without_points_are_no_faults(tmp_path):
    path, empty = tmp_path / "known.parquet", film("empty", {"a": (20, 5)})
    back = recall(path, empty, **AS)
    assert back.empty and back.columns.tolist() == COLUMNS
    assert save(path, empty, points(empty).iloc[:0]).fingerprints == 0
    assert not path.exists()
    assert save(path, empty, points(empty).assign(shot=tables.WHOLE_TITLE)).fingerprints == 0
    assert save(path, empty, points(empty).assign(variant="x264@365k")).fingerprints == 0


def test_a_shot_solved_again_replaces_itself_and_only_itself(tmp_path):
    path, old = tmp_path / "known.parquet", film("old", {"a": (20, 5), "b": (40, 5)})
    save(path, old)
    again = film("renamed", {"a": (20, 5)})
    done = save(path, again, points(again, crfs=[30, 31], worse=1.0))
    assert (done.fingerprints, done.points, done.known_before) == (1, 4, 1)
    table = tables.read(path, tables.KNOWN)
    assert table.groupby("frames_sha256", sort=False)["solved"].agg(["size", "first"]).to_dict("index") == {
        "b": {"size": POINTS, "first": 1}, "a": {"size": 4, "first": 2},
    }  # fmt: skip
    unlike = [
        {"of": film("x", {"a": (20, 5)}, {"x264": FAST})},
        {"of": film("x", {"a": (20, 5)}, {"x264": X264 | {"maxrate_kbps": 300, "bufsize_kbps": 300}})},
        {"of": film("x", {"a": (20, 5)}, display=(640, 360))},
        {"of": again, "model": "vmaf_v0.6.1neg"},
        {"of": again, "pooling": "p5"},
    ]
    for case in unlike:
        assert save(path, **case).known_before == 0
    assert len(tables.read(path, tables.KNOWN).drop_duplicates(memory.IDENTITY)) == 2 + len(unlike)


def test_shots_of_equal_frames_are_one_fingerprint(tmp_path):
    path, black = tmp_path / "known.parquet", film("old", {"a": (20, 5)})
    shots = pd.concat([black.shots, black.shots.assign(shot=1)], ignore_index=True)
    twice = Film("old", shots, black.display, black.variants, BOXES, 1)
    assert save(path, twice).fingerprints == 1
    back = recall(path, twice, **AS)
    assert back.groupby(["title", "shot"]).size().to_dict() == {
        ("old", "known:0"): POINTS,
        ("old", "known:1"): POINTS,
    }


def test_the_nearest_come_first_and_other_presets_after(tmp_path):
    path = tmp_path / "known.parquet"
    save(path, film("one", {"near": (21, 5), "far": (80, 5), "middle": (30, 5)}))
    save(path, film("two", {"fast-near": (20, 5), "fast-far": (90, 9)}, {"x264": FAST}))
    save(path, film("three", {"svt": (20, 5)}, {"av1": SVTAV1}))
    new = film("new", {"mine": (20, 5)}, {"main": X264})
    expected = ["near", "middle", "far", "fast-near", "fast-far"]
    for k in range(6):
        back = recall(path, new, k=k, **AS)
        assert sorted(set(back["shot"])) == sorted(expected[:k])
    names = back.groupby("shot")["variant"].first()
    assert set(names[["near", "middle", "far"]]) == {"main"}
    assert '"preset": "fast"' in names["fast-near"]
    assert recall(path, new, model="vmaf_v0.6.1neg", pooling="mean").empty
    assert recall(path, new, model="vmaf_v0.6.1", pooling="harmonic").empty
    both = film("new", {"mine": (20, 5)}, {"main": X264, "av1": SVTAV1})
    assert set(recall(path, both, k=1, **AS)["shot"]) == {"near", "svt"}


def test_a_shot_of_the_very_frames_is_known_as_itself_in_any_codec(tmp_path):
    path = tmp_path / "known.parquet"
    save(path, film("new", {"a": (20, 5), "b": (20, 5)}, {"x264": X264, "av1": SVTAV1}), source="s")
    later = film("new", {"c": (20, 5), "a": (20, 5)})
    back = recall(path, later, k=1, **AS)
    own = back[back["title"] == "new"]
    assert set(own["shot"]) == {"known:1"}  # its number now, not then; no shot of the film has that name
    assert set(own["codec"]) == {"x264", "svtav1"}
    # A title of the same name is no title of ours, and a shot's own points do not stand there twice.
    assert set(back.loc[back["title"] != "new", "shot"]) == {"b"}
    assert set(back["title"]) == {"new", "known:s"}
    elsewhere = film("new", {"a": (20, 5)}, display=(640, 360))
    assert "new" not in set(recall(path, elsewhere, **AS)["title"])


def test_the_file_stays_small_and_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 3)
    path = tmp_path / "known.parquet"
    save(path, film("one", {"a": (20, 5), "b": (21, 5)}))
    save(path, film("two", {"c": (22, 5)}))
    save(path, film("one", {"a": (20, 5)}))
    assert save(path, film("three", {"d": (23, 5)})).forgotten == 1
    table = tables.read(path, tables.KNOWN)
    assert table.drop_duplicates("frames_sha256")[["frames_sha256", "solved"]].to_numpy().tolist() == [
        ["c", 2], ["a", 3], ["d", 4],
    ]  # fmt: skip


@given(st.lists(st.tuples(st.floats(-8, 2), st.floats(0, 100)), min_size=1, max_size=60), st.integers(2, 20))
def test_the_points_that_are_kept_hold_the_hulls_ends(pairs, count):
    rate, quality = np.array(pairs).T
    kept = telling(rate, quality, count)
    hull = convex_hull(np.exp2(rate), quality).tolist()
    assert kept == sorted(set(kept)) and len(kept) == min(count, len(pairs))
    assert {hull[0], hull[-1]} <= set(kept)
    if len(hull) <= count:
        assert set(hull) <= set(kept)
    else:
        assert set(kept) <= set(hull)


def test_beside_a_short_hull_the_least_dear_points_are_kept():
    rate, quality = np.log2([1.0, 2, 2.1, 9, 4]), np.array([40.0, 70, 70, 70, 90])
    assert telling(rate, quality, 4) == [0, 1, 2, 4]


@pytest.mark.parametrize("damage", [b"", b"PAR1 and no more", None])
def test_a_damaged_file_is_set_aside_with_a_warning(tmp_path, caplog, damage):
    path, new = tmp_path / "known.parquet", film("new", {"a": (20, 5)})
    save(path, new)
    damage = path.read_bytes()[:-300] if damage is None else damage
    for number in (1, 2):
        path.write_bytes(damage)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert recall(path, new, **AS).empty
        assert "are damaged; nothing is taken from them" in caplog.text
        assert path.read_bytes() == damage
        with caplog.at_level(logging.WARNING):
            assert save(path, new).known_before == 0
        assert f"are damaged; they are now known.damaged-{number}.parquet, and a new file is begun" in caplog.text
        assert (tmp_path / f"known.damaged-{number}.parquet").read_bytes() == damage
        assert len(recall(path, new, **AS)) == POINTS


def test_another_table_is_refused_and_left_alone(tmp_path):
    path, new = tmp_path / "points.parquet", film("new", {"a": (20, 5)})
    pd.DataFrame({"shot": [1]}).to_parquet(path)
    before = path.read_bytes()
    told = "known shots table lacks frames_sha256.*; name another file in search.known_shots, or delete this one"
    for act in (lambda: save(path, new), lambda: recall(path, new, **AS)):
        with pytest.raises(TableError, match=told):
            act()
    assert path.read_bytes() == before and not list(tmp_path.glob("*damaged*"))


def test_what_cannot_be_read_or_written_is_told(tmp_path):
    new, folder = film("new", {"a": (20, 5)}), tmp_path / "folder.parquet"
    folder.mkdir()
    with pytest.raises(StoreError, match=r"known shots .*folder\.parquet cannot be read"):
        recall(folder, new, **AS)
    with pytest.raises(StoreError, match=r"known shots .*folder\.parquet cannot be read"):
        save(folder, new)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written .*; free space or set search.known_shots"):
        save(tmp_path / "file" / "known.parquet", new)
    assert folder.is_dir()


def _save_many(path: Path, who: int) -> None:
    for number in range(4):
        save(path, film(f"title {who}", {f"{who} {number}": (20 + who, 5 + number)}))


def test_writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / "known.parquet"
    writers = [FORK.Process(target=_save_many, args=(path, who)) for who in range(4)]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):  # a reader never sees half a file
        recall(path, film("new", {"a": (20, 5)}), **AS)
        reads += 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4 and reads
    table = tables.read(path, tables.KNOWN).drop_duplicates("frames_sha256")
    assert set(table["frames_sha256"]) == {f"{who} {number}" for who in range(4) for number in range(4)}
    assert table["solved"].tolist() == list(range(1, 17))


def _hang_in_write(path: Path) -> None:
    tables.os.replace = lambda *_: time.sleep(600)  # the new file is written under its temporary name
    save(path, film("other", {"b": (30, 5)}))


def test_a_writer_killed_while_it_writes_leaves_the_old_file_and_a_free_lock(tmp_path):
    path, new = tmp_path / "known.parquet", film("new", {"a": (20, 5)})
    save(path, new)
    before = path.read_bytes()
    writer = FORK.Process(target=_hang_in_write, args=(path,))
    writer.start()
    deadline = time.monotonic() + 20
    while not (left := list(tmp_path.glob(".known.*.partial.parquet"))):
        assert time.monotonic() < deadline and writer.is_alive()
        time.sleep(0.01)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert path.read_bytes() == before and left[0].exists()
    assert len(recall(path, new, **AS)) == POINTS
    assert save(path, film("third", {"c": (30, 5)})).forgotten == 0
    assert not left[0].exists()
    assert set(tables.read(path, tables.KNOWN)["frames_sha256"]) == {"a", "c"}


def test_the_config_takes_a_parquet_file_or_none():
    def told(value):
        return validate({"search": {"known_shots": value}}, CODECS)["search"]["known_shots"]

    assert validate({}, CODECS)["search"]["known_shots"] is None
    assert told("seen/known shots.parquet") == "seen/known shots.parquet"
    for wrong in ("points.pq", ".parquet", "", "a{b}.parquet"):
        with pytest.raises(ConfigError, match=r"search\.known_shots .* a path that ends in \.parquet"):
            told(wrong)


def test_the_door_adds_a_title_and_marks_it(tmp_path, monkeypatch):
    new = film("tiny", {"a": (20, 5)})
    asked = {name: str(tmp_path / f"{name}.json") for name in ("facts", "shots", "ladder", "remembered")}
    ladder = {"display": {"width": 320, "height": 180}, "pooling": "mean", "model": "vmaf_v0.6.1"}
    (tmp_path / "ladder.json").write_text(json.dumps(ladder | {"source": {"sha256": "5"}}))
    media = type("Media", (), {"width": 320, "height": 180})
    monkeypatch.setattr(door, "load_media", lambda facts: media)
    monkeypatch.setattr(door.tables, "read", lambda path, schema: new.shots)
    scores = points(new).assign(bitrate_kbps=lambda rows: rows["bytes"]).rename(columns={"quality": "vmaf_mean"})
    monkeypatch.setattr(door.tables, "read_all", lambda paths, schema: scores)
    asked |= {"scores": [], "title": "tiny", "variants": new.variants, "heights": [180, 90], "crf_step": 1}
    with pytest.raises(ConfigError, match=r"no file for known shots: set search\.known_shots"):
        door.main(**asked, config={"search": {"known_shots": None}})
    path = tmp_path / "known.parquet"
    door.main(**asked, config={"search": {"known_shots": str(path)}})
    monkeypatch.undo()
    mark = json.loads(Path(asked["remembered"]).read_text())
    Draft202012Validator(json.loads((ROOT / "config/schemas/remembered.json").read_text())).validate(mark)
    assert (mark["title"], mark["fingerprints"], mark["points"]) == ("tiny", 1, POINTS)
    table = tables.read(path, tables.KNOWN)
    assert set(table["source_sha256"]) == {"5"} and set(table["display"]) == {"320x180"}
    seen = mark_hulls(points(new).assign(bitrate_kbps=lambda rows: rows["bytes"]), ["shot"])
    assert table["rate"].min() == observed(new, seen)["rate"].min()
