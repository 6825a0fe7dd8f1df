"""Floors and budgets from what is expected to what is measured: the last round's plan, and the ladder."""

import pandas as pd
import pytest
from laddersmith import tables
from laddersmith.errors import LadderError
from laddersmith.hull import shot_points
from laddersmith.ladder import Asked, answered_by, choose_answers
from laddersmith.ladder.answers import AT_THE_END, IN_CASE, answers
from laddersmith.search.targets import Target
from test_ladder_allocation import BOXES, FRAMES, GRID, HEIGHTS, MEDIA, VARIANT, built, measure, rules
from test_schemas import check

SHOTS = [0, 1, 2, 3]
EVERY = measure([(shot, height, str(crf)) for shot in SHOTS for height in HEIGHTS for crf in range(22, 41)])


def asking(mode: str, limit: float, scope: str = "title", heights: str = "best") -> Asked:
    return Asked(mode=mode, limit=limit, scope=scope, heights=heights)


def choose(asked: Asked, pooling: str = "mean", grid=GRID, **changes) -> tuple[pd.DataFrame, dict]:
    usual = {"variants": {"x264": VARIANT}, "boxes": BOXES, "crf_step": 1.0, "duration_s": MEDIA.duration_s}
    usual |= {"fixed": {}, "title": "film", "allocation": "per_shot", "pooling": pooling}
    return choose_answers(SHOTS, shot_points(grid[0], pooling), asked, **(usual | changes))


def ladder_for(asked: Asked, pooling: str = "mean", grid=GRID, **changes) -> dict:
    plan, choice = choose(asked, pooling, grid, **changes)
    ladder = built(plan, choice, tables.empty(tables.TITLE_POINTS), rules(), pooling, grid)
    check(choice, "choice")
    check(ladder, "ladder")
    return ladder


def best_of_all(asked: Asked, pooling: str = "mean") -> list[float]:
    """Bitrates of the answers when every CRF was measured."""
    points = shot_points(EVERY[0], pooling)
    found, _ = answers(points, asked, pooling=pooling, shots=SHOTS, duration_s=MEDIA.duration_s)
    return [target.bitrate_kbps for target in found]


@pytest.mark.parametrize("pooling", ["mean", "harmonic", "p5", "min"])
@pytest.mark.parametrize("scope", ["title", "shot"])
@pytest.mark.parametrize(("mode", "limit"), [("quality_floor", 80), ("bitrate_budget", 900)])
def test_answers_keep_their_limit_once_measured_and_cost_little_more_than_the_best(mode, limit, scope, pooling):
    asked = asking(mode, limit, scope)
    (rung,) = (ladder := ladder_for(asked, pooling))["rungs"]
    assert rung["target"] == vars(asked) | {"feasible": True} and ladder["missing"] == []
    if scope == "title":
        assert rung["quality"] >= limit if mode == "quality_floor" else rung["bitrate_kbps"] <= limit
    for point in rung["points"]:
        own = measure([(point["shot"], point["height"], point["crf"])])[0].iloc[0]
        if scope == "shot":
            assert own[f"vmaf_{pooling}"] >= limit if mode == "quality_floor" else own["bitrate_kbps"] <= limit
    # Of every sixth CRF measured, curves between them name each shot's to a step or so: one step is 12 % of bits.
    (best,) = best_of_all(asked, pooling)
    assert best / 1.12 <= rung["bitrate_kbps"] <= best * 1.12
    assert rung["reason"].startswith(f"x264 at {rung['height']}p: quality {rung['quality']:.2f} at ")


def test_each_height_has_an_answer_and_one_that_cannot_says_so():
    ladder = ladder_for(asking("quality_floor", 88, heights="each"))
    low, high = sorted(ladder["rungs"], key=lambda rung: rung["height"])
    assert [rung["bitrate_kbps"] for rung in ladder["rungs"]] == sorted(r["bitrate_kbps"] for r in ladder["rungs"])
    assert high["target"]["feasible"] and high["quality"] >= 88
    assert not low["target"]["feasible"] and {point["crf"] for point in low["points"]} == {"22"}
    (gap,) = ladder["missing"]
    assert gap["codec"] == "x264" and gap["wanted"] == "a quality of 88" and gap["reason"] == low["reason"]
    assert gap["reason"].startswith("x264: nothing that was tried has a quality of 88; the nearest is quality ")


