"""Cheap looks at shots: which shots get them, what they are taken to be off by, and that nothing else trusts them."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from encode_shots import shot_table
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith import tables
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError, ScoreError, TableError
from laddersmith.ladder.menus import menus
from laddersmith.search.looks import IN_FULL, LEAST, Looks, known_in_full, plan_looks, with_looks
from laddersmith.search.outlook import expected_points, surfaces
from laddersmith.search.prior import stretched, unstretched
from laddersmith.shots import with_looks as with_looks_at
from laddersmith.shots import with_whole_title
from report_inputs import inputs
from search_world import FPS, FRAMES, Shot, World, a_prior, variants

RATE = Fraction(25)
WORLD = World({0: Shot(), 1: Shot(0.4, 0.3), 2: Shot(-0.3, -0.2)})
FILM = WORLD.film(variants("x264", "svtav1", crfs=[24, 42]), crf_step=3)
TASKS = [(shot, variant) for shot in WORLD.shots for variant in FILM.variants]


def measured_in_full() -> pd.DataFrame:
    """Every point of the film as the hull has it; of columns that no look changes, one that is written down."""
    points = WORLD.every(FILM).assign(on_hull=False, on_cross_hull=False, frames_scored=FRAMES)
    return points.assign(vmaf_mean=points["quality"])


FULL = measured_in_full()


def one_each(points: pd.DataFrame) -> pd.DataFrame:
    """Of every shot and variant a point."""
    return points.iloc[5:].drop_duplicates(["shot", "variant"]).reset_index(drop=True)


def looked_at(points: pd.DataFrame, off: dict[tuple[int, str], tuple[float, float]], frames: int = 10) -> pd.DataFrame:
    """Looks of ten frames at points, off by so much stretched quality and log2 of bits per frame."""
    value, rate = np.array([off[row.shot, row.variant] for row in tables.rows(points)]).T
    return points.assign(
        shot=points["shot"].map(tables.look_at),
        vmaf_mean=unstretched(stretched(points["quality"]) + value),
        bytes=np.round(points["bytes"] * 2**rate * frames / points["frames"] * 1000).astype(np.int64),
        frames=frames * 1000,  # so that rounding to bytes does not matter
        frames_scored=3,
        bitrate_kbps=1.0,
        peak_kbps=9.0,
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.5, 0.5)), min_size=len(TASKS), max_size=len(TASKS)))
def test_what_all_looks_at_a_shot_and_variant_are_off_by_is_taken_off_exactly(off):
    inner = FULL[FULL["quality"].between(8, 92)].reset_index(drop=True)  # no look beyond 0 or 100, which is cut off
    anchors = one_each(inner)
    freed = with_looks(FILM, anchors, looked_at(inner, dict(zip(TASKS, off, strict=True))), "mean", FPS)
    pairs = inner.merge(freed, on=tables.KEY, suffixes=("", "_freed"), validate="one_to_one")
    assert len(pairs) == len(freed) == len(inner)
    # Rounding: of bytes, a thousandth of one, and of a few hundred bytes at least in all.
    for name, tolerance in (("quality", 1e-9), ("bytes", 5e-3), ("bitrate_kbps", 5e-3), ("peak_kbps", 5e-3)):
        np.testing.assert_allclose(pairs[f"{name}_freed"], pairs[name], rtol=tolerance, atol=tolerance)
    assert (pairs["frames_freed"] == FRAMES).all()
    assert freed.dtypes.equals(anchors.dtypes)


def test_what_was_measured_in_full_stays_and_no_look_changes_nothing():
    anchors = one_each(FULL)
    looks = looked_at(FULL, dict.fromkeys(TASKS, (0.2, 0.1)))
    freed = with_looks(FILM, anchors, looks, "mean", FPS)
    pd.testing.assert_frame_equal(freed.iloc[: len(anchors)], anchors)
    assert with_looks(FILM, anchors, looks.iloc[:0], "mean", FPS) is anchors


def test_a_shot_of_which_nothing_was_measured_both_ways_is_refused():
    anchors = one_each(FULL)
    looks = looked_at(FULL, dict.fromkeys(TASKS, (0.0, 0.0)))
    told = "film: shot 1 was looked at in svtav1, and no point of it measured in full beside; delete the title's plans"
    with pytest.raises(ScoreError, match=told):
        with_looks(FILM, anchors[(anchors["shot"] != 1) | (anchors["variant"] != "svtav1")], looks, "mean", FPS)


def test_a_point_that_was_only_looked_at_does_not_count_as_measured():
    anchors = one_each(FULL)
    freed = with_looks(FILM, anchors, looked_at(FULL, dict.fromkeys(TASKS, (0.2, 0.1))), "mean", FPS)
    expected = expected_points(FILM, freed, surfaces(FILM, freed, prior=a_prior()), FPS)
    assert expected["measured"].all()
    known = known_in_full(expected, anchors)
    assert sorted(known.loc[known["measured"], tables.KEY].itertuples(index=False, name=None)) == sorted(
        anchors[tables.KEY].itertuples(index=False, name=None)
    )


def test_a_menu_tells_expected_points_from_measured_ones():
    anchors = one_each(FULL)
    expected = expected_points(FILM, anchors, surfaces(FILM, anchors, prior=a_prior()), FPS)
    columns, _ = menus(expected[expected["variant"] == "x264"], None, list(WORLD.shots))
    assert len(columns) == len(FILM.boxes)
    known = {
        (shot, int(height), crf)
        for column in columns
        for shot, *row in zip(WORLD.shots, column.heights, column.crfs, column.measured, strict=True)
        for height, crf, measured in zip(*row, strict=True)
        if measured
    }
    mine = anchors.loc[anchors["variant"] == "x264", ["shot", "height", "crf"]]
    assert known == set(mine.itertuples(index=False, name=None))
    for column in menus(FULL, 1, list(WORLD.shots))[0]:
        assert column.measured.sum(axis=1).tolist() == [len(FILM.crfs("x264"))] * len(WORLD.shots)


def test_round_0_measures_the_middle_point_of_each_shot_and_variant_in_full_beside_the_look():
    plan = tables.conform(FULL[tables.PLAN.columns.names].assign(reason="seed"), tables.PLAN)
    first = plan_looks(FILM, plan, {0, 2}, a_prior(), first=True)
    pd.testing.assert_frame_equal(first[first["shot"] == 1], plan[plan["shot"] == 1].reset_index(drop=True))
    for shot in (0, 2):
        looks, whole = first[first["shot"] == tables.look_at(shot)], first[first["shot"] == shot]
        assert (
            looks[tables.KEY[1:]].to_numpy().tolist() == plan[plan["shot"] == shot][tables.KEY[1:]].to_numpy().tolist()
        )
        assert whole["variant"].tolist() == ["svtav1", "x264"] and (whole["reason"] == IN_FULL).all()
        for row in tables.rows(whole):
            mine = FULL[(FULL["shot"] == shot) & (FULL["variant"] == row.variant)]
            [here] = mine.loc[(mine["height"] == row.height) & (mine["crf"] == row.crf), "quality"]
            assert 0.35 < (mine["quality"] < here).mean() < 0.65
    later = plan_looks(FILM, plan, {0, 2}, a_prior(), first=False)
    assert len(later) == len(plan) and set(later["shot"]) == {-2, 1, -4}
    empty = tables.empty(tables.PLAN)
    assert len(plan_looks(FILM, empty, {0}, a_prior(), first=True)) == 0
    assert plan_looks(FILM, plan, set(), a_prior(), first=True).equals(plan)


def test_short_shots_are_measured_in_full():
    shots = shot_table((0, 30), (30, 30 + 3 * LEAST), (48, 47 + 6 * LEAST), (83, 200))
    assert Looks().shots(shots, RATE) == set()
    assert Looks(score_every=3).shots(shots, RATE) == {0, 1, 2, 3}
    assert Looks(score_every=4).shots(shots, RATE) == {0, 2, 3}
    assert Looks(window_s=1.2).shots(shots, RATE) == {2, 3}
    assert Looks(score_every=4, window_s=1.2).shots(shots, RATE) == {0, 2, 3}


def test_a_window_stands_in_the_middle_of_a_shot_and_is_known_by_its_place():
    shots = shot_table((0, 30), (30, 131))
    whole = with_looks_at(with_whole_title(shots), None, RATE)
    assert whole["shot"].tolist() == [0, 1, -1, -2, -3]
    spans = ["start", "end", "frames_sha256", "context_sha256"]
    assert whole[spans].iloc[3:].to_numpy().tolist() == shots[spans].to_numpy().tolist()
    windows = with_looks_at(with_whole_title(shots), 1.2, RATE).set_index("shot")
    assert windows.loc[-2, spans].tolist() == shots.loc[0, spans].tolist()
    assert windows.loc[-3, ["start", "end", "start_s", "end_s"]].tolist() == [65, 95, 2.6, 3.8]
    others = with_looks_at(shots, 1.0, RATE).set_index("shot")
    hashes = [*windows["frames_sha256"], *windows["context_sha256"], *others.loc[-3, spans[2:]]]
    # The first look spans its shot; all others are pictures of their own.
    assert len(set(hashes)) == len(hashes) - 3
    assert [tables.span_name(shot) for shot in (1, -1, -3)] == ["shot 1", "whole title", "look at shot 1"]


def test_scores_and_points_of_some_frames_are_refused_where_they_would_be_trusted():
    points = inputs()["points"]
    partly = points.assign(frames_scored=np.where(points.index == 2, 3, points["frames_scored"]))
    for schema in (tables.SCORES, tables.POINTS):
        columns = schema.columns.names
        tables.conform(points[columns], schema)
        with pytest.raises(TableError, match=r"table holds .* with 3 of \d+ frames scored; every frame must be"):
            tables.conform(partly[columns], schema)
    tables.conform(partly[tables.LOOKS.columns.names], tables.LOOKS)


@pytest.mark.parametrize(("key", "value", "off"), [("score_every", 4, "1"), ("window_s", 2, "null")])
def test_only_adaptive_takes_looks(key, value, off):
    assert validate({"search": {"strategy": "adaptive", key: value}}, CODECS)["search"][key] == value
    told = f"search.{key} is {value}, but search.strategy grid measures .*: set search.strategy: adaptive, or .*: {off}"
    with pytest.raises(ConfigError, match=told):
        validate({"search": {key: value}}, CODECS)
