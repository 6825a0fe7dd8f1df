"""The rounds of strategy `adaptive` on a made-up world: what they measure, and when they end."""

from functools import partial

import numpy as np
import pandas as pd
import plan as plan_door
import pytest
from laddersmith import tables
from laddersmith.bench.strategies import LIMITS
from laddersmith.ladder import Asked, Rules, answered_by, choose_points
from laddersmith.ladder.answers import answers
from laddersmith.search.adaptive import plan_adaptive, seeds, settling
from laddersmith.search.candidates import plan_rows
from laddersmith.search.doubt import doubt
from laddersmith.search.outlook import CAUTION, USUAL_PEAK, Film, cautious, expected_points, observed, surfaces
from laddersmith.search.surface import Surface
from search_world import BOXES, DISPLAY, FPS, FRAMES, HEIGHTS, Shot, World, a_prior, measured, shares, subject, variants

PRIOR = a_prior()
RULES = Rules(**LIMITS)
NONE = tables.empty(tables.POINTS)
CRFS = np.arange(15, 46.0)


def nothing(expected: pd.DataFrame) -> pd.DataFrame:
    """An answer that needs no point."""
    return expected.iloc[:0]


def ladder(film: Film, rules: Rules = RULES):
    """The answer that the rule `plan` asks for."""
    return partial(
        plan_door.wanted,
        shots=film.shots["shot"].tolist(),
        variants=film.variants,
        boxes=film.boxes,
        rules=rules,
        pooling="mean",
        duration_s=film.shots["end"].max() / FPS,
        title="film",
    )


def planned(film: Film, points: pd.DataFrame, **more) -> pd.DataFrame:
    asked = {"fps": FPS, "prior": PRIOR, "known": None, "tolerance": 0.002, "max_points": 12} | more
    return plan_adaptive(film, points, **{"answer": ladder(film)} | asked)


def rounds(world: World, film: Film, most: int = 12, **more) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """What is measured in the end, and the plans."""
    points, plans = NONE, []
    while not (plan := planned(film, points, **more)).empty and len(plans) < most:
        assert tables.conform(plan, tables.PLAN).equals(plan)
        plans.append(plan)
        new = world.points(plan)
        points = new if points.empty else pd.concat([points, new], ignore_index=True)
    return points, plans


def task_sizes(points: pd.DataFrame) -> pd.Series:
    return points.groupby(["shot", "variant"]).size()


def test_the_first_round_is_seeds_of_every_height():
    film = World({0: Shot(), 1: Shot(0.5)}).film(variants("x264", "x265"))
    plan = planned(film, NONE, answer=None)  # nothing was measured: nobody is asked
    assert (task_sizes(plan) == 6).all() and len(task_sizes(plan)) == 4
    assert plan.groupby("height").size().to_dict() == {360: 8, 270: 8, 180: 4, 136: 4}
    assert set(plan["reason"]) == {"seed"}
    assert plan["width"].tolist() == [BOXES[height][0] for height in plan["height"]]
    order = plan.assign(number=plan["crf"].astype(float))[["variant", "height", "number", "shot"]]
    assert order.equals(order.sort_values(["variant", "height", "number", "shot"]))


def test_seeds_are_where_the_prior_expects_their_quality():
    surface = Surface(PRIOR, subject(), shares(HEIGHTS), CRFS, measured([]))
    found = seeds(surface)
    assert [height for height, _ in found] == [0, 0, 1, 1, 2, 3]
    step = np.abs(np.diff(surface.smooth_quality, axis=1)).max()
    for (height, crf), quality in zip(found, (90, 50, 90, 50, 70, 50), strict=True):
        assert abs(surface.smooth_quality[height, crf] - quality) < step
    many = Surface(PRIOR, subject(), np.linspace(1, 0.3, 7), CRFS, measured([]))
    assert [height for height, _ in seeds(many)] == [0, 0, 1, 1, 2, 3, 4, 5, 6]
    assert seeds(Surface(PRIOR, subject(), shares([360]), np.array([30.0]), measured([]))) == [(0, 0)]


