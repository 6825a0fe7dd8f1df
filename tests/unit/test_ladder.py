import re
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith import tables
from laddersmith.encode.inspect import read_packets
from laddersmith.errors import LadderError
from laddersmith.hull import convex_hull
from laddersmith.ladder import Rules, choose_points, choose_rungs, savings, segment_peak_kbps
from laddersmith.ladder.rungs import keep_rising

GOP = ("-c:v", "libx264", "-x264-params", "keyint=25:min-keyint=25:scenecut=0", "-crf", "20")

WIDE = Rules(
    rungs=5,
    spacing="log_bitrate",
    min_step=0,
    min_quality=0,
    max_quality=100,
    min_kbps=1,
    max_kbps=1e6,
    min_height=2,
    max_height=4320,
    allocation="single",
)


def rules(**changes) -> Rules:
    return Rules(**(vars(WIDE) | changes))


def hull_of(points: list[tuple[int, str, float, float]], codec: str = "x264") -> pd.DataFrame:
    """Title points from (height, crf, kbps, quality)."""
    table = pd.DataFrame(points, columns=["height", "crf", "bitrate_kbps", "quality"])
    table["on_hull"] = False
    table.loc[convex_hull(table["bitrate_kbps"], table["quality"]), "on_hull"] = True
    return table.assign(variant=codec, codec=codec, allocation="single")


def choose(hull: pd.DataFrame, shots: list[int], **changes):
    """`choose_points` of title points alone, one CRF for all shots."""
    usual = {"variants": {}, "boxes": {}, "rules": WIDE, "crf_step": 1, "pooling": "mean", "duration_s": 10.0}
    return choose_points(shots, tables.empty(tables.POINTS), hull, **(usual | {"fixed": {}, "title": "t"} | changes))


STEEP = hull_of(
    [
        (180, "38", 50, 30),
        (180, "30", 100, 50),
        (360, "36", 200, 70),
        (360, "28", 400, 84),
        (720, "32", 800, 92),
        (720, "24", 1600, 97),
    ]
)


def test_rungs_are_spaced_evenly_in_log_bitrate_from_end_to_end():
    chosen, missing = choose_rungs(STEEP, rules(rungs=6), 1)
    assert missing == []
    assert [r.bitrate_kbps for r in chosen] == pytest.approx([50, 100, 200, 400, 800, 1600], rel=1e-12)
    assert all(r.measured for r in chosen)


def test_between_hull_points_of_one_height_a_crf_nobody_measured_may_be_chosen():
    chosen, _ = choose_rungs(STEEP, rules(rungs=11), 1)
    between = [r for r in chosen if not r.measured]
    assert between and {r.height for r in between} <= {180, 360, 720}
    for r in between:
        assert "measured in the last round" in r.reason
        low, high = {180: (50, 100), 360: (200, 400), 720: (800, 1600)}[r.height]
        assert low < r.bitrate_kbps < high


def test_spacing_by_quality():
    chosen, _ = choose_rungs(STEEP, rules(rungs=3, spacing="quality"), 1)
    assert [r.quality for r in chosen][::2] == [30, 97]
    assert abs(chosen[1].quality - 63.5) < 10


def test_one_rung_is_the_best_one():
    chosen, _ = choose_rungs(STEEP, rules(rungs=1), 1)
    assert [r.quality for r in chosen] == [97]


def test_the_ladder_ends_where_the_wanted_quality_is_reached():
    chosen, _ = choose_rungs(STEEP, rules(max_quality=90), 1)
    assert chosen[-1].quality >= 90
    assert sum(r.quality >= 90 for r in chosen) == 1


@pytest.mark.parametrize(
    ("limit", "cause"),
    [
        ({"min_kbps": 5000}, "ladder.min_kbps 5000"),
        ({"max_kbps": 10}, "ladder.max_kbps 10"),
        ({"min_quality": 99}, "ladder.min_quality 99"),
        ({"min_height": 1080}, "ladder.min_height 1080"),
        ({"max_height": 100}, "ladder.max_height 100"),
        ({"min_kbps": 500, "max_kbps": 510, "min_quality": 90}, "all of the limits"),
    ],
)
def test_without_a_usable_point_the_limit_is_named(limit, cause):
    chosen, missing = choose_rungs(STEEP, rules(**limit), 1)
    assert chosen == [] and cause in missing[0].reason
    with pytest.raises(LadderError, match="bikes: no codec has a usable point"):
        choose(STEEP, [0], rules=rules(**limit), title="bikes")


