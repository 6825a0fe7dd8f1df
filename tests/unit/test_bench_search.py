"""What the benchmark of strategies measures, counts and compares, on a made-up world of which every point is known."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from clips import ROOT
from laddersmith import tables
from laddersmith.bench import exhaustive as ex
from laddersmith.bench import search as bench
from laddersmith.bench.exhaustive import VARIANTS
from laddersmith.bench.search import _rounded, choice_loss, intervals, named, qualities, run, rung_excess, summary
from laddersmith.bench.search_page import page
from laddersmith.bench.strategies import MAX_POINTS, RULES, Found, adaptive, bisect, cases, chosen, grid, refine
from laddersmith.hull import convex_hull
from laddersmith.search.prior import load_prior
from laddersmith.store import Store
from scipy import stats
from search_world import BOXES, DISPLAY, FPS, FRAMES, HEIGHTS, a_prior, exhaustive
from test_quality import media_of

PRIOR = a_prior()
SIZES = {"x264": 4 * 31, "x265": 4 * 31, "svtav1": 4 * 41}


@pytest.fixture(scope="module")
def table():
    return exhaustive()


@pytest.fixture(scope="module")
def shots(table):
    return cases(table)


@pytest.fixture
def case(shots):
    return shots[1].fresh()


def hull_of(truth: pd.DataFrame) -> list[tuple[int, str]]:
    rows = truth.iloc[convex_hull(truth["bytes"], truth["quality"])]
    return list(zip(rows["height"], rows["crf"], strict=True))


def places(rows: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["variant", "height", "crf"])


def test_cases_are_shots_with_every_point(shots, table):
    assert [(case.clip, case.shot) for case in shots] == [("clip 0", 0), ("clip 1", 0), ("clip 2", 0)]
    for case in shots:
        assert len(case.points) == len(table) / 3 and case.fps == pytest.approx(FPS)
        assert case.film.display == DISPLAY and case.boxes == BOXES and case.film.heights == HEIGHTS
        assert (case.film.shots[["start", "end"]].to_numpy() == [[0, FRAMES]]).all()
        assert case.seen.empty  # nothing was measured
        assert {variant: len(case.of(variant)) for variant in VARIANTS} == SIZES
        for variant in VARIANTS:
            assert sorted(case.of(variant)["crf"].unique()) == sorted(case.film.crfs(variant))
    assert [case.film.shots["temporal_complexity"].iloc[0] for case in shots] == [9, 14, 9]


def test_a_case_keeps_what_was_measured(case):
    case.measure(places([("x264", 360, "20"), ("x265", 136, "45"), ("x264", 360, "20")]))
    seen = case.seen
    assert sorted(zip(seen["variant"], seen["height"], seen["crf"], strict=True)) == [
        ("x264", 360, "20"),
        ("x265", 136, "45"),
    ]
    assert case.fresh().seen.empty and len(case.seen) == 2


def test_the_hull_itself_loses_nothing(case):
    for variant in VARIANTS:
        truth = case.of(variant)
        hull = hull_of(truth)
        assert choice_loss(truth, hull) == pytest.approx(0, abs=1e-9)
        assert rung_excess(truth, hull) == pytest.approx([0] * len(hull), abs=1e-9)
        assert set(named(truth, truth)) <= set(hull)
        assert choice_loss(truth, named(truth, truth)) < 1.5  # of a hull thinned to the nearest of 20 qualities


def test_what_is_dominated_loses(case):
    """Points of twice the bytes at the hull's own qualities: a loss of 100 %, of each rung as well."""
    truth = case.of("x264")
    rows = truth[pd.MultiIndex.from_frame(truth[["height", "crf"]]).isin(hull_of(truth))]
    dear = rows.assign(bytes=2 * rows["bytes"], crf=rows["crf"] + ".5")
    both = pd.concat([truth, dear], ignore_index=True)
    wrong = list(zip(dear["height"], dear["crf"], strict=True))
    assert choice_loss(both, wrong) == pytest.approx(100, abs=1e-6)
    assert rung_excess(both, wrong) == pytest.approx([100] * len(dear), abs=1e-6)
    mixed = [*hull_of(truth)[::2], *wrong[1::2]]
    assert 20 < choice_loss(both, mixed) < 80
    assert choice_loss(truth, [(360, crf) for crf in ("15", "20", "25", "30", "35", "40", "45")]) > 5


