"""Floors and budgets of one shot: what is chosen, what is measured for it, and when that is enough."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith.bench.search_targets import Known, target_rows, target_summary
from laddersmith.search.prior import Field, Prior, Scale
from laddersmith.search.targets import (
    BITRATE_BUDGET,
    DRAWS,
    QUALITY_FLOOR,
    SURE,
    Target,
    answer,
    chosen,
    next_points,
    rate_of,
)

SHARES = [1.0, 0.75, 0.5]


def a_prior() -> Prior:
    """Broad: of any shot's rate it is sure to a factor of about two."""
    lengths = {"crf_lengths": np.array([2.5, 1.0, 0.7]), "height_lengths": np.array([2.5, 1.0, 0.5])}
    apart = {"shot": 1.0, "title": 0.7, "codec": 0.5, "features": np.array([0.5, 0.5])}
    rate = np.array([-2.5, -1.7, 1.3, 0, 0, 0, 0, 0, 0])
    quality = np.array([2.0, -1.6, 1.3, 0, 0, 0, 0, 0, 0])
    return Prior(
        rate=Field({"x264": rate}, np.array([0.6, 0.2, 0.05]), noise=0.003, **lengths, **apart),
        quality=Field({"x264": quality}, np.array([0.5, 0.2, 0.05]), noise=0.02, **lengths, **apart),
        scales={"x264": Scale(30, 10)},
    )


def observed(
    crfs: list[float], seed: int = 0, easy: float = 0.0, shares: list[float] = SHARES, uneven: float = 1.0
) -> pd.DataFrame:
    """A shot that was measured everywhere: falling curves with the unevenness of encodes.

    `easy` moves quality: at 6 the highest CRF still has 99, at -6 the lowest has 1.
    """
    random = np.random.default_rng(seed)
    rows = []
    for share in shares:
        for crf in crfs:
            x, s = (crf - 30) / 10, np.log2(share)
            value = 100 / (1 + np.exp(-(2.3 - 1.8 * x + 1.1 * s + 1.5 * easy)))
            if abs(easy) < 6:
                value += uneven * random.normal(0, 0.02) * (1 + (100 - value) / 2)
            rows.append(
                {
                    "title": "film",
                    "shot": "0",
                    "variant": "x264",
                    "codec": "x264",
                    "spatial_complexity": 30.0,
                    "temporal_complexity": 9.0,
                    "crf": crf,
                    "share": share,
                    "rate": -2.8 - 1.6 * x + 1.2 * s + uneven * random.normal(0, 0.003),
                    "quality": float(np.clip(value, 0, 100)),
                }
            )
    return pd.DataFrame(rows)


def solve(known: Known, target: Target, free: bool = False, most: int = 1):
    """The answers, and what was measured round by round."""
    places: list[tuple[int, int]] = []
    rounds = []
    while new := next_points(known.surface(a_prior(), places), target, free=free, most=most):
        assert not set(new) & set(places) and len(set(new)) == len(new)
        places += new
        rounds.append(new)
    return answer(known.surface(a_prior(), places), target, free=free), rounds


@dataclass
class Draws:
    """Stands in for a surface: what it draws is given."""

    shares: np.ndarray
    crfs: np.ndarray
    measured: np.ndarray
    drawn: tuple[np.ndarray, np.ndarray]

    def samples(self, count: int, seed: int = 0, *, noise: bool = False):
        assert count == DRAWS and noise
        return self.drawn


def draws(qualities: list[tuple[int, list[float]]], measured: list[int]) -> Draws:
    """Of one height: how many draws have which qualities; rates halve from CRF to CRF."""
    quality = np.array([row for count, row in qualities for _ in range(count)], float)[:, None]
    assert len(quality) == DRAWS
    size = quality.shape[2]
    known = np.isin(np.arange(size), measured)[None]
    rate = np.broadcast_to(-np.arange(size, dtype=float), quality.shape)
    return Draws(np.ones(1), np.arange(size, dtype=float), known, (rate, quality))


FLOOR = Target(QUALITY_FLOOR, 90)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8),
    st.integers(-1, 7),
    st.sampled_from([QUALITY_FLOOR, BITRATE_BUDGET]),
)
def test_what_is_chosen_is_what_looking_at_all_points_would_choose(points, limit, mode):
    rate, quality = np.array(points, float).T
    place, feasible = chosen(rate, quality, Target(mode, limit))
    floor = mode == QUALITY_FLOOR
    met = [(r, q) for r, q in points if (q >= limit if floor else r <= limit)]
    by_rate = floor == bool(met)
    best = min(met or points, key=lambda p: (p[0], -p[1]) if by_rate else (-p[1], p[0]))
    assert (bool(feasible), points[int(place)]) == (bool(met), best)


