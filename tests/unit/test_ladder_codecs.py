"""Rules of single codecs within one ladder."""

import json

import numpy as np
import pandas as pd
import plan
import pytest
from laddersmith import tables
from laddersmith.config import rules_of, validate
from laddersmith.encode import CODECS
from laddersmith.errors import ConfigError
from laddersmith.ladder.choose import choose_allocations
from laddersmith.ladder.menus import Menus
from laddersmith.ladder.rungs import Limits, Rules, keep_rising
from laddersmith.search import by_heights, within_heights
from laddersmith.shots import find_shots
from test_quality import media_of

SHARED = {"min_step": 1, "min_quality": 0, "min_kbps": 1, "max_kbps": 9000, "min_height": 2, "max_height": 4320}
OWN = {"x264": {"rungs": 2, "max_height": 54, "max_quality": 80, "min_step": 5}}
TWO = {
    "x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": [30]},
    "svtav1": {"codec": "svtav1", "preset": "8", "pix_fmt": "yuv420p", "crfs": [40]},
}


def test_rules_of_a_codec_stand_in_place_of_the_ladders():
    rules = Rules(rungs=6, spacing="quality", max_quality=97, codecs=OWN, **SHARED)
    mine = rules.of("x264")
    assert (mine.rungs, mine.max_height, mine.max_quality, mine.min_step, mine.spacing) == (2, 54, 80, 5, "quality")
    assert rules.of("svtav1") == Rules(rungs=6, spacing="quality", max_quality=97, **SHARED)
    assert Limits(codecs=OWN, **SHARED).of("x264").min_step == 5  # of what only a choice reads nothing is taken
    config = validate({"ladder": {"codecs": {"x264": {"rungs": 3}}}}, CODECS)
    assert (rules_of(config["ladder"], "x264")["rungs"], rules_of(config["ladder"], "svtav1")["rungs"]) == (3, 6)


def test_a_codecs_own_rules_choose_and_keep_its_rungs():
    quality = np.array([[50.0, 60, 70, 80, 90, 95]])
    menu = Menus(
        codec="x264",
        variant="x264",
        rate="quality",
        shots=np.array([0]),
        frames=np.array([50.0]),
        heights=np.full((1, 6), 54),
        crfs=np.array([["45", "40", "35", "30", "25", "20"]], object),
        measured=np.ones((1, 6), bool),
        bits=8000 * 2 ** np.arange(6.0)[None],
        quality=quality,
        peak_kbps=np.ones((1, 6)),
    )
    rules = Rules(rungs=6, spacing="log_bitrate", max_quality=97, codecs=OWN, **SHARED)
    every, _ = choose_allocations([menu], rules.of("svtav1"), "mean", 2.0)
    few, _ = choose_allocations([menu], rules.of("x264"), "mean", 2.0)
    assert [wish.quality for wish in every] == [50, 60, 70, 80, 90, 95]
    assert [wish.quality for wish in few] == [50, 80]
    rungs = [
        {"name": f"{q}", "bitrate_kbps": float(q), "quality": q, "height": 54, "peak_kbps": 1.0, "buffer_kbit": 1.0}
        | {"shot_quality": {0: q}}
        for q in (50, 53, 80)
    ]
    assert [rung["quality"] for rung in keep_rising(rungs, rules.of("svtav1"))[0]] == [50, 53, 80]
    kept, missing = keep_rising(rungs, rules.of("x264"))
    assert [rung["quality"] for rung in kept] == [50, 80]
    assert "less than ladder.min_step 5" in missing[0].reason


def test_codecs_are_planned_at_their_own_heights(make_clip, tmp_path):
    media = media_of(make_clip("plan.mp4", "testsrc2=size=160x90:rate=25", 5))
    (tmp_path / "source.json").write_text(json.dumps({"media": media.to_json()}))
    tables.write(tmp_path / "shots.parquet", find_shots(media), tables.SHOTS)
    asked = {
        "facts": str(tmp_path / "source.json"), "shots": str(tmp_path / "shots.parquet"), "scores": [], "frames": [],
        "plan": str(tmp_path / "plan.parquet"), "round": "0", "variants": TWO, "heights": [90, 54], "pooling": "mean",
        "title": "plan", "looks": [], "config": {}, "display": "160x90",
    }  # fmt: skip
    for strategy in ("grid", "refine"):
        search = {"strategy": strategy, "crf_step": 1}
        plan.main(**asked, search=search, limits={"x264": [54], "svtav1": [90, 54]})
        made = tables.read(tmp_path / "plan.parquet", tables.PLAN)
        assert sorted(made[["codec", "height"]].to_numpy().tolist()) == [["svtav1", 54], ["svtav1", 90], ["x264", 54]]
        plan.main(**asked, search=search)
        assert len(tables.read(tmp_path / "plan.parquet", tables.PLAN)) == 4


def test_points_at_heights_where_a_codec_may_have_no_rung_are_passed_over():
    points = pd.DataFrame({"codec": ["x264", "x264", "svtav1"], "height": [90, 54, 90]})
    kept = within_heights(points, {"x264": [54], "svtav1": [54, 90]})
    assert kept.to_numpy().tolist() == [["x264", 54], ["svtav1", 90]]
    assert within_heights(points.iloc[:0], {"x264": [54]}).empty
    groups = by_heights(TWO, [90, 54], {"x264": [54]})
    assert [(list(own), heights) for own, heights in groups] == [(["x264"], [54]), (["svtav1"], [90, 54])]
    assert len(by_heights(TWO, [90, 54], {})) == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"x264": {"allocation": "single"}}, r"ladder.codecs.x264.allocation: unknown key; it belongs under ladder"),
        ({"x264": {}}, r"ladder.codecs.x264 is empty; at least one is needed"),
        ({"x26": {"rungs": 2}}, r"ladder.codecs: there is no codec 'x26'; the choices are .*; the nearest are x264"),
        ({"vp9": {"rungs": 2}}, r"ladder.codecs names vp9, which no variant has; the variants have x264, svtav1"),
        (
            {"x264": {"min_kbps": 30000}},
            r"x264: ladder.codecs.x264.min_kbps is 30000, above ladder.max_kbps, 20000; no rung could be within both",
        ),
        (
            {"x264": {"min_height": 100, "max_height": 110}},
            r"x264: none of heights .* lies within ladder.codecs.x264.min_height 100 and ladder.codecs.x264.max_height",
        ),
    ],
)
def test_what_cannot_be_is_told(section, message):
    with pytest.raises(ConfigError, match=message):
        validate({"ladder": {"codecs": section}}, CODECS)


def test_codecs_to_prefer_must_be_there():
    with pytest.raises(ConfigError, match=r"package.prefer names vp9, which no variant has"):
        validate({"package": {"prefer": ["vp9"]}}, CODECS)
    assert validate({"package": {"prefer": ["x264"]}}, CODECS)["package"]["prefer"] == ["x264"]