def test_a_loss_is_a_bd_rate(case):
    """As by the trapezoidal rule over the qualities that both reach."""
    truth = case.of("x265")
    mine = [(270, "18"), (270, "24"), (180, "29"), (180, "36"), (136, "42")]
    rows = truth.set_index(["height", "crf"]).loc[mine]
    hull = truth.set_index(["height", "crf"]).loc[hull_of(truth)]
    from scipy.interpolate import PchipInterpolator

    grid_of = np.linspace(
        max(rows["quality"].min(), hull["quality"].min()), min(rows["quality"].max(), hull["quality"].max()), 20001
    )
    curves = [
        PchipInterpolator(each["quality"], np.log(each["bytes"].to_numpy(float)))(grid_of)
        for each in (rows.sort_values("quality"), hull)
    ]
    expected = 100 * (np.exp(np.trapezoid(curves[0] - curves[1], grid_of) / np.ptp(grid_of)) - 1)
    assert choice_loss(truth, mine) == pytest.approx(expected, rel=1e-4) and expected > 1
    assert choice_loss(truth, [*mine, mine[0]]) == choice_loss(truth, mine)  # a point named twice counts once


def test_rungs_beyond_the_hulls_ends_are_compared_with_the_ends(case):
    truth = case.of("x264")
    worst = truth.loc[truth["quality"].idxmin()]
    lowest = truth.iloc[convex_hull(truth["bytes"], truth["quality"])[0]]
    (excess,) = rung_excess(truth, [(worst["height"], worst["crf"])])
    assert excess == pytest.approx(100 * (worst["bytes"] / lowest["bytes"] - 1))


def test_one_point_loses_its_excess(case):
    """As a hull of one point has no curve, and a single name none either."""
    truth = case.of("x264")
    one = hull_of(truth)[3]
    assert choice_loss(truth, [one]) == pytest.approx(0, abs=1e-9)
    flat = truth[truth["crf"] == "20"].assign(quality=90.0)
    cheapest, dearest = (
        flat.loc[place(), ["height", "crf", "bytes"]] for place in (flat["bytes"].idxmin, flat["bytes"].idxmax)
    )
    excess = 100 * (dearest["bytes"] / cheapest["bytes"] - 1)
    assert choice_loss(flat, [(dearest["height"], "20")]) == pytest.approx(excess) and excess > 50


def test_a_codec_without_a_rung_has_no_excess():
    assert _rounded({"rungs": 0, "excess": float("nan"), "loss": 1.23456}) == {
        "rungs": 0,
        "excess": None,
        "loss": 1.235,
    }


def test_named_points_are_nearest_to_the_qualities(case):
    truth = case.of("svtav1")
    wanted = qualities(truth)
    best = truth["quality"].max()
    assert len(wanted) == 20 and wanted[0] >= 30 and wanted[-1] == pytest.approx(min(96, best))
    quality = truth.set_index(["height", "crf"])["quality"]
    for place, target in zip(named(truth, truth), wanted, strict=True):
        gaps = [abs(quality[other] - target) for other in hull_of(truth)]
        assert abs(quality[place] - target) == min(gaps)


