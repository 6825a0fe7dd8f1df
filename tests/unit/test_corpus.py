"""The corpus: its rows, its files, and the foreign row of 54 columns, there and back."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import ROOT
from encode_shots import NAMES, shot_table
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import tables
from laddersmith.__main__ import main
from laddersmith.corpus import export_row54, import_row54, join, read_rows, title_rows, write_rows
from laddersmith.corpus.page import MEANS, json_schema, page
from laddersmith.corpus.row54 import FLAG, KINDS, LIST, NUMBER, TEXT, WHOLE, from_row54, to_row54
from laddersmith.encode.releases import release
from laddersmith.errors import CorpusError, TableError
from laddersmith.source.media import Colour, Media
from pandas.testing import assert_frame_equal

NATURAL = {
    "schema_version": 3,
    "run_id": "0f3c",
    "timestamp": "2026-05-16T21:57:46+00:00",
    "src": "/footage/BigBuckBunny.yuv",
    "src_sha256": "ab" * 32,
    "width": 1920,
    "height": 1080,
    "pix_fmt": "yuv420p",
    "framerate": 23.976,
    "duration_s": 10.0,
    "encoder": "libx265",
    "encoder_version": "4.1",
    "preset": "slow",
    "crf": 28,
    "extra_params": ["-tune", "grain"],
    "encode_path": "",
    "encode_size_bytes": 123456,
    "bitrate_kbps": 98.7648,
    "encode_time_ms": 12345.678,
    "vmaf_score": 91.234567,
    "vmaf_model": "vmaf_v0.6.1",
    "score_time_ms": 456.7,
    "ffmpeg_version": "7.1",
    "vmaf_binary_version": "3.0.0",
    "exit_status": 0,
    "clip_mode": "full",
    "hdr_transfer": "",
    "hdr_primaries": "",
    "hdr_forced": False,
    "shot_count": 4,
    "shot_avg_duration_sec": 2.5,
    "shot_duration_std_sec": 0.25,
    **{key: 0.5 + number / 7 for number, key in enumerate(key for key in KINDS if key[-4:] in ("mean", "_std"))},
    "enc_internal_intra_ratio": 0.125,
    "enc_internal_skip_ratio": 0.5,
}
ALWAYS_FOREIGN = {"run_id", "timestamp", "extra_params"}

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
values = {
    WHOLE: st.integers() | st.integers(0, 5000),
    NUMBER: numbers | st.sampled_from([0, 0.0, -0.0, 24, 24.0, 23.976, 29.97]),
    TEXT: st.text() | st.sampled_from(["", "full", "sample_10s", "pq", "hlg", "bt2020", "libx264", "h264_nvenc"]),
    FLAG: st.booleans(),
    LIST: st.lists(st.text(), max_size=3),
}


@st.composite
def any_row(draw) -> dict:
    """A row of which up to eight cells are anything that their kinds allow."""
    keys = draw(st.lists(st.sampled_from([key for key in KINDS if key != "schema_version"]), max_size=8, unique=True))
    empty = {key: st.nothing() if key in ("src", "encoder") else st.none() for key in keys}
    return NATURAL | {key: draw(empty[key] | values[KINDS[key]]) for key in keys}


def written(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def lines(path: Path) -> list[dict]:
    """The rows of a file of strictly valid JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_there_are_54_columns_and_every_one_is_explained():
    assert len(KINDS) == 54 and list(MEANS) == list(KINDS)
    assert set(NATURAL) == set(KINDS)


@given(any_row())
@settings(max_examples=150)
def test_any_foreign_row_comes_back_to_the_letter(row):
    assert json.dumps(to_row54(from_row54(row, "a test"))) == json.dumps(row)