def test_a_budget_that_nothing_keeps_gets_the_fewest_bits():
    ladder = ladder_for(asking("bitrate_budget", 10))
    (rung,) = ladder["rungs"]
    assert not rung["target"]["feasible"] and rung["height"] == 180
    assert {point["crf"] for point in rung["points"]} == {"40"} and "10 kbps or less; the nearest is" in rung["reason"]


@pytest.mark.parametrize(("mode", "limit", "sign"), [("quality_floor", 85, -1), ("bitrate_budget", 900, 1)])
def test_beside_each_point_that_nobody_measured_its_neighbour_on_the_safe_side_is_planned(mode, limit, sign):
    plan, choice = choose(asking(mode, limit))
    (wish,) = choice["rungs"]
    new = [(shot, crf) for shot, crf in zip(choice["shots"], wish["crfs"], strict=True) if crf not in VARIANT["crfs"]]
    assert new and not wish["measured"] and wish["reason"].endswith("shots measured in the last round")
    beside = {row.shot: row.crf for row in tables.rows(plan[plan["reason"] == IN_CASE])}
    known = {(shot, crf) for shot, crf in new if str(int(crf) + sign) in VARIANT["crfs"]}
    assert set(beside) == {shot for shot, _ in set(new) - known}
    assert all(0 < sign * (int(beside[shot]) - int(crf)) <= 2 for shot, crf in new if shot in beside)
    assert len(plan) == len(choice["shots"]) + len(beside)


def test_an_expectation_that_fails_is_answered_by_what_was_measured():
    asked = asking("quality_floor", 85)
    points = shot_points(GRID[0], "mean")
    hopeful = points.assign(quality=points["quality"] + 0.4, measured=False)
    plan, choice = choose_answers(
        SHOTS, hopeful, asked, variants={"x264": VARIANT}, boxes=BOXES, crf_step=None, pooling="mean",
        duration_s=MEDIA.duration_s, fixed={}, title="film", allocation="per_shot",
    )  # fmt: skip
    ladder = built(plan, choice, tables.empty(tables.TITLE_POINTS), rules(), grid=GRID)
    (rung,) = ladder["rungs"]
    assert rung["quality"] >= 85 and rung["target"]["feasible"]


@pytest.mark.parametrize(("mode", "limit", "end"), [("quality_floor", 85, "22"), ("bitrate_budget", 900, "40")])
def test_that_nothing_meets_a_target_is_not_believed_before_the_end_of_the_crfs_was_measured(mode, limit, end):
    """All is expected to miss it, and the nearest by chance to be in the middle."""
    points = shot_points(GRID[0], "mean")
    middle = points["crf"] == "28"
    floor = mode == "quality_floor"
    points = points.assign(
        quality=middle.map({True: 50.0, False: 40.0}) if floor else points["quality"],
        bytes=points["bytes"] if floor else middle.map({True: 900_000, False: 1_000_000}),
        measured=middle,
    )
    plan, choice = choose_answers(
        SHOTS, points, asking(mode, limit), variants={"x264": VARIANT}, boxes=BOXES, crf_step=None, pooling="mean",
        duration_s=MEDIA.duration_s, fixed={}, title="film", allocation="per_shot",
    )  # fmt: skip
    assert "the nearest that is expected" in choice["rungs"][0]["reason"]
    assert plan.loc[plan["reason"] == AT_THE_END, "crf"].tolist() == [end] * 4
    ladder = built(plan, choice, tables.empty(tables.TITLE_POINTS), rules())
    assert ladder["rungs"][0]["target"]["feasible"] and ladder["missing"] == []


