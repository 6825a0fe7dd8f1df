import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from laddersmith import tables
from laddersmith.errors import TableError
from pandas.testing import assert_frame_equal

ALL = [value for value in vars(tables).values() if isinstance(value, tables.Schema)]


def plan(**changed) -> pd.DataFrame:
    """Two rows of a plan, with columns changed or added."""
    rows = {
        "shot": [0, 1],
        "codec": "x264",
        "variant": "x264",
        "preset": "fast",
        "pix_fmt": "yuv420p",
        "height": 270,
        "width": 480,
        "crf": ["23", "31.5"],
        "maxrate_kbps": [np.nan, 365.0],
        "bufsize_kbps": np.nan,
        "reason": "grid",
    }
    return pd.DataFrame(rows | changed)


def frame_rows(**features) -> pd.DataFrame:
    rows = {"shot": 0, "variant": "x264", "height": 270, "crf": "23", "frame": [0, 1], "vmaf": [90.0, 91.5]}
    return pd.DataFrame(rows | {"psnr_cb": 40.0, "psnr_cr": 41.0} | features)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "plan.parquet"
    tables.write(path, plan()[sorted(plan().columns)].set_index(pd.Index([7, 5])), tables.PLAN)
    back = tables.read(path, tables.PLAN)
    assert list(back.columns) == tables.PLAN.columns.names and list(back.index) == [0, 1]
    assert back["shot"].dtype == np.int32 and back["maxrate_kbps"].dtype == np.float64
    assert set(back["rate"]) == {"quality"}  # a column that the table was written without
    assert_frame_equal(back, tables.since(plan())[list(back.columns)], check_dtype=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.parquet"]


def test_equal_tables_are_equal_files(tmp_path):
    tables.write(tmp_path / "a.parquet", plan(), tables.PLAN)
    tables.write(tmp_path / "b.parquet", plan(), tables.PLAN)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)
def test_a_table_without_rows_keeps_its_columns(tmp_path, schema):
    path = tmp_path / "empty.parquet"
    tables.write(path, tables.empty(schema), schema)
    back = tables.read(path, schema)
    assert len(back) == 0 and list(back.columns) == schema.columns.names
    assert len(tables.read_all([path, path], schema)) == len(tables.read_all([], schema)) == 0


def test_the_path_of_a_table_says_nothing_about_its_columns(tmp_path):
    path = tmp_path / "crf=99" / "plan.parquet"
    path.parent.mkdir()
    tables.write(path, plan(), tables.PLAN)
    assert list(tables.read(path, tables.PLAN)["crf"]) == ["23", "31.5"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (plan().drop(columns=["crf", "codec"]), "plan table lacks codec, crf"),
        (plan(surprise=1.0), "plan table has unknown columns surprise"),
        (pd.concat([plan(), plan()[["crf"]]], axis=1), "plan table has a column twice"),
        (pd.concat([plan(), plan()]), "plan table holds {'shot': 0, 'variant': 'x264', .* twice"),
        (plan(codec=["x264", None]), "plan table has empty cells in codec"),
        (plan(shot=[0, np.nan]), "plan table has empty cells in shot"),
        (plan(shot=[0, 1.5]), "wrong kind: shot must be int32, not floating"),
        (plan(shot=[0, 2**40]), "wrong kind: shot must be int32"),
        (plan(shot=["0", "1"]), "wrong kind: shot must be int32, not string"),
        (plan(shot=[False, True]), "wrong kind: shot must be int32, not boolean"),
        (plan(crf=[23.0, 31.5]), "wrong kind: crf must be string, not floating"),
        (plan(crf=["23", 31.5]), "wrong kind: crf must be string, not mixed"),
        (plan(maxrate_kbps="365"), "wrong kind: maxrate_kbps must be double, not string"),
    ],
)
def test_what_a_plan_cannot_hold_is_refused(tmp_path, table, message):
    path = tmp_path / "plan.parquet"
    with pytest.raises(TableError, match=message):
        tables.write(path, table, tables.PLAN)
    assert not list(tmp_path.iterdir())


def test_whole_numbers_are_integers_however_they_are_kept():
    kept = tables.conform(plan(shot=[0.0, 1.0], height=np.int64(270)), tables.PLAN)
    assert kept["shot"].tolist() == [0, 1] and kept["height"].dtype == np.int32


def test_caps_may_be_empty_and_of_no_kind():
    kept = tables.conform(plan(maxrate_kbps=None, bufsize_kbps=None), tables.PLAN)
    assert kept["maxrate_kbps"].isna().all() and kept["maxrate_kbps"].dtype == np.float64