def test_the_search_ends_with_the_answer_measured_and_little_doubt():
    world = World({0: Shot(0.3, 0.4)})
    film = world.film(variants("x264", "x265"))
    points, plans = rounds(world, film, max_points=100)
    assert 2 <= len(plans) <= 8 and not points.duplicated(tables.KEY).any()
    found = surfaces(film, points, prior=PRIOR)
    assert all(doubt(surface).loss <= 0.002 for surface in found.values())
    asked = ladder(film)(expected_points(film, points, found, FPS))
    assert len(asked) > 6
    keys = set(map(tuple, points[tables.KEY].to_numpy()))
    assert set(map(tuple, asked[tables.KEY].to_numpy())) <= keys
    assert (task_sizes(points) < 0.25 * 4 * 31).all()
    assert planned(film, points, max_points=100).empty


def test_every_point_has_its_reason():
    world = World({0: Shot(0.3, 0.4)})
    _, plans = rounds(world, world.film(variants("x264")), max_points=100)
    later = pd.concat(plans[1:])["reason"]
    settled = later.str.fullmatch(r"settles which height is cheapest, expected loss \d+\.\d\d %")
    assert (settled | (later == "the answer needs it")).all() and settled.any() and not settled.all()


def test_settling_goes_by_the_tolerance():
    world = World()
    film = world.film(variants("x264"))
    points = world.points(planned(film, NONE))
    loss = doubt(surfaces(film, points, prior=PRIOR)[0, "x264"]).loss
    assert loss > 0.002
    plan = planned(film, points, answer=nothing, tolerance=0.99 * loss)
    assert 1 <= len(plan) <= 3 and plan["reason"].str.endswith(f"expected loss {100 * loss:.2f} %").all()
    assert planned(film, points, answer=nothing, tolerance=1.01 * loss).empty


@pytest.mark.parametrize("most", [2, 5, 9])
def test_no_shot_and_variant_is_measured_more_often_than_asked(most):
    world = World({0: Shot(), 3: Shot(-0.5, 0.8), 9: Shot(0.5, -0.5)})
    points, plans = rounds(world, world.film(variants("x264", "svtav1")), max_points=most, tolerance=0)
    assert (task_sizes(points) == most).all() and len(task_sizes(points)) == 6
    assert sum(map(len, plans)) == len(points.drop_duplicates(tables.KEY)) == 6 * most


@pytest.mark.parametrize("mode", ["quality_floor", "bitrate_budget"])
def test_a_limit_of_every_shot_is_decided_at_each_height_in_few_rounds(mode):
    world = World({0: Shot(0.3, 0.4), 1: Shot(-0.5)})
    film = world.film(variants("x264"))
    same = {"shots": [0, 1], "pooling": "mean", "duration_s": 2 * FRAMES / FPS}
    limit = 80.0 if mode == "quality_floor" else 300.0
    asked = Asked(mode=mode, limit=limit, scope="shot", heights="each")
    points, plans = rounds(
        world,
        film,
        most=4,
        tolerance=np.inf,
        answer=partial(answered_by, asked=asked, **same),
        answer_first=True,
        alone=asked.alone(FPS, DISPLAY),
    )
    reasons = set(pd.concat(plans)["reason"])
    assert "decides the target" in reasons and not any(reason.startswith("settles") for reason in reasons)
    best, found = (
        sorted(answers(table, asked, **same)[0], key=lambda target: target.heights)
        for table in (world.every(film), points)
    )
    assert [target.heights for target in found] == [target.heights for target in best]
    assert [target.missed for target in found] == [target.missed for target in best]
    for one, other in zip(found, best, strict=True):
        assert one.bitrate_kbps == pytest.approx(other.bitrate_kbps, rel=0.05)


