"""What encoders tell of their encodes: read where it is free, and neither bits nor keys change by it."""

import base64
import hashlib
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from encode_shots import NAMES, plan_table, settings, shot_table, title
from laddersmith import tables
from laddersmith.columns import ACCOUNT, FIRST_PASS, STATISTICS, TOLD
from laddersmith.encode import CODECS, points, statistics
from laddersmith.encode.inspect import Packet
from laddersmith.encode.points import encode_points
from laddersmith.store import Store

FRAMES = 20
TWO_PASSES = {"x264": "first_skip_share", "x265": "first_skip_share", "vp9": "first_coded_error"}
PACKETS = [Packet(0, 300, True), Packet(2, 100, False), Packet(1, 50, False)]
LINES = """\
out=  0 st=  0 frame=     0 q= 20.0 f_size=    310 s_size=        0KiB time= 0.010 type= I
out=  0 st=  0 frame=     1 q= 24.0 f_size=    100 s_size=        0KiB time= 0.040 type= P
out=  0 st=  0 frame=     2 q= 28.0 f_size=     50 s_size=        0KiB time= 0.080 type= B
"""
X264 = """\
#options: 320x136 fps=25/1
in:0 out:0 type:I dur:2 cpbdur:2 q:20.00 aq:19.00 tex:1000 mv:40 misc:60 imb:10 pmb:0 smb:0 d:- ref:;
in:2 out:1 type:P dur:2 cpbdur:2 q:24.00 aq:23.00 tex:400 mv:100 misc:30 imb:1 pmb:5 smb:4 d:- ref:0 ;
in:1 out:2 type:b dur:2 cpbdur:2 q:28.00 aq:27.00 tex:200 mv:70 misc:30 imb:0 pmb:2 smb:8 d:s ref:0 ;
"""


@pytest.fixture(scope="module")
def clip(make_clip):
    return title(make_clip("points.mp4", "testsrc2=size=120x80:rate=25", 30), 120, 80, 30)


def points_of(media, plan, folder: Path, store: Path, **changes):
    usual = {"title": "clip", "store": Store(store), "variants": {"v": {"threads": 1}}, "keyframe_s": 0.2}
    usual |= {"threads": 2, "timeout_s": 60.0, "frame_cache_mb": 10.0}
    return encode_points(media, shot_table((8, 8 + FRAMES)), plan, folder=folder, **(usual | changes))


