"""Allocations whose quality does not jump, against every combination there is."""

import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from laddersmith.bench.allocation import many_shots
from laddersmith.errors import LadderError
from laddersmith.hull import convex_hull, pareto_front
from laddersmith.ladder.allocation import sweep
from laddersmith.ladder.smooth import smooth_level_sweep, smooth_sweep
from test_allocation import combinations, menus


def within(quality, every, max_jump):
    heights = quality[np.arange(len(quality)), every]
    return (np.abs(np.diff(heights, axis=1)) <= max_jump).all(axis=1)


@given(menus(), st.integers(0, 20))
def test_every_step_is_the_best_for_a_price_and_keeps_the_cap(menu, max_jump):
    bits, worth = menu
    every_bits, every_worth, every = combinations(bits, worth)
    held = within(worth, every, max_jump)
    if not held.any():
        with pytest.raises(LadderError, match="the least that can be is") as caught:
            smooth_sweep(bits, worth, worth, max_jump)
        least = float(str(caught.value).split("can be is ")[1].split(";")[0])
        assert within(worth, every, least).any() and not within(worth, every, least - 0.5).any()
        return
    found = smooth_sweep(bits, worth, worth, max_jump)
    assert within(worth, found.points, max_jump).all()
    hull = convex_hull(every_bits[held], every_worth[held])
    edge = np.interp(found.bits, every_bits[held][hull], every_worth[held][hull])
    # Whole numbers below 200: no two slopes are nearer than 1 in 40,000.
    assert np.allclose(found.worth, edge, rtol=0, atol=1e-6)
    assert found.bits[0] == every_bits[held].min() and found.worth[-1] == every_worth[held].max()


@pytest.mark.parametrize("sweeping", [smooth_sweep, smooth_level_sweep])
def test_the_cap_that_a_refusal_tells_can_be_kept(sweeping):
    bits, quality = np.array([[1.0], [1.0], [1.0]]), np.array([[10.0], [12.3412], [11.0]])
    with pytest.raises(LadderError, match=r"max_jump 2: up to shot 1 the least that can be is 2\.35; raise max_jump"):
        sweeping(bits, quality, quality, 2.0)
    assert sweeping(bits, quality, quality, 2.35).points.tolist() == [[0, 0, 0]]


@given(menus(), st.integers(0, 20))
def test_levels_within_the_cap(menu, max_jump):
    bits, level = menu
    every_bits, _, every = combinations(bits, level)
    held = within(level, every, max_jump)
    assume(held.any())
    lowest = level[np.arange(len(bits)), every[held]].min(axis=1)
    front = pareto_front(every_bits[held], lowest)
    found = smooth_level_sweep(bits, level, level, max_jump)
    assert found.bits.tolist() == every_bits[held][front].tolist()
    assert found.worth.tolist() == lowest[front].tolist()


@given(menus())
def test_a_cap_that_binds_nowhere_changes_nothing(menu):
    bits, worth = menu
    free, capped = sweep(bits, worth), smooth_sweep(bits, worth, worth, 100)
    assert set(zip(capped.bits.tolist(), capped.worth.tolist(), strict=True)) <= set(
        zip(free.bits.tolist(), free.worth.tolist(), strict=True)
    )


def test_a_smaller_cap_costs_bits():
    bits, worth = many_shots(60, 12)
    quality = worth / np.maximum(1, np.round(worth.max(axis=1) / 100))[:, None]
    curves = []
    for cap in (100.0, 10.0, 6.0):
        found = smooth_sweep(bits, worth, quality, cap)
        heights = quality[np.arange(60), found.points]
        assert np.abs(np.diff(heights, axis=1)).max() <= cap + 1e-9
        curves.append(found)
    target = np.median(curves[-1].worth)
    totals = [float(np.interp(target, found.worth, found.bits)) for found in curves]
    assert totals == sorted(totals)


def test_two_thousand_shots_take_seconds():
    bits, worth = many_shots(2000, 60)
    begin = time.process_time()
    smooth_sweep(bits, worth, worth / worth.max(axis=1)[:, None] * 99, 8)
    assert time.process_time() - begin < 20  # 5 s on two quiet cores