@given(st.lists(any_row(), max_size=3))
@settings(max_examples=8)
def test_any_foreign_file_comes_back_through_files_of_ours(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("row54")
    for kind in ("parquet", "jsonl"):
        write_rows(folder / f"ours.{kind}", import_row54(written(folder / "theirs.jsonl", rows)))
        assert export_row54(folder / "again.jsonl", read_rows(folder / f"ours.{kind}")) == len(rows)
        assert (folder / "again.jsonl").read_text() == "".join(
            json.dumps(row, ensure_ascii=False) + "\n" for row in rows
        )


def test_a_natural_row_means_the_same_in_our_columns():
    ours = from_row54(NATURAL, "a test")
    assert set(json.loads(ours["foreign"])) == ALWAYS_FOREIGN
    expected = {
        "title": "BigBuckBunny",
        "span": "title",
        "timing": "unknown",
        "frame_rate": "2997/125",
        "codec": "x265",
        "crf": "28",
        "width": 1920,
        "picture_height": 1080,
        "height": None,
        "bytes": None,
        "file_bytes": 123456,
        "encode_wall_s": 12.345678,
        "encode_cpu_s": None,
        "score_wall_s": 0.4567,
        "vmaf_mean": 91.234567,
        "shots": 4,
        "first_intra_share": 0.125,
        "source_transfer": None,
    }
    assert {name: ours[name] for name in expected} == expected
    assert Fraction(ours["frame_rate"]) == Fraction("23.976")


@pytest.mark.parametrize(
    ("change", "ours", "kept"),
    [
        ({"hdr_transfer": "pq", "hdr_primaries": "bt2020"}, {"source_transfer": "smpte2084"}, set()),
        ({"hdr_transfer": "hlg", "hdr_primaries": "bt2020"}, {"source_primaries": "bt2020"}, set()),
        ({"clip_mode": "sample_10s"}, {"span": "sample", "duration_s": None, "shot": None}, {"clip_mode"}),
        ({"encoder": "libmystery"}, {"codec": None, "encoder": "libmystery"}, set()),
        ({"exit_status": 1, "vmaf_score": math.nan}, {"vmaf_mean": None}, {"exit_status"}),
        (
            {"shot_count": 0, "shot_avg_duration_sec": 0.0, "shot_duration_std_sec": 0.0},
            {"shots": None, "shot_mean_s": None},
            set(),
        ),
        (
            {key: 0.0 for key in KINDS if key.startswith("enc_internal")},
            {"first_qp_mean": None},
            {key for key in KINDS if key.startswith("enc_internal")},
        ),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_what_is_unknown_is_empty(change, ours, kept):
    row = from_row54(NATURAL | change, "a test")
    assert {name: row[name] for name in ours} == ours
    assert set(json.loads(row["foreign"])) == ALWAYS_FOREIGN | kept


def test_nan_is_read_as_empty_and_written_as_null(tmp_path):
    path = written(tmp_path / "theirs.jsonl", [NATURAL | {"adm2_std": math.nan}])
    assert "NaN" in path.read_text()
    table = import_row54(path)
    assert table["adm2_std"].isna().all()
    export_row54(tmp_path / "again.jsonl", table)
    assert lines(tmp_path / "again.jsonl") == [NATURAL | {"adm2_std": None}]


def test_parquet_of_theirs_is_read_and_written(tmp_path):
    pq.write_table(pa.Table.from_pylist([NATURAL, NATURAL | {"crf": 30}]), tmp_path / "theirs.parquet")
    table = import_row54(tmp_path / "theirs.parquet")
    assert list(table["crf"]) == ["28", "30"]
    export_row54(tmp_path / "again.parquet", table)
    assert pq.read_table(tmp_path / "again.parquet").to_pylist() == [NATURAL, NATURAL | {"crf": 30}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            NATURAL | {"schema_version": 2},
            "row 1: is a row of schema_version 2; only version 3, with 54 columns, is read",
        ),
        (NATURAL | {"schema_version": True}, "of schema_version true; only version 3"),
        ({}, "is a row without a schema_version"),
        (NATURAL | {"vmaf": 1}, "has the unknown column vmaf; the nearest is"),
        ({key: NATURAL[key] for key in KINDS if key != "crf"}, "lacks crf; give every one of the 54 columns"),
        (NATURAL | {"crf": "28"}, 'crf is "28", not a number; mend the row or remove it'),
        (NATURAL | {"width": 1.5}, "width is 1.5, not a whole number"),
        (NATURAL | {"width": True}, "width is true, not a whole number"),
        (NATURAL | {"src": None}, "src is null, not text"),
        (NATURAL | {"src": "\ud800"}, "src is .*, not text"),
        (NATURAL | {"hdr_forced": 0}, "hdr_forced is 0, not true or false"),
        (NATURAL | {"extra_params": [1]}, "extra_params is .*, not a list of texts"),
    ],
)
def test_a_row_of_another_form_is_refused_in_a_sentence(row, message, tmp_path):
    with pytest.raises(CorpusError, match=message):
        import_row54(written(tmp_path / "theirs.jsonl", [row]))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "{", r"a.jsonl, row 1: is not JSON \("),
        ("a.jsonl", "\n[1]\n", "row 2: is not a JSON object"),
        ("a.jsonl", '{"a": Infinity}', "row 1: is not JSON .*Infinity"),
        ("a.jsonl", json.dumps(NATURAL).replace("91.234567", "1e999"), "vmaf_score is Infinity, not a number"),
        ("a.jsonl", b"\xff", "cannot be read as text"),
        ("a.parquet", "no", "cannot be read as Parquet"),
        ("a.csv", "a", r"a corpus is a file .parquet or .jsonl; name it so"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(name, text, message, tmp_path):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CorpusError, match=message):
        import_row54(tmp_path / name)
    with pytest.raises(CorpusError, match=r"no.jsonl: no such file; name one that is there"):
        import_row54(tmp_path / "no.jsonl")


