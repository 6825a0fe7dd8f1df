"""Searching and choosing where the knob is a bitrate: more of it is more bits, and its steps are a ratio."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from laddersmith import tables
from laddersmith.hull import shot_points, title_points
from laddersmith.ladder import Asked, choose_answers, choose_points
from laddersmith.ladder.answers import AT_THE_END
from laddersmith.ladder.menus import menus
from laddersmith.search import plan_around_hull, plan_coarse, plan_grid
from test_ladder_allocation import BOXES, HARD, HEIGHTS, MEDIA, measure, rules
from test_schemas import check

KBPS = [100, 250, 600, 1500]
SHOTS = [0, 1, 2, 3]
VARIANT = {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "threads": 1, "rate": "two_pass", "kbps": KBPS}
VARIANTS = {"abr": VARIANT}


def kept(points: list[tuple[int, int, float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and frames of (shot, height, kbps): what `measure` has at the CRF that gives so many."""
    crfs = {
        (shot, height, kbps): str(24 - 6 * math.log2(kbps / (900 * HARD[shot] * (height / 360) ** 1.3)))
        for shot, height, kbps in points
    }
    back = {(shot, height, crf): str(kbps) for (shot, height, kbps), crf in crfs.items()}
    made = measure([(shot, height, crf) for (shot, height, _), crf in crfs.items()])
    scores, frames = (
        table.assign(
            crf=[back[key] for key in zip(table["shot"], table["height"], table["crf"], strict=True)], variant="abr"
        )
        for table in made
    )
    return tables.conform(scores.assign(rate="two_pass"), tables.SCORES), frames


GRID = kept([(shot, height, kbps) for shot in SHOTS for height in HEIGHTS for kbps in KBPS])
TITLE = title_points(*GRID, "mean", MEDIA)
POINTS = shot_points(GRID[0], "mean")
SAME = {"variants": VARIANTS, "boxes": BOXES, "duration_s": MEDIA.duration_s, "fixed": {}, "title": "film"}


def test_a_plan_has_the_bitrates_and_says_what_they_are():
    plan = plan_grid(SHOTS, VARIANTS, BOXES)
    assert set(plan["rate"]) == {"two_pass"} and set(plan["crf"]) == set(map(str, KBPS))
    assert set(plan_coarse([0], VARIANTS, BOXES)["crf"]) == {"100", "600", "1500"}


def test_points_around_the_hull_halve_the_ratio_of_bitrates():
    assert set(TITLE["rate"]) == {"two_pass"}
    plan = plan_around_hull(SHOTS, VARIANTS, BOXES, TITLE, 1)
    assert plan["reason"].str.fullmatch(r"beside hull point \d+ kbps").all()
    tried = sorted({int(kbps) for kbps in plan["crf"]})
    middles = [math.sqrt(low * high) for low, high in pairwise(KBPS)]
    assert tried == pytest.approx(middles, rel=0.06)  # the nearest of steps of 5 %


def test_a_menu_expects_what_lies_between_two_bitrates():
    (low, high), gaps = menus(POINTS, 1.0, SHOTS)
    assert gaps == [] and low.rate == high.rate == "two_pass"
    for column in (low, high):
        for shot in SHOTS:
            kbps = np.array(column.crfs[shot], float)
            assert (np.diff(kbps) > 0).all() and (np.diff(column.bits[shot]) > 0).all()
            real = kept([(shot, int(column.heights[0, 0]), int(value)) for value in kbps])[0]
            # Cubics over the logarithm of the bitrate: exact in the bits, which follow it.
            assert column.bits[shot] == pytest.approx(real["bytes"] * 8, rel=0.01)
            assert (np.diff(column.quality[shot]) >= 0).all()


@pytest.mark.parametrize("allocation", ["single", "per_shot"])
def test_rungs_are_chosen_and_told_in_bitrates(allocation):
    plan, choice = choose_points(
        SHOTS, POINTS, TITLE, rules=rules(allocation=allocation), crf_step=1, pooling="mean", **SAME
    )
    check(choice, "choice")
    assert len(choice["rungs"]) == 5 and set(plan["rate"]) == {"two_pass"}
    rates = [rung["bitrate_kbps"] for rung in choice["rungs"]]
    assert rates == sorted(rates)
    assert all(100 <= int(kbps) <= 1500 for rung in choice["rungs"] for kbps in rung["crfs"])
    told = " ".join(rung["reason"] for rung in choice["rungs"])
    assert "CRF" not in told
    assert " kbps, shot by shot" in told if allocation == "per_shot" else "between 100 kbps and 250 kbps" in told


@pytest.mark.parametrize(("mode", "limit", "end"), [("quality_floor", 99.9, "1500"), ("bitrate_budget", 20, "100")])
def test_where_no_answer_meets_the_target_the_end_on_the_safe_side_is_measured(mode, limit, end):
    asked = Asked(mode=mode, limit=limit, scope="title", heights="best")
    plan, choice = choose_answers(SHOTS, POINTS, asked, crf_step=1.0, pooling="mean", allocation="per_shot", **SAME)
    assert set(plan.loc[plan["reason"] == AT_THE_END, "crf"]) <= {end}
    assert set(choice["rungs"][0]["crfs"]) == {end}
