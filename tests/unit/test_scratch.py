"""Encodes are written on the machine's own disk and copied once; encodes that no rung is made of are removed."""

import fcntl
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from clips import ROOT
from encode_shots import plan_table, shot_table
from laddersmith import tables
from laddersmith.encode import points as encode_points_module
from laddersmith.encode.points import encode_points
from laddersmith.errors import EncodeError, LadderError, StoreError
from laddersmith.ladder import tidy
from laddersmith.scratch import LOCK, PREFIX, scratch_folder
from laddersmith.store import Store
from test_quality import media_of

CLIP = "testsrc2=size=96x64:rate=25"


def test_no_scratch_is_none() -> None:
    with scratch_folder(None) as folder:
        assert folder is None


def test_a_folder_of_the_jobs_own_that_is_gone_afterwards(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JOB_DISK", str(tmp_path))
    with scratch_folder("$JOB_DISK/here") as one, scratch_folder("$JOB_DISK/here") as other:
        assert one is not None and one != other and one.parent == tmp_path / "here" and one.is_dir()
        (one / "half.mp4").write_bytes(b"half")
    assert list((tmp_path / "here").iterdir()) == []


def test_what_a_killed_job_left_is_removed_and_a_living_ones_stays(tmp_path) -> None:
    for name in ("killed", "living", "other"):
        (tmp_path / f"{PREFIX}{name}").mkdir()
        (tmp_path / f"{PREFIX}{name}" / LOCK).touch()
    (tmp_path / f"{PREFIX}other" / LOCK).unlink()
    (tmp_path / "mine").mkdir()
    with (tmp_path / f"{PREFIX}living" / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with scratch_folder(str(tmp_path)):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {f"{PREFIX}living", f"{PREFIX}other", "mine"}


def test_a_variable_that_is_not_set_and_a_folder_that_cannot_be_written_are_told(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_DISK", raising=False)
    told = r"scratch is \$NO_SUCH_DISK, and the variable NO_SUCH_DISK is not set on"
    with pytest.raises(StoreError, match=told), scratch_folder("$NO_SUCH_DISK"):
        pass
    (tmp_path / "file").write_text("")
    told = r"scratch .*file of .* cannot be written .* set scratch"
    with pytest.raises(StoreError, match=told), scratch_folder(str(tmp_path / "file")):
        pass


def test_encodes_are_written_in_scratch_and_only_whole_ones_leave_it(make_clip, tmp_path, monkeypatch) -> None:
    media = media_of(make_clip("scratch.mp4", CLIP, 12))
    store, folder, scratch = Store(tmp_path / "store"), tmp_path / "encodes", tmp_path / "scratch"
    scratch.mkdir()
    seen: list[tuple[int, Path]] = []
    measure = encode_points_module.measure

    def measured(path: Path, *arguments, **more):
        seen.append((len(list(folder.iterdir())), path.parent))
        return measure(path, *arguments, **more)

    monkeypatch.setattr(encode_points_module, "measure", measured)
    how = {"title": "it", "store": store, "folder": folder, "keyframe_s": 1.0, "threads": 1, "timeout_s": 60.0}
    how |= {"frame_cache_mb": 10.0, "variants": {"v": {"threads": 1}}, "scratch": scratch}
    made = encode_points(media, shot_table((0, 12)), plan_table("x264", [0], ["30"]), **how)
    assert len(made) == 1 and (folder / made["file"][0]).stat().st_nlink == 2
    assert seen == [(0, scratch)]
    assert list(scratch.iterdir()) == [] and [file.name for file in folder.iterdir()] == [made["file"][0]]

    monkeypatch.setattr(encode_points_module, "measure", lambda *_, **__: (_ for _ in ()).throw(EncodeError("no")))
    with pytest.raises(EncodeError, match="no"):
        encode_points(media, shot_table((0, 12)), plan_table("x264", [0], ["40"]), **how)
    assert list(scratch.iterdir()) == [] and len(list(folder.iterdir())) == 1


def point(store: Store, folder: Path, round_: int, height: int, crf: str, **more) -> dict:
    """An encode in the store, linked into the results as `encode` does; its row."""
    key = f"{round_}{height}{crf}".ljust(64, "0")
    stream = folder / "new.mp4"
    stream.write_bytes(key.encode())
    streams = folder / f"b0/r{round_}/x264/{height}p"
    streams.mkdir(parents=True, exist_ok=True)
    made = store.add(key, stream, {})
    store.link(made, streams / f"{crf}.mp4")
    return {"height": height, "crf": crf, "key": key, "file": f"{crf}.mp4", "round": round_} | more


@pytest.fixture
def searched(tmp_path: Path) -> tuple[Store, Path, dict]:
    """Two heights searched in round 0, one of them named by the ladder too; the choice measured in round 1."""
    store, folder = Store(tmp_path / "store"), tmp_path / "results/it"
    folder.mkdir(parents=True)
    rows = [point(store, folder, 0, height, crf) for height in (90, 54) for crf in ("20", "30")]
    rows += [point(store, folder, 1, 90, crf) for crf in ("24", "26")]
    template = plan_table("x264", [0], ["20"]).iloc[0].to_dict()
    made = {"bytes": 1, "frames": 1, "bitrate_kbps": 1.0, "peak_kbps": 1.0}
    made |= {"encode_wall_s": 0.0, "encode_cpu_s": 0.0, "command": ""}
    for (round_, height), group in pd.DataFrame(rows).groupby(["round", "height"]):
        table = pd.DataFrame([template | made | row for row in group.drop(columns="round").to_dict("records")])
        tables.write(folder / f"b0/r{round_}/x264/{height}p.parquet", table, tables.ENCODES)
    named = [row | {"file": f"b0/r{row['round']}/x264/{row['height']}p/{row['file']}"} for row in (rows[0], rows[4])]
    ladder = {"rungs": [{"points": [named[1]]}], "fixed": [{"points": [named[0]]}]}
    (folder / "ladder.json").write_text(json.dumps(ladder))
    store.pin(folder / "ladder.json", [row["key"] for row in named])
    return store, folder, ladder


def test_only_encodes_that_no_rung_is_made_of_go(searched) -> None:
    store, folder, ladder = searched
    done = tidy(folder, ladder, store)
    assert (done.folders, done.points) == (1, 2) and done.bytes > 100
    assert not (folder / "b0/r0/x264/54p").exists() and (folder / "b0/r0/x264/54p.parquet").exists()
    left = sorted(str(file.relative_to(folder)) for file in folder.glob("**/*.mp4"))
    assert left == [f"b0/r{n}/x264/90p/{crf}.mp4" for n, crf in ((0, "20"), (0, "30"), (1, "24"), (1, "26"))]
    assert all(store.find(row["key"]) for rung in (*ladder["rungs"], *ladder["fixed"]) for row in rung["points"])
    assert tidy(folder, ladder, store) == type(done)(0, 0, 0)


def test_a_removal_that_was_killed_halfway_is_finished(searched, monkeypatch) -> None:
    store, folder, ladder = searched
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tidy(folder, ladder, store)
    assert tidy(folder, ladder, store).points in (1, 2)
    assert not (folder / "b0/r0/x264/54p").exists()
    assert not list(folder.glob("**/.*.gone"))


def test_a_folder_that_cannot_be_removed_is_told(searched, monkeypatch) -> None:
    store, folder, ladder = searched
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(PermissionError("read-only")))
    monkeypatch.setattr(store, "evict", lambda keys: store.prune())
    with pytest.raises(LadderError, match=r"54p: cannot be removed \(read-only\); remove it, or set store\.keep: all"):
        tidy(folder, ladder, store)


def test_no_point_that_a_ladder_names_is_ever_evicted(searched) -> None:
    store, folder, ladder = searched
    named = {row["key"] for rung in (*ladder["rungs"], *ladder["fixed"]) for row in rung["points"]}
    every = {row.name for row in (store.path / "points").glob("??/*")}
    assert store.evict([*every, "f" * 64]).removed == 4
    assert {row.name for row in (store.path / "points").glob("??/*")} == named
    (folder / "ladder.json").unlink()
    assert store.evict(every).removed == 2


def test_a_ladder_that_is_kept_elsewhere_protects_its_points_though_no_file_is_here(tmp_path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "new.mp4").write_bytes(b"stream")
    store.add("a" * 64, tmp_path / "new.mp4", {})
    store.pin(tmp_path / "ladder.json", ["a" * 64], elsewhere=True)
    assert store.evict(["a" * 64]).removed == 0
    store.pin(tmp_path / "ladder.json", ["a" * 64])
    assert store.evict(["a" * 64]).removed == 1


def test_the_mark_keeps_to_its_schema() -> None:
    assert json.loads((ROOT / "config/schemas/tidied.json").read_text())["$id"] == "laddersmith/tidied/1"