def test_what_a_target_needs_comes_before_what_settles_heights():
    world = World()
    film = world.film(variants("x264"))
    points = world.points(planned(film, NONE))
    asked = Asked(mode="quality_floor", limit=85, scope="title", heights="best")
    answer = partial(answered_by, asked=asked, shots=[0], pooling="mean", duration_s=FRAMES / FPS)
    room = {"answer": answer, "tolerance": 0, "max_points": len(points) + 1}
    for first, reason in ((True, "the answer needs it"), (False, "settles which height is cheapest")):
        (row,) = tables.rows(planned(film, points, answer_first=first, **room))
        assert row.reason.startswith(reason)


def test_no_point_is_measured_twice_even_where_nothing_is_enough():
    """Tolerance 0 is never met; a small grid is measured to its end, and no further."""
    world = World({0: Shot(), 1: Shot(0.5)})
    film = world.film(variants("x264", crfs=[28, 33]), heights=[360, 180])
    every = world.every(film)

    def all_of_them(expected: pd.DataFrame) -> pd.DataFrame:
        return expected

    points, plans = rounds(world, film, max_points=100, tolerance=0, answer=all_of_them)
    assert len(plans) == 2 and len(points) == len(every) == 2 * 2 * 6 and not points.duplicated(tables.KEY).any()


def test_a_rung_of_the_fixed_ladder_and_a_whole_title_are_no_points_of_the_search():
    world = World()
    film = world.film(variants("x264"))
    seeded = planned(film, NONE)
    points = world.points(seeded)
    others = [points.assign(variant="x264@365k"), points.assign(shot=tables.WHOLE_TITLE)]
    assert planned(film, pd.concat(others)).equals(seeded)
    assert planned(film, pd.concat([points, *others], ignore_index=True)).equals(planned(film, points))


def test_half_crfs():
    world = World({0: Shot()})
    film = world.film(variants("x264", crfs=[20.5, 40]), crf_step=0.5)
    assert film.crfs("x264") == [*(f"{crf / 2:g}" for crf in range(41, 81))]
    points, _ = rounds(world, film)
    assert points["crf"].str.endswith(".5").any() and set(points["crf"]) <= set(film.crfs("x264"))
    assert not points.duplicated(tables.KEY).any()


def test_ends_that_are_no_multiples_of_the_step_are_tried():
    film = World().film(variants("x264", crfs=[20.5, 31]), crf_step=4)
    assert film.crfs("x264") == ["20.5", "24", "28", "31"]
    assert World().film(variants("x264", crfs=[30])).crfs("x264") == ["30"]


def test_shots_that_nobody_measured_are_searched_with_the_others():
    world = World({0: Shot(), 1: Shot(0.5)})
    film = world.film(variants("x264"))
    first = world.points(planned(film, NONE))
    plan = planned(film, first[first["shot"] == 0])
    assert set(plan["shot"]) == {0, 1} and plan.loc[plan["shot"] == 1, "reason"].str.contains("settles").any()


def test_what_other_titles_taught_moves_the_seeds():
    hard = World({0: Shot(hard=1.5)})
    film = hard.film(variants("x264"))
    known = observed(Film("other", film.shots, DISPLAY, film.variants, film.boxes, 1), hard.every(film).iloc[::9])
    plain, taught = (planned(film, NONE, known=each) for each in (None, known))
    # Lower CRFs: of a shot like this one less quality was measured than the prior expects.
    assert taught["crf"].astype(float).mean() < plain["crf"].astype(float).mean() - 3
    off = [np.abs(np.sort(hard.points(plan)["quality"]) - [50, 50, 50, 70, 90, 90]).mean() for plan in (plain, taught)]
    assert off[1] < off[0] / 2