def test_the_likeliest_point_is_measured_first():
    early = [(300, [95, 92, 89, 80]), (100, [95, 89, 88, 80])]
    assert next_points(draws(early, []), FLOOR) == [(0, 1)]
    assert next_points(draws(early, []), FLOOR, most=2) == [(0, 1), (0, 0)]
    (guess,) = answer(draws(early, []), FLOOR)
    assert (guess.crf, guess.measured, guess.feasible, guess.probability, guess.settled) == (
        1,
        False,
        True,
        0.75,
        False,
    )


def test_it_ends_when_the_measured_point_is_probably_the_one():
    doubt = round(DRAWS * (1 - SURE))
    for rivals, settled in ((doubt, True), (doubt + 1, False)):
        surface = draws([(DRAWS - rivals, [95, 92, 89, 80]), (rivals, [95, 92, 91, 80])], [1])
        (found,) = answer(surface, FLOOR)
        assert found.settled == settled and (found.crf, found.feasible) == (1, True)
        assert next_points(surface, FLOOR) == ([] if settled else [(0, 2)])


def test_it_ends_when_the_neighbours_were_measured():
    surface = draws([(300, [95, 92, 89, 80]), (100, [95, 92, 89, 91])], [1, 2])
    assert next_points(surface, FLOOR) == []
    (found,) = answer(surface, FLOOR)
    assert found.settled and found.probability == 0.75
    far = draws([(300, [95, 92, 91, 80]), (100, [95, 92, 91, 91])], [0, 1])
    assert next_points(far, FLOOR) == [(0, 2)]


def test_it_does_not_end_without_a_feasible_point_where_there_may_be_one():
    surface = draws([(DRAWS - 1, [89, 88, 87, 80]), (1, [89, 90, 87, 80])], [0])
    assert next_points(surface, FLOOR) == [(0, 1)] and not answer(surface, FLOOR)[0].settled
    never = draws([(DRAWS, [89, 88, 87, 80])], [0])
    (found,) = answer(never, FLOOR)
    assert found.settled and not found.feasible and found.crf == 0 and next_points(never, FLOOR) == []


@pytest.mark.parametrize("free", [False, True])
def test_targets_take_the_points_of_exhaustive_search_from_few(free):
    answers = hits = encodes = shots = 0
    for seed in range(3):
        known = Known(observed([float(crf) for crf in range(15, 46)], seed, easy=(seed - 1) / 3))
        for target in (Target(QUALITY_FLOOR, 75), Target(QUALITY_FLOOR, 93), Target(BITRATE_BUDGET, -3.0)):
            rate, quality = (each.reshape(1, -1) if free else each for each in (known.rate, known.quality))
            true, feasible = chosen(rate, quality, target)
            found, rounds = solve(known, target, free)
            for place, spot in enumerate(found):
                assert spot.measured and spot.settled and spot.feasible == feasible[place]
                hits += (spot.height * len(known.crfs) + spot.crf if free else spot.crf) == true[place]
                if spot.feasible:
                    value = known.quality[spot.height, spot.crf], known.rate[spot.height, spot.crf]
                    assert value[0] >= target.limit if target.mode == QUALITY_FLOOR else value[1] <= target.limit
            assert all(len({height for height, _ in new}) == len(new) for new in rounds)
            answers, shots = answers + len(found), shots + 1
            encodes += sum(map(len, rounds))
    # Of so few answers one may miss.
    assert hits >= 0.95 * answers - 1 and encodes / shots / len(SHARES) <= (2.5 if free else 3.5)