def test_a_flag_is_true_or_false_and_nothing_else():
    rows = tables.empty(tables.TITLE_POINTS)
    filled = pd.DataFrame({name: ["x"] if rows[name].dtype == object else [1] for name in rows.columns})
    texts = [field.name for field in tables.TITLE_POINTS.columns if pa.types.is_string(field.type)]
    filled[texts] = "x"
    with pytest.raises(TableError, match="on_hull must be bool, not integer"):
        tables.conform(filled.assign(on_cross_hull=True), tables.TITLE_POINTS)
    assert tables.conform(filled.assign(on_hull=True, on_cross_hull=False), tables.TITLE_POINTS)["on_hull"].all()


def test_features_are_kept_as_numbers_beside_an_open_schema(tmp_path):
    path = tmp_path / "frames.parquet"
    tables.write(path, frame_rows(adm2=[1, 2]), tables.FRAMES)
    assert tables.read(path, tables.FRAMES)["adm2"].tolist() == [1.0, 2.0]
    with pytest.raises(TableError, match="wrong kind: adm2 must be double, not string"):
        tables.write(path, frame_rows(adm2="much"), tables.FRAMES)
    with pytest.raises(TableError, match="empty cells in adm2"):
        tables.write(path, frame_rows(adm2=[1.0, np.nan]), tables.FRAMES)


def test_tables_of_several_rounds_are_one_and_the_first_of_a_point_stays(tmp_path):
    first, second = tmp_path / "r0.parquet", tmp_path / "r1.parquet"
    tables.write(first, plan(reason="first"), tables.PLAN)
    tables.write(second, plan(shot=[1, 2], crf=["31.5", "23"], reason="second"), tables.PLAN)
    joined = tables.read_all([first, second], tables.PLAN)
    assert joined["shot"].tolist() == [0, 1, 2]
    assert joined["reason"].tolist() == ["first", "first", "second"] and joined.index.tolist() == [0, 1, 2]


def test_tables_with_other_features_are_not_joined_to_holes(tmp_path):
    first, second = tmp_path / "r0.parquet", tmp_path / "r1.parquet"
    tables.write(first, frame_rows(adm2=1.0), tables.FRAMES)
    tables.write(second, frame_rows(vif=1.0), tables.FRAMES)
    with pytest.raises(TableError, match=r"r1.parquet: not the columns of the frames tables before it \(adm2, vif\)"):
        tables.read_all([first, second], tables.FRAMES)


def test_an_empty_table_takes_no_part_in_what_features_there_are(tmp_path):
    first, second = tmp_path / "r0.parquet", tmp_path / "r1.parquet"
    tables.write(first, tables.empty(tables.FRAMES), tables.FRAMES)
    tables.write(second, frame_rows(adm2=1.0), tables.FRAMES)
    assert "adm2" in tables.read_all(iter([first, second]), tables.FRAMES)


def test_a_file_that_is_no_table_is_named(tmp_path):
    whole = tmp_path / "whole.parquet"
    tables.write(whole, plan(), tables.PLAN)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-100])
    text = tmp_path / "text.parquet"
    text.write_text("shot,crf\n0,23\n")
    (tmp_path / "void.parquet").touch()
    for name in ("cut", "text", "void", "absent"):
        with pytest.raises(TableError, match=rf"{name}.parquet: not a readable plan table .*delete it and run again"):
            tables.read(tmp_path / f"{name}.parquet", tables.PLAN)


def test_another_stage_s_table_is_refused_when_read(tmp_path):
    path = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"shot": [0], "start": [0]}), path)
    with pytest.raises(TableError, match=r"foreign.parquet: plan table lacks codec, variant"):
        tables.read(path, tables.PLAN)


def test_a_write_that_fails_leaves_the_old_table_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "plan.parquet"
    tables.write(path, plan(), tables.PLAN)

    def full(table, where, **_):
        Path(where).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(tables.pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        tables.write(path, plan(reason="new"), tables.PLAN)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.parquet"]
    assert tables.read(path, tables.PLAN)["reason"].tolist() == ["grid", "grid"]


def test_a_kill_in_mid_write_leaves_nothing_under_the_final_name(tmp_path):
    path = tmp_path / "plan.parquet"
    script = f"""
import sys, time
from pathlib import Path
from laddersmith import tables
def slow(table, where, **_):
    Path(where).write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(60)
tables.pq.write_table = slow
tables.write({str(path)!r}, tables.empty(tables.PLAN), tables.PLAN)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(tables.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    assert [entry.name.startswith(".plan.") for entry in tmp_path.iterdir()] == [True]