def test_no_ladder_is_no_answer():
    """Limits that leave no rung end the search once the heights are settled; no error."""
    world = World({0: Shot(hard=4)})
    film = world.film(variants("x264"))
    strict = Rules(**LIMITS | {"min_quality": 99.9, "max_quality": 100})
    points, _ = rounds(world, film, answer=ladder(film, strict), tolerance=0.01, max_points=50)
    assert len(points) < 50 and not points["reason"].eq("the answer needs it").any()


@pytest.mark.parametrize("hard", [-14, -6, 3, 14])
def test_plateaus(hard):
    world = World({0: Shot(hard=hard)})
    points, plans = rounds(world, world.film(variants("x264", "svtav1")))
    assert len(plans) < 12 and (task_sizes(points) <= 12).all()


@pytest.mark.parametrize(
    ("crfs", "heights"), [([30], HEIGHTS), ([30], [360]), ([30, 31], [180]), ([15, 45], [360]), ([15, 45], [180, 136])]
)
def test_small_grids(crfs, heights):
    world = World()
    film = world.film(variants("x264", crfs=crfs), heights=heights)
    points, _ = rounds(world, film)
    assert set(points["height"]) == set(heights) and not points.duplicated(tables.KEY).any()


def test_points_that_settle_are_unmeasured_and_apart():
    world = World()
    taken = [(360, 20.0), (360, 34.0), (270, 30.0), (180, 38.0), (136, 32.0)]
    surface = Surface(PRIOR, subject(), shares(HEIGHTS), CRFS, world.measured(taken))
    found = doubt(surface)
    for count in (1, 3, 8):
        places = settling(surface, found, count)
        assert 1 <= len(places) <= count and len(set(places)) == len(places)
        assert not any(surface.measured[place] for place in places)
        for i, (height, crf) in enumerate(places):
            assert all(height != other or abs(crf - near) > 2 for other, near in places[:i])
    worst = int(np.argmax(found.by_quality))
    assert settling(surface, found, 1)[0][0] in (found.chosen[worst], found.rival[worst])
    every = world.measured([(height, crf) for height in HEIGHTS for crf in CRFS])
    done = Surface(PRIOR, subject(), shares(HEIGHTS), CRFS, every)
    assert settling(done, doubt(done), 3) == []


def test_a_measurement_that_settles_takes_doubt_away():
    world, places = World({0: Shot(0.4, 0.3)}), [(360, 22.0), (270, 33.0), (180, 36.0), (136, 40.0)]
    losses = []
    for _ in range(4):
        surface = Surface(PRIOR, subject(), shares(HEIGHTS), CRFS, world.measured(places))
        found = doubt(surface)
        losses.append(found.loss)
        places += [(HEIGHTS[height], CRFS[crf]) for height, crf in settling(surface, found, 3)]
    assert losses[-1] < losses[0] / 4


def test_caution_makes_what_nobody_measured_dearer():
    surface = Surface(PRIOR, subject(), shares(HEIGHTS), CRFS, World().measured([(360, 20.0)]))
    plain, careful = (cautious(surface, caution) for caution in (0, CAUTION))
    assert (careful[0] - plain[0])[surface.measured] == 0
    assert ((careful[0] - plain[0])[~surface.measured] > 0).all() and np.array_equal(careful[1], plain[1])


@pytest.fixture(scope="module")
def foreseen() -> tuple[World, Film, pd.DataFrame, pd.DataFrame]:
    """A title of two shots, some of its points, and what is expected of all."""
    world = World({0: Shot(), 1: Shot(0.5, 0.5)})
    capped = variants("x264", "x265")
    capped["x265"] |= {"maxrate_kbps": 900.0, "bufsize_kbps": 1800.0}
    film = world.film(capped)
    points = world.points(planned(film, NONE))
    return world, film, points, expected_points(film, points, surfaces(film, points, prior=PRIOR), FPS)