@pytest.mark.parametrize(
    ("easy", "target"),
    [
        (6, Target(QUALITY_FLOOR, 100)),
        (6, Target(QUALITY_FLOOR, 50)),
        (-6, Target(QUALITY_FLOOR, 50)),
        (-6, Target(QUALITY_FLOOR, 0)),
        (6, Target(BITRATE_BUDGET, -3.0)),
        (-6, Target(BITRATE_BUDGET, -3.0)),
        (0, Target(BITRATE_BUDGET, -20.0)),
        (0, Target(BITRATE_BUDGET, 20.0)),
    ],
)
def test_plateaus_and_limits_out_of_reach(easy, target):
    table = observed([float(crf) for crf in range(15, 46, 2)], easy=easy)
    table["quality"] = table["quality"].where(table["quality"] < 99.9, 100.0).where(table["quality"] > 0.5, 0.0)
    known = Known(table)
    true, feasible = chosen(known.rate, known.quality, target)
    for spot in solve(known, target)[0]:
        place = spot.height, spot.crf
        assert spot.feasible == feasible[spot.height] and spot.measured
        if known.quality[place] in (0, 100) or (target.mode == QUALITY_FLOOR) == spot.feasible:
            assert spot.crf == true[spot.height]
        else:  # beside a plateau the best is any that chance makes it
            assert known.quality[place] == pytest.approx(known.quality[spot.height, true[spot.height]], abs=0.05)


def test_a_grid_of_one_crf_is_measured_once():
    known = Known(observed([30.0]))
    for target in (Target(QUALITY_FLOOR, 50), Target(QUALITY_FLOOR, 99.9), Target(BITRATE_BUDGET, -2.0)):
        found, rounds = solve(known, target)
        assert sum(map(len, rounds)) == len(SHARES) and all(spot.settled for spot in found)
        assert [spot.feasible for spot in found] == chosen(known.rate, known.quality, target)[1].tolist()


def test_fractional_crfs():
    known = Known(observed(list(np.arange(20, 40, 0.5)), uneven=0.0))
    found, rounds = solve(known, Target(QUALITY_FLOOR, 85))
    assert [spot.crf for spot in found] == chosen(known.rate, known.quality, Target(QUALITY_FLOOR, 85))[0].tolist()
    assert sum(map(len, rounds)) <= 4 * len(SHARES)


def test_two_points_a_round_take_fewer_rounds():
    known = Known(observed([float(crf) for crf in range(15, 46)], seed=3))
    one, two = (solve(known, Target(QUALITY_FLOOR, 85), most=most)[1] for most in (1, 2))
    assert len(two) <= len(one)
    assert all(sum(height == place for height, _ in new) <= 2 for new in two for place in range(len(SHARES)))


def test_a_bitrate_as_the_surface_has_it():
    assert rate_of(25 * 640 * 360 / 1000 * 0.5, 25, (640, 360)) == pytest.approx(-1)


def test_what_is_no_target_is_refused():
    with pytest.raises(ValueError, match="a target is a quality_floor or a bitrate_budget, not 'ladder'"):
        Target("ladder", 90)
    with pytest.raises(ValueError, match="the limit of a quality_floor must be a number, not nan"):
        Target(QUALITY_FLOOR, float("nan"))


def test_the_benchmark_counts_encodes_hits_and_what_bisection_would_take():
    crfs = [float(crf) for crf in range(24, 40, 2)]
    table = observed(crfs, uneven=0.0, shares=[1.0, 0.5]).rename(columns={"title": "clip", "quality": "vmaf_mean"})
    table = table.assign(
        display_width=640,
        display_height=360,
        width=(table["share"] * 640).astype(int),
        frames=50,
        bytes=(2.0 ** table["rate"] * 640 * 360 * 50 / 8).astype(int),
    )
    table["bitrate_kbps"] = table["bytes"] * 8 / 1000 / 2
    rows = target_rows(table, lambda clip: {"film": a_prior()}[clip])
    assert len(rows) == 2 * 16 and {row["mode"] for row in rows} == {QUALITY_FLOOR, BITRATE_BUDGET}
    each = [row for row in rows if not row["free"]]
    assert all(row["answers"] == row["heights"] == 2 and 2 <= row["encodes"] <= 16 for row in each)
    # Falling curves: halving finds the very point wherever one keeps the limit, in 3 or 4 of 8 CRFs.
    assert all(row["bisect_feasible"] == 2 and 6 <= row["bisect_encodes"] <= 8 for row in each)
    summary = target_summary(rows)
    assert summary["bisect_floor_hit_pct"] == summary["bisect_feasible_pct"] == 100
    assert summary["floor_hit_pct"] >= 95 and summary["budget_hit_pct"] >= 95 and summary["feasible_pct"] == 100
    assert summary["floor_encodes_mean"] == pytest.approx(
        sum(row["encodes"] for row in each if row["mode"] == QUALITY_FLOOR) / (8 * 2)
    )
