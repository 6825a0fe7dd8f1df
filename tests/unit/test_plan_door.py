"""The door of the rule `plan`."""

import json

import plan
import pytest
from laddersmith import tables
from laddersmith.errors import SourceError
from laddersmith.shots import find_shots
from test_quality import media_of


def test_boxes_keep_the_shape_and_a_display_that_would_not_is_refused_before_any_encode(make_clip, tmp_path):
    media = media_of(make_clip("plan.mp4", "testsrc2=size=160x68:rate=25", 5))
    (tmp_path / "source.json").write_text(json.dumps({"media": media.to_json()}))
    tables.write(tmp_path / "shots.parquet", find_shots(media), tables.SHOTS)
    variants = {"x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": [30]}}
    asked = {
        "facts": str(tmp_path / "source.json"), "shots": str(tmp_path / "shots.parquet"), "scores": [], "frames": [],
        "plan": str(tmp_path / "plan.parquet"), "round": "0", "strategy": "grid", "crf_step": 1, "variants": variants,
        "heights": [720, 90, 54], "pooling": "mean",
    }  # fmt: skip
    with pytest.raises(SourceError, match="a display of 320x180 would distort its 160x68; set 320x136"):
        plan.main(**asked, display="320x180")
    assert not (tmp_path / "plan.parquet").exists()
    plan.main(**asked, display="320x136")
    made = tables.read(tmp_path / "plan.parquet", tables.PLAN)
    assert made[["height", "width"]].to_numpy().tolist() == [[54, 96], [90, 160]]
