"""The benchmark of exports: a row for each form, with figures of real encodes."""

import shutil
from pathlib import Path

import pytest
from clips import ffmpeg_run
from export_kit import KEYFRAME_S, SIZE_PCT, VMAF, Rung, make_rung
from laddersmith.bench import exports as bench
from laddersmith.errors import ToolError

SHOTS = [(0, 30), (30, 60)]
FIGURES = {"rendition_kbps", "export_kbps", "size_difference_pct", "rendition_vmaf", "export_vmaf", "vmaf_difference"}


@pytest.fixture(scope="module")
def clip(bikes, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ffmpeg_run("-i", bikes, "-frames:v", "60", "-an", "-c:v", "libx264", "-qp", "8", path)
    return path


def rows_of(rung: Rung, folder: Path, timeout_s: float = 120.0) -> list[dict]:
    ladder = rung.ladder | {"rungs": [*rung.ladder["rungs"], {"codec": "other", "bitrate_kbps": 0.0}]}
    asked = {"variants": rung.variants, "keyframe_s": KEYFRAME_S, "model": "vmaf_v0.6.1", "timeout_s": timeout_s}
    return bench.export_rows(rung.codec, rung.media, rung.shots, ladder, rung.rendition.parent, folder, **asked)


def test_every_form_of_a_codec_has_a_row(clip, tmp_path):
    rows = rows_of(make_rung("x265", clip, tmp_path / "made", spans=SHOTS), tmp_path / "bench")
    assert [row["form"] for row in rows] == ["ffmpeg, shot by shot", "ffmpeg, zones and IDR frames"]
    for row in rows:
        assert row.keys() == FIGURES | {"case", "codec", "rung", "form"}
        assert (row["case"], row["codec"], row["rung"]) == ("export", "x265", "180p")
        assert abs(row["size_difference_pct"]) <= SIZE_PCT and abs(row["vmaf_difference"]) <= VMAF
    assert rows[0]["size_difference_pct"] == 0 and rows[0]["vmaf_difference"] == 0
    assert rows[1]["export_kbps"] == pytest.approx(
        rows[1]["rendition_kbps"] * (1 + rows[1]["size_difference_pct"] / 100), abs=0.01
    )


def test_a_form_whose_program_is_missing_is_named(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    rows = rows_of(make_rung("x264", clip, tmp_path / "made", spans=SHOTS), tmp_path / "bench")
    assert [row["form"] for row in rows] == [bench.SHOT_BY_SHOT, bench.ZONES_ALONE, bench.WHOLE["x264"]]
    assert rows[2]["left_out"] == "x264's command line is not installed" and not FIGURES & rows[2].keys()
    again = rows_of(make_rung("x264", clip, tmp_path / "again", spans=SHOTS), tmp_path / "second")
    assert again == rows  # one thread: the same bits in every run


def test_a_script_that_fails_or_lasts_is_an_error(clip, tmp_path):
    rung = make_rung("x265", clip, tmp_path / "made", spans=SHOTS)
    with pytest.raises(ToolError, match=r"180p, ffmpeg, shot by shot: its script was stopped after 0.01 s"):
        rows_of(rung, tmp_path / "bench", timeout_s=0.01)
    clip_of = rung.media.path
    Path(clip_of).rename(tmp_path / "gone.mp4")
    try:
        with pytest.raises(ToolError, match=r"(?s)its script failed \(exit status \d+\).*command: sh "):
            rows_of(rung, tmp_path / "bench")
    finally:
        (tmp_path / "gone.mp4").rename(clip_of)