def test_a_row_counts_what_was_measured(case):
    """A strategy that measures three points of x264, none of x265, all of svtav1, and then its choice."""

    def work(fresh) -> Found:
        fresh.measure(places([("x264", 360, "20"), ("x264", 180, "30"), ("x264", 180, "40")]))
        fresh.measure(fresh.of("svtav1"))
        _, choice = chosen(fresh, fresh.points, None)
        return Found(lambda: fresh.points, places([("x264", 360, "20"), ("x264", 136, "21")]), choice)

    rows = {row["codec"]: row for row in run(case, "some", work)}
    assert case.seen.empty  # a run begins afresh
    x264, x265, svtav1 = (rows[codec] for codec in ("x264", "x265", "svtav1"))
    assert {row["case"] for row in rows.values()} == {"strategy"} and x264["clip"] == "clip 1" and x264["shot"] == 0
    assert (x264["encodes"], x265["encodes"], svtav1["encodes"]) == (4, 0, 164)
    assert x264["encodes_share_pct"] == pytest.approx(400 / 124) and svtav1["encodes_share_pct"] == 100
    widths = [BOXES[height][0] for height in HEIGHTS]
    pixels = 31 * sum(width**2 for width in widths)
    assert x264["pixels_share_pct"] == pytest.approx(100 * (640**2 + 2 * 320**2 + BOXES[136][0] ** 2) / pixels)
    mine = 4 * 0.5 + (640 + 2 * 320 + BOXES[136][0]) / 640
    assert x264["encode_cpu_s"] == pytest.approx(mine)
    assert x264["cpu_share_pct"] == pytest.approx(100 * mine / (31 * (4 * 0.5 + sum(widths) / 640)))
    assert x265["encode_cpu_s"] == 0 and svtav1["cpu_share_pct"] == svtav1["pixels_share_pct"] == pytest.approx(100)
    # The expected points are the true ones, and so the choice is the best there is.
    for row in rows.values():
        assert row["choice_loss_pct"] < 1.5 and row["rungs"] == RULES.rungs and 0 <= row["planner_cpu_s"] < 10
        assert row["rung_excess_worst_pct"] == pytest.approx(0, abs=1e-9)


def test_the_grid_measures_every_third_crf(case):
    found = grid(case)
    assert case.seen.groupby("variant").size().to_dict() == {"x264": 4 * 11, "x265": 4 * 11, "svtav1": 4 * 14}
    assert set(case.of("x264")["crf"].astype(int)) == set(range(15, 46))
    assert set(case.seen.loc[case.seen["variant"] == "x264", "crf"].astype(int)) == set(range(15, 46, 3))
    # Between measured points each CRF is expected, near to what it is.
    both = found.expected().merge(case.points, on=["variant", "height", "crf"], suffixes=("", "_true"))
    assert len(both) == 2 * 124 + 4 * 40  # from 20 to 59, the last of every third
    assert (both["quality"] - both["quality_true"]).abs().max() < 4
    assert (both["bytes"] / both["bytes_true"]).between(0.9, 1.1).all()
    assert len(found.choice["rungs"]) == 3 * RULES.rungs and len(found.plan) == 3 * RULES.rungs


def test_refining_comes_nearer_than_the_grid(case):
    rows, others = run(case, "refine", refine), run(case, "grid", grid)
    assert all(row["encodes_share_pct"] < 60 for row in rows)
    assert np.mean([row["rung_excess_mean_pct"] for row in rows]) < np.mean(
        [row["rung_excess_mean_pct"] for row in others]
    )
    refine(case)
    coarse = {str(crf) for crf in range(15, 46, 6)}
    x264 = case.seen[case.seen["variant"] == "x264"]
    assert all(coarse <= set(rows["crf"]) for _, rows in x264.groupby("height"))
    assert not case.seen.duplicated(tables.KEY).any()


def test_halving_finds_the_highest_crf_of_every_quality(case):
    bisect(case)
    for variant in VARIANTS:
        own, seen = case.of(variant), case.seen[case.seen["variant"] == variant]
        top = min(own["quality"].max(), RULES.max_quality)
        for height, rows in own.groupby("height"):
            rows = rows.assign(number=rows["crf"].astype(float)).sort_values("number")
            values = rows["quality"].to_numpy()
            taken = np.isin(rows["crf"], seen.loc[seen["height"] == height, "crf"])
            for target in np.linspace(RULES.min_quality, top, RULES.rungs):
                keeps = values >= target  # of an uneven curve any place may be found where it keeps and the next not
                ends = np.flatnonzero(keeps & ~np.append(keeps[1:], False)) if keeps.any() else [0]
                assert taken[ends].any()
    assert len(case.seen) <= sum(4 * RULES.rungs * 6 for _ in VARIANTS)


def test_the_adaptive_strategy_measures_few_and_loses_little(case):
    for row in run(case, "adaptive", partial(adaptive, prior=PRIOR, known=None)):
        assert row["encodes"] <= MAX_POINTS + RULES.rungs and row["encodes_share_pct"] < 16
        assert row["choice_loss_pct"] < 3 and row["rung_excess_mean_pct"] < 3