MEDIA = Media("/m.mp4", 640, 272, "yuv420p", 8, Fraction(25), 5, Colour("tv", "bt709", "bt709", "bt709", "left"))
FACTS = {"title": "tiny", "path": "tiny.mp4", "sha256": "5" * 64, "media": MEDIA.to_json()}


def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and frames of two shots, and of the whole title, as the engine writes them."""
    scores, frames = [], []
    for shot, start, end, variant in [(0, 0, 2, "fast"), (1, 2, 5, "fast"), (-1, 0, 5, "fast@100k")]:
        point = {"shot": shot, "variant": variant, "height": 90, "crf": "30"}
        own = pd.DataFrame({"frame": range(start, end)}).assign(
            **point, vmaf=lambda table: 90 + table["frame"] / 7, psnr_cb=40.0, psnr_cr=41.0
        )
        own["adm2"] = own["frame"] / 3
        frames.append(own)
        scores.append(
            point
            | {"codec": "x264", "preset": "veryfast", "pix_fmt": "yuv420p", "width": 160, "rate": "quality"}
            | {"maxrate_kbps": None, "bufsize_kbps": None, "reason": "a test", "key": f"k{shot}", "file": "a.mp4"}
            | {"bytes": 1000, "frames": end - start, "bitrate_kbps": 1e-3 / 3, "peak_kbps": 2.0, "command": "ffmpeg"}
            | {"encode_wall_s": 1.0, "encode_cpu_s": 0.1 + 0.2, "model": "vmaf_v0.6.1", "engine": "numba"}
            | {f"vmaf_{how}": float(own["vmaf"].mean()) for how in ("mean", "harmonic", "min", "p5", "std")}
            | {"psnr_cb": 40.0, "psnr_cr": 41.0, "frames_scored": end - start, "adm2": float(own["adm2"].mean())}
            | {"i_frames": 1, "qp_mean": 28.0}
        )
    return tables.conform(pd.DataFrame(scores), tables.SCORES), tables.conform(pd.concat(frames), tables.FRAMES)


def rows(scores=None, frames=None) -> pd.DataFrame:
    plain, by_frame = measured()
    own = {"threads": 1, "latency": "offline", "roi": None}
    return title_rows(
        FACTS,
        shot_table((0, 2), (2, 5)),
        plain if scores is None else scores,
        by_frame if frames is None else frames,
        variants={"fast": own, "fast@100k": own},
        display=(640, 272),
        versions={"laddersmith_version": "1", "encode_version": "1", "ffmpeg_version": "9"},
        releases={"x264": "core 165"},
        engines={"numba": "kernels-1"},
        models={"vmaf_v0.6.1": "ab"},
    )


def test_a_title_has_a_row_for_every_point_of_its_shots_and_of_the_whole():
    table = rows()
    assert list(table["span"]) == ["title", "shot", "shot"] and list(table["shot"]) == [-1, 0, 1]
    assert list(table["start"]) == [0, 0, 2] and list(table["end"]) == [5, 2, 5]
    assert list(table["duration_s"]) == [0.2, 0.08, 0.12]
    assert list(table["picture_height"]) == [68] * 3 and list(table["encoder"]) == ["libx264"] * 3
    assert table["adm2_std"].to_numpy() == pytest.approx([np.std(np.arange(5) / 3), 1 / 6, np.std([2, 3, 4]) / 3])
    assert table["shot_std_s"].to_numpy() == pytest.approx(0.02)
    assert (table["timing"] == "shared").all() and table["score_wall_s"].isna().all()
    assert list(table["i_frames"]) == [1] * 3 and table["p_frames"].isna().all()


def test_files_hold_the_same_rows_to_the_last_bit(tmp_path):
    table = rows()
    assert join([table, table.assign(title="other")], [tmp_path / "c.parquet", tmp_path / "c.jsonl"]) == 6
    binary, text = read_rows(tmp_path / "c.parquet"), read_rows(tmp_path / "c.jsonl")
    assert_frame_equal(binary, text, check_exact=True)
    assert_frame_equal(binary.head(3), table, check_exact=True, check_dtype=False)
    assert_frame_equal(tables.read(tmp_path / "c.parquet", tables.CORPUS), binary, check_exact=True)
    checker = Draft202012Validator(json_schema())
    for row in lines(tmp_path / "c.jsonl"):
        checker.validate(row)
        assert list(row) == tables.CORPUS.columns.names
        assert row["p_frames"] is None and row["i_frames"] == 1 and row["encode_cpu_s"] == 0.1 + 0.2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.jsonl", "c.parquet"]


def test_a_corpus_without_rows_has_its_columns(tmp_path):
    for kind in ("parquet", "jsonl"):
        write_rows(tmp_path / f"c.{kind}", tables.empty(tables.CORPUS))
        assert list(read_rows(tmp_path / f"c.{kind}").columns) == tables.CORPUS.columns.names


def test_our_rows_in_their_form(tmp_path):
    export_row54(tmp_path / "theirs.jsonl", rows())
    whole, first, _ = lines(tmp_path / "theirs.jsonl")
    assert [whole["clip_mode"], first["clip_mode"]] == ["full", "shot_0"]
    assert first["encode_size_bytes"] == 1000 and first["encode_time_ms"] == 1000.0 and first["crf"] == 30
    assert first["height"] == 68 and first["framerate"] == 25.0 and first["duration_s"] == 0.08
    assert first["run_id"] is None and first["enc_internal_qp_mean"] is None and first["vif_scale0_mean"] is None
    assert import_row54(tmp_path / "theirs.jsonl")["span"].tolist() == ["title", "sample", "sample"]


def test_an_encode_of_one_pass_tells_of_that_one():
    row = dict.fromkeys(tables.CORPUS.columns.names) | {"source": "a", "encoder": "libx264", "rate": "quality"}
    row |= {"bytes": 1000, "frames": 4, "frame_bytes_std": 2.5, "qp_mean": 28.0, "motion_bits_mean": 7.0}
    assert to_row54(row)["enc_internal_bits_mean"] == 2000.0
    assert to_row54(row)["enc_internal_bits_std"] == 20.0
    assert to_row54(row)["enc_internal_qp_mean"] == 28.0
    assert to_row54(row | {"first_qp_mean": 3.0})["enc_internal_qp_mean"] == 3.0
    assert to_row54(row | {"motion_bits_mean": None})["enc_internal_qp_mean"] is None
    assert to_row54(row | {"crf": "900", "rate": "two_pass"})["crf"] is None


def test_frames_that_are_not_all_there_are_refused():
    _, frames = measured()
    with pytest.raises(
        CorpusError, match="tiny: whole title, fast@100k 90p CRF 30: not every frame has its score; delete"
    ):
        rows(frames=frames.iloc[:-1])


def test_a_feature_without_a_column_is_refused():
    scores, _ = measured()
    with pytest.raises(CorpusError, match="tiny: the corpus has no column for surprise"):
        rows(scores=scores.assign(surprise=1.0))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"schema": "laddersmith/corpus/0"}, CorpusError, "row 1: its schema is laddersmith/corpus/0, not"),
        ({"surprise": 1}, CorpusError, "row 1: has the unknown column surprise"),
        ({"bytes": "many"}, CorpusError, "holds a value of the wrong kind"),
        ({"width": 2**40}, CorpusError, "holds a value of the wrong kind"),
        ({"title": None}, TableError, "has empty cells in title"),
    ],
)
def test_a_damaged_corpus_is_refused(change, error, message, tmp_path):
    write_rows(tmp_path / "c.jsonl", rows())
    written(tmp_path / "c.jsonl", [row | change for row in lines(tmp_path / "c.jsonl")])
    with pytest.raises(error, match=message):
        read_rows(tmp_path / "c.jsonl")


def test_a_foreign_row_is_told_from_ours(tmp_path):
    with pytest.raises(CorpusError, match=r"its schema is none, .* `python -m laddersmith corpus import` reads it"):
        read_rows(written(tmp_path / "c.jsonl", [NATURAL]))


def test_nan_in_a_file_of_ours_and_infinity_in_a_table_are_refused(tmp_path):
    write_rows(tmp_path / "c.jsonl", rows())
    (tmp_path / "n.jsonl").write_text((tmp_path / "c.jsonl").read_text().replace("28.0", "NaN"))
    with pytest.raises(CorpusError, match=r"n.jsonl, row 1: is not JSON .NaN is not JSON"):
        read_rows(tmp_path / "n.jsonl")
    with pytest.raises(CorpusError, match="tiny, row 1: qp_mean is infinite, which is no measurement"):
        write_rows(tmp_path / "i.jsonl", rows().assign(qp_mean=math.inf))
    assert not (tmp_path / "i.jsonl").exists()


def test_the_page_and_the_schema_are_those_of_the_columns():
    assert (ROOT / "docs" / "corpus.md").read_text() == page()
    assert json.loads((ROOT / "config" / "schemas" / "corpus.json").read_text()) == json_schema()


def test_the_command_reads_and_writes(tmp_path, capsys):
    theirs = written(tmp_path / "theirs.jsonl", [NATURAL])
    ours, text, again = (str(tmp_path / name) for name in ("o.parquet", "o.jsonl", "again.jsonl"))
    assert main(["corpus", "import", str(theirs), "--to", ours]) == 0
    assert main(["corpus", "export", ours, "--form", "corpus", "--to", text]) == 0
    assert main(["corpus", "export", text, "--form", "row54", "--to", again]) == 0
    assert lines(Path(again)) == [NATURAL]
    assert main(["corpus", "page"]) == main(["corpus", "schema"]) == 0
    assert page() in capsys.readouterr().out
    assert main(["corpus", "import", ours, "--to", text]) == 1
    assert "is a row without a schema_version" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["corpus", "export", ours, "--to", text])


@pytest.mark.parametrize("codec", [*NAMES, "h264_nvenc"])
def test_an_encoders_library_tells_its_release(codec):
    told = release(codec)
    assert (told is None) == (codec in ("rav1e", "h264_nvenc"))
    assert told is None or any(letter.isdigit() for letter in told)