def test_expected_points_are_measured_ones_and_all_others(foreseen):
    world, film, points, expected = foreseen
    assert len(expected) == 2 * 2 * 4 * 31 and not expected.duplicated(tables.KEY).any()
    assert expected["measured"].sum() == len(points)
    one, other = (
        table.set_index(tables.KEY)[["bytes", "frames", "bitrate_kbps", "peak_kbps", "quality"]].sort_index()
        for table in (expected[expected["measured"]], points)
    )
    assert (one == other.astype(float)).all(axis=None)
    numbers = expected[["bytes", "frames", "bitrate_kbps", "peak_kbps", "quality"]].to_numpy(float)
    assert np.isfinite(numbers).all() and (numbers[:, :4] > 0).all()
    assert expected["quality"].between(0, 100).all() and (expected["frames"] == FRAMES).all()
    caps = expected.groupby("variant")["maxrate_kbps"]
    assert caps.count().to_dict() == {"x264": 0, "x265": 2 * 4 * 31}
    # Bitrate and bytes tell the same, but for the rounding of bytes; a peak is over it as in the shot's own encodes.
    kbps = expected["bytes"] * 8 * FPS / FRAMES / 1000
    assert expected["bitrate_kbps"].to_numpy() == pytest.approx(kbps.to_numpy(), abs=0.5 * 8 * FPS / FRAMES / 1000)
    assert (expected["peak_kbps"] / expected["bitrate_kbps"]).to_numpy() == pytest.approx(1.3)
    truth = world.every(film).set_index(tables.KEY)["quality"]
    error = (expected.set_index(tables.KEY)["quality"] - truth).abs()
    assert error.mean() < 1.5 and error.max() < 12


def test_before_any_measurement_peaks_are_usual_ones():
    film = World().film(variants("x264"))
    expected = expected_points(film, NONE, surfaces(film, NONE, prior=PRIOR), FPS)
    assert not expected["measured"].any()
    assert (expected["peak_kbps"] / expected["bitrate_kbps"]).to_numpy() == pytest.approx(USUAL_PEAK)


def test_rungs_are_chosen_from_expected_points(foreseen):
    _, film, points, expected = foreseen
    wanted, choice = choose_points(
        [0, 1],
        expected,
        tables.empty(tables.TITLE_POINTS),
        variants=film.variants,
        boxes=film.boxes,
        rules=RULES,
        crf_step=None,
        pooling="mean",
        duration_s=2 * FRAMES / FPS,
        fixed={},
        title="film",
    )
    assert tables.conform(wanted, tables.PLAN).equals(wanted)
    assert {rung["codec"] for rung in choice["rungs"]} == {"x264", "x265"} and len(choice["rungs"]) >= 10
    keys = pd.MultiIndex.from_frame(expected[tables.KEY])
    assert pd.MultiIndex.from_frame(wanted[tables.KEY]).isin(keys).all()
    later = planned(film, points, answer=lambda table: wanted, tolerance=1)
    taken = set(map(tuple, points[tables.KEY].to_numpy()))
    asked = set(map(tuple, wanted[tables.KEY].to_numpy())) - taken
    assert set(map(tuple, later[tables.KEY].to_numpy())) <= asked and set(later["reason"]) == {"the answer needs it"}


def test_observed_points_are_in_the_units_of_the_prior():
    world = World({0: Shot(), 5: Shot(spatial=50.0)})
    film = world.film(variants("x264"))
    points = world.points(plan_rows([0, 5], film.variants, film.boxes, [("x264", 180, "30", "x")]))
    table = observed(film, points)
    assert table["share"].tolist() == [0.5, 0.5] and table["spatial_complexity"].tolist() == [30, 50]
    exact = [world.value(shot, "x264", 180, 30)[0] for shot in (0, 5)]
    assert table["rate"].to_numpy() == pytest.approx(exact, abs=1e-3)  # bytes are whole
    assert observed(film, NONE).empty
    empty = world.points(plan_rows([0], film.variants, film.boxes, [("x264", 180, "30", "x")])).assign(bytes=0)
    assert np.isfinite(observed(film, empty)["rate"]).all()