def test_priors_are_learned_from_other_clips(table, monkeypatch):
    learned_from = []
    monkeypatch.setattr(bench, "fit_prior", lambda rows: learned_from.append(set(rows["title"])) or len(rows))
    assert bench.priors(table) == dict.fromkeys(["clip 0", "clip 1", "clip 2"], 2 * len(table) // 3)
    assert learned_from == [{"clip 1", "clip 2"}, {"clip 0", "clip 2"}, {"clip 0", "clip 1"}]


def row_of(strategy: str, clip: str, codec: str, **values) -> dict:
    usual = {"case": "strategy", "strategy": strategy, "clip": clip, "shot": 0, "codec": codec}
    return usual | dict.fromkeys(bench.MEANS, 1.0) | values


def test_intervals_are_students_over_clips():
    losses = {"a": [1.0, 3.0], "b": [4.0, 6.0, 8.0], "c": [0.5]}
    rows = [row_of("grid", clip, "x264", choice_loss_pct=loss) for clip, own in losses.items() for loss in own]
    (found,) = intervals(rows)
    means = [2.0, 6.0, 0.5]  # of clips, each of its own shots and codecs
    low, high = stats.t.interval(0.95, 2, loc=np.mean(means), scale=stats.sem(means))
    assert found["choice_loss_pct"] == pytest.approx(np.mean(means)) and found["clips"] == 3
    assert found["choice_loss_pct_plus_minus"] == pytest.approx((high - low) / 2)
    assert found["encodes_plus_minus"] == 0 and found["strategy"] == "grid"
    (alone,) = intervals(rows[:2])
    assert alone["choice_loss_pct"] == 2 and "choice_loss_pct_plus_minus" not in alone


def test_intervals_keep_strategies_apart():
    rows = [row_of(name, clip, "x264", encodes=number) for number, name in enumerate(("b", "a")) for clip in "xyz"]
    assert [(row["strategy"], row["encodes"]) for row in intervals(rows)] == [("b", 0), ("a", 1)]


def test_the_summary_is_of_adaptive_alone():
    rows = [
        row_of("adaptive", "a", "x264", choice_loss_pct=1.0, rung_excess_worst_pct=2.0, encodes_share_pct=10.0),
        row_of("adaptive", "a", "x264", choice_loss_pct=3.0, rung_excess_worst_pct=9.0, encodes_share_pct=20.0),
        row_of("adaptive", "b", "x264", choice_loss_pct=5.0, rung_excess_worst_pct=4.0, encodes_share_pct=30.0),
        row_of("grid", "b", "x264", choice_loss_pct=99.0, rung_excess_worst_pct=99.0, encodes_share_pct=99.0),
        row_of("adaptive, seeded", "b", "x264", choice_loss_pct=99.0),
    ]
    found = summary(rows)
    assert (found["choice_loss_mean_pct"], found["choice_loss_worst_pct"]) == (3.5, 5.0)
    assert found["rung_excess_worst_pct"] == 9 and found["encodes_share_pct"] == 22.5


def test_the_facts_of_a_run(table, shots, monkeypatch):
    """Each strategy on each shot, with the prior of the other clips and, once, with their measurements. What strategies
    do, the fit and the targets have tests of their own."""
    asked, made = [], {case.clip: grid(case.fresh()) for case in shots[:2]}

    def every_third(case):
        case.measure(case.points.iloc[::3])
        return made[case.clip]

    def recorded(case, prior, known):
        asked.append((case.clip, prior, None if known is None else set(known["title"])))
        return every_third(case)

    monkeypatch.setattr(bench, "fit_prior", lambda rows: "+".join(sorted(set(rows["title"]))))
    monkeypatch.setattr(bench, "adaptive", recorded)
    monkeypatch.setattr(bench, "smoothed", lambda case, prior: every_third(case))
    for name in ("grid", "refine", "bisect"):
        monkeypatch.setattr(bench, name, every_third)
    monkeypatch.setattr(bench, "target_rows", lambda given, prior_of: [{"case": "target", "share": 1.23456}])
    monkeypatch.setattr(bench, "target_summary", lambda rows: {"floor_hit_pct": 98.7654})
    facts = bench.bench_search(table[table["clip"] != "clip 2"], threads=1)
    assert asked[:2] == [("clip 0", "clip 1", None), ("clip 1", "clip 0", None)]
    assert asked[2:] == [("clip 0", "clip 1", {"clip 1"}), ("clip 1", "clip 0", {"clip 0"})]
    assert facts["schema"] == "laddersmith/bench_search/1" and facts["clips"] == {"clip 0": 1, "clip 1": 1}
    cells = [row for row in facts["rows"] if row["case"] == "strategy"]
    names = {row["strategy"] for row in cells}
    assert names >= {"grid", "refine", "bisect", "adaptive", "adaptive, seeded"}
    assert len(cells) == 2 * len(VARIANTS) * len(names)
    means = {row["strategy"]: row for row in facts["rows"] if row["case"] == "mean over clips"}
    assert set(means) == names and facts["rows"][-1] == {"case": "target", "share": 1.235}
    assert facts["summary"]["floor_hit_pct"] == 98.77
    assert facts["summary"]["encodes_share_pct"] == pytest.approx(means["adaptive"]["encodes_share_pct"], rel=1e-3)


def test_every_point_of_a_real_clip_is_measured_once(make_clip, tmp_path, monkeypatch):
    path = make_clip("tiny.mp4", "testsrc2=size=160x90:rate=25", 24)
    some = {"x264": VARIANTS["x264"] | {"preset": "ultrafast", "crfs": [30, 40]}}
    monkeypatch.setattr(ex, "PIECES", [("tiny", 2, 8), ("tiny", 12, 6), ("absent", 0, 9)])
    monkeypatch.setattr(ex, "VARIANTS", some)
    monkeypatch.setattr(ex, "footage", lambda: {"tiny": path})
    store = Store(tmp_path / "store")
    table = ex.exhaustive(store=store, folder=tmp_path / "first", threads=1)
    assert ex.heights_of(media_of(path)) == [90, 68, 44, 34]
    assert len(table) == 2 * 4 * 2 and set(table["clip"]) == {"tiny"}
    assert table.groupby("shot")["frames"].unique().map(list).to_dict() == {0: [8], 1: [6]}
    assert (table[["display_width", "display_height"]] == [160, 90]).all(axis=None)
    assert set(table.groupby("height")["width"].first()) == {160, 120, 78, 60}
    best = table.loc[table.groupby("shot")["vmaf_mean"].idxmax()]
    assert (best["height"] == 90).all() and (best["crf"] == "30").all()
    assert table["spatial_complexity"].nunique() == 2 and (table["temporal_complexity"] > 0).all()
    again = ex.exhaustive(store=store, folder=tmp_path / "second", threads=1)  # from the store
    pd.testing.assert_frame_equal(again, table)
    assert len(cases(table)) == 2


def test_pieces_are_shots_by_their_own_frames(make_clip):
    media = media_of(make_clip("tiny.mp4", "testsrc2=size=160x90:rate=25", 24))
    one, both = (ex.pieces_table(media, pieces) for pieces in ([(2, 10)], [(2, 10), (12, 18)]))
    assert tables.conform(both, tables.SHOTS).equals(both)
    assert both.iloc[:1].equals(one) and both["start_s"].tolist() == [0.08, 0.48]
    assert both["frames_sha256"].nunique() == both["context_sha256"].nunique() == 2
    assert replace(media, frames=24) == media


def test_the_committed_page_and_prior_are_of_the_committed_facts():
    folder = ROOT / "docs" / "benchmarks"
    facts = json.loads((folder / "search.json").read_text())
    assert (folder / "search.md").read_text() == page(facts)
    told = bench.summary([row for row in facts["rows"] if row["case"] == "strategy"])
    # Rows are told at four significant digits, and so are means of them.
    assert {name: facts["summary"][name] for name in told} == pytest.approx(told, rel=1e-3)
    table = tables.read(folder / "exhaustive.parquet", tables.EXHAUSTIVE)
    assert table.groupby("clip")["shot"].nunique().to_dict() == facts["clips"]
    assert sorted(load_prior().scales) == sorted(set(table["codec"]))