def test_small_steps_are_missing_rungs_with_their_gain():
    flat = hull_of([(360, "40", 100, 90), (360, "39", 200, 90.9), (360, "38", 400, 92)])
    chosen, missing = choose_rungs(flat, rules(rungs=3, min_step=1), 1)
    assert [r.quality for r in chosen] == [90, 92]
    assert missing[0].wanted == "rung 2 of 3 at 200 kbps"
    assert missing[0].reason == "gains 0.90 over the rung below, less than ladder.min_step 1"


@given(
    st.lists(
        st.tuples(st.sampled_from([180, 360, 720]), st.integers(20, 45), st.floats(20, 9000), st.floats(10, 99)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 12),
    st.sampled_from(["log_bitrate", "quality"]),
    st.floats(0, 5),
)
def test_any_cloud_gives_rising_rungs_and_accounts_for_every_wanted_one(cloud, count, spacing, step):
    unique = {(h, c): (h, str(c), r, q) for h, c, r, q in cloud}
    chosen, missing = choose_rungs(
        hull_of(list(unique.values())), rules(rungs=count, spacing=spacing, min_step=step), 1
    )
    assert chosen and len(chosen) + len(missing) == count
    assert all(b.bitrate_kbps > a.bitrate_kbps and b.quality - a.quality >= step for a, b in pairwise(chosen))


def test_measured_rungs_that_break_a_promise_are_left_out_with_the_reason():
    rungs = [
        {"name": "a", "bitrate_kbps": 100.0, "quality": 50.0, "height": 180},
        {"name": "b", "bitrate_kbps": 200.0, "quality": 51.0, "height": 360},
        {"name": "c", "bitrate_kbps": 400.0, "quality": 80.0, "height": 360},
        {"name": "d", "bitrate_kbps": 9000.0, "quality": 95.0, "height": 720},
    ]
    rungs = [rung | {"shot_quality": {0: rung["quality"]}} for rung in rungs]
    kept, missing = keep_rising(rungs, rules(min_step=2, max_kbps=5000))
    assert [r["name"] for r in kept] == ["a", "c"]
    assert "measured, it gains 1.00 over a" in missing[0].reason
    assert "9000 kbps" in missing[1].reason


def measured(name: str, **changes) -> dict:
    """A rung that keeps everything."""
    rung = {
        "name": name,
        "bitrate_kbps": 400.0,
        "quality": 80.0,
        "height": 360,
        "peak_kbps": 500.0,
        "buffer_kbit": 100.0,
    }
    return rung | {"shot_quality": {0: 81.0, 1: 79.0, 2: 80.0}} | changes


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({}, None),
        ({"min_shot_quality": 79, "max_jump": 2, "max_peak_ratio": 1.25, "max_buffer_s": 0.2}, None),
        ({"min_shot_quality": 79.5}, r"measured, shot 1 has quality 79\.000, less than ladder\.min_shot_quality 79\.5"),
        (
            {"max_jump": 1.9},
            r"measured, quality jumps by 2\.000 from shot 0 to shot 1, more than ladder\.max_jump 1\.9",
        ),
        (
            {"max_peak_ratio": 1.2},
            r"measured, its peak is 1\.250 times its average, more than ladder\.max_peak_ratio 1\.2",
        ),
        (
            {"max_buffer_s": 0.1},
            r"measured, it needs a buffer of 0\.200 s at its peak, more than ladder\.max_buffer_s 0\.1",
        ),
    ],
)
def test_a_measured_rung_that_breaks_a_limit_is_missing_with_the_place_and_the_key(limits, reason):
    kept, missing = keep_rising([measured("a")], rules(**limits))
    assert [rung["name"] for rung in kept] == ([] if reason else ["a"])
    if reason:
        [gap] = missing
        assert gap.wanted == "a" and re.fullmatch(reason, gap.reason)