@pytest.mark.parametrize("codec", NAMES)
def test_listening_changes_neither_bits_nor_key_and_tells_what_the_encoder_knows(codec, clip, tmp_path, monkeypatch):
    crfs = CODECS[codec].knob.default_crfs[1:5:3]
    plan = plan_table(codec, [0], crfs)
    told = points_of(clip, plan, tmp_path / "f", tmp_path / "s")
    with monkeypatch.context() as quiet:
        quiet.setattr(points, "listening", lambda codec, settings, runs, folder: list(runs))
        silent = points_of(clip, plan, tmp_path / "g", tmp_path / "t")
    assert list(told.key) == list(silent.key)
    for file in told.file:
        one, other = (hashlib.sha256((tmp_path / at / file).read_bytes()).hexdigest() for at in "fg")
        assert one == other
    names = [column.name for column in (*TOLD, *ACCOUNT)]
    known = set(told.columns[told.notna().all()].intersection(names))
    kinds = [kind.lower() for kind in "IPB" if kind in CODECS[codec].tells]
    expected = {"frame_bytes_max", "frame_bytes_std"}
    expected |= {f"{kind}_{what}" for kind in kinds for what in ("frames", "bytes")}
    if "qp" in CODECS[codec].tells:
        expected |= {"qp_mean", "qp_min", "qp_max", "qp_std", *(f"{kind}_qp_mean" for kind in kinds)}
        assert told.qp_mean.is_monotonic_increasing and (told.qp_min <= told.qp_mean).all()
    if CODECS[codec].account:
        expected |= {column.name for column in ACCOUNT}
        assert (told[["intra_share", "inter_share", "skip_share"]].sum(axis=1) - 1).abs().max() < 1e-12
    assert known == expected
    assert told[[name for name in names if name not in expected]].isna().all(axis=None)
    if kinds:
        assert list(told[[f"{kind}_frames" for kind in kinds]].sum(axis=1)) == [FRAMES] * 2
        assert list(told[[f"{kind}_bytes" for kind in kinds]].sum(axis=1)) == list(told.bytes)
        assert (told.i_frames == FRAMES // 5).all()
    assert silent[[name for name in names if not name.startswith("frame_bytes")]].isna().all(axis=None)


@pytest.mark.parametrize("codec", TWO_PASSES)
def test_the_first_of_two_passes_is_told_of(codec, clip, tmp_path):
    plan = plan_table(codec, [0], ["150"], rate="two_pass")
    row = points_of(clip, plan, tmp_path / "f", tmp_path / "s").iloc[0]
    known = {column.name for column in FIRST_PASS if not np.isnan(row[column.name])}
    assert TWO_PASSES[codec] in known
    shared = {"first_inter_share"}
    by_codec = {name for name in known if name in (f"first_{column.name}" for column in ACCOUNT)}
    assert (by_codec == shared) == (codec == "vp9")
    assert 0 <= row["first_inter_share"] <= 1


def test_points_that_were_stored_before_have_nothing_told(clip, tmp_path):
    plan = plan_table("x264", [0], ["30"])
    points_of(clip, plan, tmp_path / "f", tmp_path / "s")
    [path] = (tmp_path / "s" / "points").glob("??/*/row.json")
    row = json.loads(path.read_text())
    assert row["b_frames"] > 0 and row["first_qp_mean"] is None
    path.write_text(json.dumps({name: row[name] for name in row if name not in statistics.NAMES}))
    again = points_of(clip, plan, tmp_path / "f", tmp_path / "s")
    assert again[list(statistics.NAMES)].isna().all(axis=None)
    tables.write(tmp_path / "e.parquet", again, tables.ENCODES)
    assert tables.read(tmp_path / "e.parquet", tables.ENCODES).equals(again)


def test_tables_written_before_are_read_with_empty_columns(clip, tmp_path):
    made = points_of(clip, plan_table("vvenc", [0], ["32"]), tmp_path / "f", tmp_path / "s")
    made.drop(columns=list(statistics.NAMES)).to_parquet(tmp_path / "old.parquet")
    old = tables.read(tmp_path / "old.parquet", tables.ENCODES)
    assert old[list(statistics.NAMES)].isna().all(axis=None)
    assert list(old.columns) == list(made.columns) and (old.dtypes == made.dtypes).all()


def told(codec: str, folder: Path, **logs: str) -> dict:
    """What is told by logs with these names (`_` for a point) and texts."""
    if "ffmpeg2pass_log" in logs:
        logs |= {"frames_txt": LINES}
    for name, text in logs.items():
        (folder / name.replace("_", ".")).write_text(text)
    return statistics.statistics(CODECS[codec], folder, PACKETS, "a clip")


def test_the_figures_are_those_of_the_logs(tmp_path):
    found = told("x264", tmp_path, frames_txt=LINES, account_txt=X264)
    assert found == dict.fromkeys(statistics.NAMES) | {
        "frame_bytes_max": 300,
        "frame_bytes_std": pytest.approx(np.std([300, 100, 50])),
        "qp_mean": 24.0,
        "qp_min": 20.0,
        "qp_max": 28.0,
        "qp_std": pytest.approx(np.std([20, 24, 28])),
        **{f"{kind}_frames": 1 for kind in "ipb"},
        "i_bytes": 300,  # of the packet, which the settings SEI has left
        "p_bytes": 100,
        "b_bytes": 50,
        "i_qp_mean": 20.0,
        "p_qp_mean": 24.0,
        "b_qp_mean": 28.0,
        "i_texture_bits_mean": 1000.0,
        "pb_texture_bits_mean": 300.0,
        "motion_bits_mean": 70.0,
        "motion_bits_std": pytest.approx(np.std([40, 100, 70])),
        "other_bits_mean": 40.0,
        "intra_share": pytest.approx(11 / 30),
        "inter_share": pytest.approx(7 / 30),
        "skip_share": pytest.approx(12 / 30),
    }


def test_a_first_pass_has_its_own_figures(tmp_path):
    found = told("x265", tmp_path, ffmpeg2pass_log=X264.replace("mb:", "cu:"))
    assert found["first_qp_mean"] == 24.0
    assert found["first_frame_bits_mean"] == pytest.approx((1100 + 530 + 300) / 3)
    assert found["first_skip_share"] == pytest.approx(12 / 30)
    assert found["skip_share"] is None


def test_vp9s_first_pass_is_read_by_its_fields(tmp_path):
    records = np.zeros(4, statistics._VP9)
    records["coded_error"], records["count"] = [3, 1, 2, 6], [1, 1, 1, 3]
    found = told("vp9", tmp_path, ffmpeg2pass_log=base64.b64encode(records.tobytes()).decode())
    assert found["first_coded_error"] == 2.0
    assert found["first_qp_mean"] is None


@pytest.mark.parametrize(
    ("codec", "logs", "message"),
    [
        ("x264", {}, r"frames.txt tells nothing \(.*No such file"),
        ("x264", {"frames_txt": LINES[:100]}, r"frames.txt tells nothing \(it has 1 frames, the encode 3\)"),
        ("x264", {"account_txt_temp": ""}, r"account.txt tells nothing \(.*No such file"),
        ("x264", {"account_txt": X264[:200]}, r"account.txt tells nothing \(it has 1 frames, the encode 3\)"),
        ("x265", {"ffmpeg2pass_log": ""}, r"ffmpeg2pass.log tells nothing \(it has 0 frames, the encode 3\)"),
        ("vp9", {"ffmpeg2pass_log": base64.b64encode(bytes(216 * 3)).decode()}, r"\(it has 2 frames, the encode 3\)"),
        ("vp9", {"ffmpeg2pass_log": base64.b64encode(bytes(215)).decode()}, "buffer size must be a multiple"),
        ("vp9", {"ffmpeg2pass_log": "?"}, "tells nothing"),
    ],
)
def test_a_log_that_is_not_whole_is_told_and_leaves_columns_empty(codec, logs, message, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = told(codec, tmp_path, **logs)
    assert re.search(rf"a clip: the encoder's log .*{message}", caplog.text)
    own = {column.name for column in (FIRST_PASS if "ffmpeg2pass_log" in logs else STATISTICS)}
    known = {name for name in own if found[name] is not None}
    assert known == own & {"frame_bytes_max", "frame_bytes_std"}


@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_only_the_account_itself_is_written(codec, clip, tmp_path, monkeypatch):
    left = {}

    def looked(codec, folder, *given):
        left.update({path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()})
        return statistics.statistics(codec, folder, *given)

    monkeypatch.setattr(points, "statistics", looked)
    made = points_of(clip, plan_table(codec, [0], ["30"], preset="medium"), tmp_path / "f", tmp_path / "s")
    assert made.skip_share.notna().all()
    assert set(left) == {"frames.txt", "account.txt"} and sum(left.values()) < 400 * FRAMES


def test_an_encode_by_bitrate_keeps_no_account(tmp_path):
    asked = settings("x265", rate="average", crf="150")
    assert statistics.listening(CODECS["x265"], asked, [["-x265-params", "info=0"]], tmp_path) == [
        ["-vstats_file", "frames.txt", "-x265-params", "info=0"]
    ]


def test_every_column_has_a_meaning_of_its_own():
    assert len({column.name for column in STATISTICS}) == len(STATISTICS)
    assert all(column.means and column.nullable for column in STATISTICS)