def test_the_fifth_percentile_of_a_title_is_held_where_that_of_each_shot_is_not_enough():
    level = 90.0
    scores, frames = EVERY
    asked = asking("quality_floor", level)
    _, choice = choose(asked, "p5", EVERY)
    chosen = {(shot, crf) for shot, crf in zip(choice["shots"], choice["rungs"][0]["crfs"], strict=True)}
    # Of the chosen encodes every tenth frame lies below the level; their own percentiles are left as they were told.
    spoiled = pd.Series([(shot, crf) in chosen for shot, crf in zip(frames["shot"], frames["crf"], strict=True)])
    frames = frames.assign(vmaf=frames["vmaf"].mask(spoiled & (frames["frame"] % 10 == 0), level - 2))
    plan = tables.empty(tables.PLAN)
    ladder = built_of(plan, choice, (scores, frames))
    (rung,) = ladder["rungs"]
    assert rung["target"]["feasible"] and rung["quality"] >= level
    assert {(point["shot"], point["crf"]) for point in rung["points"]} != chosen


def built_of(plan: pd.DataFrame, choice: dict, grid) -> dict:
    """`built`, of a grid that already has every point of the choice."""
    first = grid[0].iloc[0]
    plan = pd.DataFrame([{name: first[name] for name in plan.columns}])
    return built(plan, choice, tables.empty(tables.TITLE_POINTS), rules(), "p5", grid)


def test_what_every_shot_must_keep_is_told_to_the_search_in_its_own_units():
    assert asking("quality_floor", 93).alone(25.0, (640, 360)) is None
    assert asking("quality_floor", 93, "shot").alone(25.0, (640, 360)) == Target("quality_floor", 93)
    budget = asking("bitrate_budget", 640 * 360 * 25 / 1000 / 4, "shot").alone(25.0, (640, 360))
    assert budget and budget.mode == "bitrate_budget" and budget.limit == pytest.approx(-2)


def test_without_a_height_that_every_shot_has_there_is_no_answer():
    scores, _ = GRID
    some = scores[(scores["shot"] != 1) | (scores["height"] == 180)]
    asked = asking("quality_floor", 80, heights="each")
    points = shot_points(some, "mean")
    found, ((codec, gap),) = answers(points, asked, pooling="mean", shots=SHOTS, duration_s=MEDIA.duration_s)
    assert [target.heights for target in found] == [(180,)] and codec == "x264"
    assert gap.wanted == "a quality of 80 at 360p" and "of which each of the 4 shots has a point" in gap.reason
    rows = answered_by(points, asked, pooling="mean", shots=SHOTS, duration_s=MEDIA.duration_s)
    assert rows["shot"].tolist() == SHOTS and set(rows["height"]) == {180}
    broken = some[(some["shot"] != 2) | (some["height"] == 360)]
    with pytest.raises(LadderError, match=r"film: no codec has a point for a quality of 80 .*measure more points"):
        choose(asked, grid=(broken, None))
    nothing = answered_by(shot_points(broken, "mean"), asked, pooling="mean", shots=SHOTS, duration_s=len(FRAMES))
    assert nothing.empty and list(nothing.columns) == tables.KEY


def test_beside_the_last_point_but_one_the_last_is_planned_however_near():
    """What is expected of CRF 23 misses the floor by a little, and 22, the last, is expected to be 0.1 better."""
    points = shot_points(GRID[0], "mean")
    near = points[points["crf"] == "22"].assign(crf="23", quality=lambda rows: rows["quality"] - 0.1, measured=False)
    near["bytes"] = (0.95 * near["bytes"]).astype(int)
    table = pd.concat([points.assign(measured=points["crf"] != "22"), near], ignore_index=True)
    floor = float(near.loc[near["height"] == 180, "quality"].min()) - 0.01
    asked = asking("quality_floor", floor, scope="shot")
    plan, _ = choose_answers(
        SHOTS, table[table["height"] == 180], asked, variants={"x264": VARIANT}, boxes=BOXES, crf_step=None,
        pooling="mean", duration_s=MEDIA.duration_s, fixed={}, title="film", allocation="per_shot",
    )  # fmt: skip
    assert set(plan.loc[plan["reason"] == IN_CASE, "crf"]) == {"22"}