def test_the_last_round_asks_for_the_rungs_of_every_shot_and_the_fixed_ladder_of_the_whole_title():
    base = {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": ["24"], "threads": 1}
    variants = {
        "x264": base,
        "x264@365k": base | {"crfs": ["18"], "maxrate_kbps": 365.0, "bufsize_kbps": 730.0},
        "x264@3000k": base | {"crfs": ["18"], "maxrate_kbps": 3000.0, "bufsize_kbps": 6000.0},
    }
    fixed = {"x264": [{"height": 360, "kbps": 365}, {"height": 720, "kbps": 3000}]}
    boxes = {180: (320, 180), 360: (640, 360)}
    small = STEEP[STEEP["height"] < 720]
    plan, _ = choose(small, [0, 1], variants=variants, boxes=boxes, rules=rules(rungs=4), fixed=fixed)
    assert tables.conform(plan, tables.PLAN).equals(plan)
    capped = plan[plan["variant"].str.contains("@")]
    assert capped["variant"].unique().tolist() == ["x264@365k"]  # this title has no 720p box
    assert (
        capped["shot"].tolist() == [-1]
        and (capped["maxrate_kbps"] == 365).all()
        and (capped["bufsize_kbps"] == 730).all()
    )
    assert set(plan.loc[~plan["variant"].str.contains("@"), "height"]) == {180, 360}


def test_savings_compare_at_equal_quality_and_never_extrapolate():
    def rung(name, kbps, quality):
        return {"name": name, "codec": "x264", "bitrate_kbps": float(kbps), "quality": float(quality)}

    quality = [50, 70, 85, 95]
    fixed = [rung(f"f{i}", 100 * 2**i, q) for i, q in enumerate(quality)]
    ours = [rung(f"r{i}", 80 * 2**i, q) for i, q in enumerate(quality)]
    result = savings({"rungs": ours, "fixed": fixed})["x264"]
    assert result["bd_rate_pct"] == pytest.approx(-20, abs=1e-6)  # the same curve at 0.8 times the rate
    assert [r["saving_pct"] for r in result["rungs"]] == pytest.approx([20] * 4)
    beyond = savings({"rungs": ours, "fixed": [*fixed, rung("f4", 1600, 99)]})["x264"]
    assert beyond["rungs"][4]["equal_quality_kbps"] is None and beyond["rungs"][4]["saving_pct"] is None


def test_savings_without_an_overlap_say_why():
    def one(quality):
        return [{"name": "r", "codec": "x264", "bitrate_kbps": 100.0, "quality": quality}]

    result = savings({"rungs": one(50.0), "fixed": one(90.0)})["x264"]
    assert result["bd_rate_pct"] is None and "rising point" in result["why_none"]
    assert np.isfinite(result["rungs"][0]["bitrate_kbps"])


def test_where_the_hull_changes_height_both_heights_offer_points_between():
    cloud = [
        (360, "34", 180, 54), (360, "30", 287, 67), (360, "26", 460, 75), (360, "22", 740, 80),
        (540, "38", 190, 48), (540, "34", 330, 64), (540, "30", 540, 79), (540, "26", 880, 88),
    ]  # fmt: skip
    points = hull_of(cloud)
    assert set(points[points["on_hull"]]["height"]) == {360, 540}
    chosen, _ = choose_rungs(points, rules(rungs=9), 1)
    rates = [r.bitrate_kbps for r in chosen]
    assert any(287 < rate < 540 for rate in rates)
    assert all(b / a < 1.5 for a, b in pairwise(rates))


def test_the_peak_is_that_of_the_worst_segment(make_clip):
    quiet = make_clip("quiet.mp4", "color=gray:size=96x64:rate=25", frames=50, options=GOP)
    busy = make_clip("busy.mp4", "nullsrc=size=96x64:rate=25,geq=random(1)*255:128:128", frames=50, options=GOP)
    rate = Fraction(25)

    def kbps(path):
        return sum(packet.bytes for packet in read_packets(path, rate)) * 8 / 1000 / 2

    assert segment_peak_kbps([quiet, busy, quiet], rate, 2) == pytest.approx(kbps(busy))
    both = (kbps(quiet) + kbps(busy)) / 2
    assert segment_peak_kbps([quiet, busy], rate, 4) == pytest.approx(both)
    # 4 s segments of a 6 s title: the last, of 2 s, is long enough to count.
    assert segment_peak_kbps([quiet, quiet, busy], rate, 4) == pytest.approx(kbps(busy))
    # Of 10 s segments the last, of 2 s, counts only together with the one before.
    together = (5 * kbps(quiet) + kbps(busy)) / 6
    assert segment_peak_kbps([quiet] * 5 + [busy], rate, 10) == pytest.approx(together)
    # Whatever the segments, a peak is no less than the average.
    assert segment_peak_kbps([busy, quiet, quiet, quiet], rate, 60) == pytest.approx((kbps(busy) + 3 * kbps(quiet)) / 4)
