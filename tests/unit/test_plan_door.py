"""The door of the rule `plan`, and under strategy `adaptive` that of `choose`."""

import json
from pathlib import Path

import choose
import pandas as pd
import plan
import pytest
from laddersmith import tables
from laddersmith.bench.strategies import LIMITS
from laddersmith.errors import SourceError
from laddersmith.hull import shot_points
from laddersmith.shots import find_shots
from search_world import BOXES, DISPLAY, FRAMES, HEIGHTS, World, scores, variants
from test_quality import media_of


def test_boxes_keep_the_shape_and_a_display_that_would_not_is_refused_before_any_encode(make_clip, tmp_path):
    media = media_of(make_clip("plan.mp4", "testsrc2=size=160x68:rate=25", 5))
    (tmp_path / "source.json").write_text(json.dumps({"media": media.to_json()}))
    tables.write(tmp_path / "shots.parquet", find_shots(media), tables.SHOTS)
    variants = {"x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": [30]}}
    asked = {
        "facts": str(tmp_path / "source.json"), "shots": str(tmp_path / "shots.parquet"), "scores": [], "frames": [],
        "plan": str(tmp_path / "plan.parquet"), "round": "0", "search": {"strategy": "grid", "crf_step": 1},
        "variants": variants, "heights": [720, 90, 54], "pooling": "mean", "title": "plan", "looks": [],
        "config": {},
    }  # fmt: skip
    with pytest.raises(SourceError, match="a display of 320x180 would distort its 160x68; set 320x136"):
        plan.main(**asked, display="320x180")
    assert not (tmp_path / "plan.parquet").exists()
    plan.main(**asked, display="320x136")
    made = tables.read(tmp_path / "plan.parquet", tables.PLAN)
    assert made[["height", "width"]].to_numpy().tolist() == [[54, 96], [90, 160]]


@pytest.fixture
def adaptive(make_clip, tmp_path) -> dict:
    """What the rule `plan` passes for a clip of the made-up world's size, in two variants."""
    media = media_of(make_clip("film.mp4", f"testsrc2=size={DISPLAY[0]}x{DISPLAY[1]}:rate=25", FRAMES))
    (tmp_path / "source.json").write_text(json.dumps({"media": media.to_json()}))
    tables.write(tmp_path / "shots.parquet", find_shots(media), tables.SHOTS)
    search = {
        "strategy": "adaptive", "crf_step": 1, "tolerance": 0.2, "max_points": 12, "rules": LIMITS, "segments": None,
        "score_every": 1, "window_s": None, "target": None,
    }  # fmt: skip
    return {
        "facts": str(tmp_path / "source.json"), "shots": str(tmp_path / "shots.parquet"), "scores": [], "frames": [],
        "looks": [], "plan": str(tmp_path / "plan.parquet"), "title": "film", "round": "0", "search": search,
        "variants": variants("x264", "svtav1", crfs=[20, 45]), "heights": HEIGHTS, "pooling": "mean",
        "display": f"{DISPLAY[0]}x{DISPLAY[1]}",
        "config": {"search": {"known_shots": None}, "quality": {"model": "vmaf_v0.6.1"}},
    }  # fmt: skip


def searched(asked: dict, folder: Path) -> tuple[list[pd.DataFrame], dict]:
    """The plans of rounds whose points are measured in the made-up world, and the last round's arguments."""
    plans: list[pd.DataFrame] = []
    for number in range(8):
        plan.main(**asked | {"round": str(number)})
        made = tables.read(asked["plan"], tables.PLAN)
        if made.empty:
            break
        plans.append(made)
        path = folder / f"scores{number}.parquet"
        tables.write(path, scores(World().points(made)), tables.SCORES)
        asked = asked | {"scores": [*asked["scores"], str(path)]}
    return plans, asked


def test_adaptive_rounds_end_and_their_choice_was_measured(adaptive, tmp_path):
    plans, asked = searched(adaptive, tmp_path)
    assert set(plans[0]["reason"]) == {"seed"} and 2 <= len(plans) < 8
    every = pd.concat(plans)
    assert not every.duplicated(tables.KEY).any() and every.groupby("variant").size().max() <= 12
    measured = shot_points(tables.read_all(asked["scores"], tables.SCORES), "mean")
    tables.write(tmp_path / "points.parquet", measured, tables.POINTS)
    tables.write(tmp_path / "hull.parquet", tables.empty(tables.TITLE_POINTS), tables.TITLE_POINTS)
    keep = ("facts", "shots", "looks", "title", "variants", "heights", "pooling", "display", "config")
    given = {name: asked[name] for name in keep} | {
        "points": str(tmp_path / "points.parquet"), "hull": str(tmp_path / "hull.parquet"), "fixed": {},
        "plan": str(tmp_path / "choice.parquet"), "choice": str(tmp_path / "choice.json"), "rules": LIMITS,
        "search": asked["search"] | {"variants": asked["variants"], "heights": HEIGHTS}, "segments": None,
    }  # fmt: skip
    choose.main(**given)
    choice = json.loads((tmp_path / "choice.json").read_text())
    assert {rung["codec"] for rung in choice["rungs"]} == {"x264", "svtav1"} and len(choice["rungs"]) >= 10
    wanted = tables.read(tmp_path / "choice.parquet", tables.PLAN)
    assert [BOXES[height][0] for height in wanted["height"]] == wanted["width"].tolist()
    # The rounds asked for what the choice takes, as far as max_points let them.
    taken = set(map(tuple, every[tables.KEY].to_numpy()))
    left = [key for key in map(tuple, wanted[tables.KEY].to_numpy()) if key not in taken]
    full = every.groupby("variant").size()
    assert all(full[key[1]] == 12 for key in left)


def test_adaptive_keeps_a_cap_on_the_peak(adaptive, tmp_path):
    """It needs to know the segments in the searching rounds as well."""
    segments = {"segment_s": 1.0, "segments": "fixed", "keyframe_s": 1.0}
    rules = LIMITS | {"max_peak_ratio": 1.2}
    asked = adaptive | {"search": adaptive["search"] | {"rules": rules, "segments": segments}}
    plans, _ = searched(asked, tmp_path)
    assert len(plans) >= 2


def test_adaptive_goes_on_where_the_limits_leave_no_ladder(adaptive, tmp_path):
    rules = LIMITS | {"min_kbps": 1e8, "max_kbps": 1e9}
    plans, _ = searched(adaptive | {"search": adaptive["search"] | {"rules": rules}}, tmp_path)
    assert not pd.concat(plans)["reason"].eq("the answer needs it").any()
