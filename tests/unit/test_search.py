import numpy as np
import pandas as pd
from laddersmith import tables
from laddersmith.search import crfs_between, decimal_crf, plan_around_hull, plan_coarse, plan_grid, plan_rows

VARIANTS = {"x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": [20, 24, 28, 32], "threads": 1}}
BOXES = {360: (640, 360), 180: (320, 180)}


def measured(crfs_by_height: dict[int, list[int]]) -> pd.DataFrame:
    """Title points of a made-up title: quality falls with CRF, the low height saturates early."""
    rows = []
    for height, crfs in crfs_by_height.items():
        for crf in crfs:
            rate = height**1.5 * 2 ** ((40 - crf) / 6)
            quality = 100 * (1 - np.exp(-rate / 3000)) - (12 if height == 180 else 0) - 0.1 * (360 - height) / 180
            rows.append((height, str(crf), rate, quality))
    table = pd.DataFrame(rows, columns=["height", "crf", "bitrate_kbps", "quality"])
    from laddersmith.hull import convex_hull

    table["on_hull"] = False
    table.loc[convex_hull(table["bitrate_kbps"], table["quality"]), "on_hull"] = True
    return table.assign(variant="x264", codec="x264")


def test_crfs_are_shortest_decimals():
    assert [decimal_crf(x) for x in (23, 23.0, "31.50", "40", 0.25, 100)] == ["23", "23", "31.5", "40", "0.25", "100"]
    assert crfs_between("24", "23", 0.25) == ["23.25", "23.5", "23.75"]
    assert crfs_between("18", "22.5", 1) == ["19", "20", "21", "22"]
    assert crfs_between("18.5", "20", 1) == ["19"]
    assert crfs_between(20, 21, 1) == crfs_between(20, 20, 1) == []


def test_the_grid_asks_for_every_point_of_every_shot_once():
    plan = plan_grid([0, 1, 2], VARIANTS, BOXES)
    assert len(plan) == 3 * 4 * 2
    assert tables.conform(plan, tables.PLAN).equals(plan)
    assert set(plan.loc[plan["height"] == 180, "width"]) == {320}
    assert plan["maxrate_kbps"].isna().all()


def test_an_empty_plan_is_a_table():
    plan = plan_rows([0], VARIANTS, BOXES, [])
    assert len(plan) == 0 and list(plan.columns) == tables.PLAN.columns.names


def test_equal_wishes_are_encoded_once():
    plan = plan_rows([0], VARIANTS, BOXES, [("x264", 360, "23", "first"), ("x264", 360, "23.0", "second")])
    assert plan["reason"].tolist() == ["first"]


def test_the_coarse_round_keeps_both_ends():
    plan = plan_coarse([0], VARIANTS, BOXES)
    assert sorted(plan.loc[plan["height"] == 360, "crf"]) == ["20", "28", "32"]


def test_later_rounds_halve_gaps_beside_the_hull_until_none_is_left():
    known = {360: [20, 26, 32, 38], 180: [20, 26, 32, 38]}
    for _ in range(8):
        points = measured(known)
        plan = plan_around_hull([0], VARIANTS, BOXES, points, 1)
        if plan.empty:
            break
        for row in plan.itertuples():
            assert int(row.crf) not in known[row.height]
            known[row.height].append(int(row.crf))
    assert plan.empty
    hull = points[points["on_hull"]]
    for row in hull.itertuples():  # every neighbour of a hull point on its own height was measured
        inside = [c for c in (int(row.crf) - 1, int(row.crf) + 1) if 20 <= c <= 38]
        assert set(inside) <= set(known[row.height])


def test_points_of_the_fixed_ladder_do_not_steer_the_search():
    points = measured({360: [20, 26, 32, 38]})
    capped = points.assign(variant="x264@365k")
    assert plan_around_hull([0], VARIANTS, BOXES, capped, 1).empty
