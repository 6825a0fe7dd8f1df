"""The allocator against every combination there is."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.bench.allocation import many_shots
from laddersmith.errors import LadderError
from laddersmith.hull import convex_hull, pareto_front
from laddersmith.ladder.allocation import additive_worth, allocate, level_sweep, pooled_quality, sweep


@st.composite
def menus(draw, shots=4, points=5):
    """Bits and worth of up to `shots` shots of up to `points` points; ties are likely, and some shots have fewer."""
    count, width = draw(st.integers(1, shots)), draw(st.integers(1, points))
    bits = np.array(draw(st.lists(st.integers(1, 40), min_size=count * width, max_size=count * width)), float)
    worth = np.array(draw(st.lists(st.integers(0, 30), min_size=count * width, max_size=count * width)), float)
    bits, worth = bits.reshape(count, width), worth.reshape(count, width)
    for shot in range(count):
        bits[shot, draw(st.integers(1, width)) :] = np.inf
    return bits, worth


def combinations(bits, worth):
    """Total bits and worth of every combination."""
    finite = [np.flatnonzero(np.isfinite(row)) for row in bits]
    every = np.array(list(product(*finite)))
    rows = np.arange(len(bits))
    return bits[rows, every].sum(axis=1), worth[rows, every].sum(axis=1), every


@given(menus())
def test_the_sweep_is_the_convex_hull_of_all_combinations(menu):
    bits, worth = menu
    every_bits, every_worth, _ = combinations(bits, worth)
    hull = convex_hull(every_bits, every_worth)
    swept = sweep(bits, worth)
    found = set(zip(swept.bits.tolist(), swept.worth.tolist(), strict=True))
    # Whole numbers: sums are exact. Every vertex is a step, and no step lies inside the hull.
    assert set(zip(every_bits[hull].tolist(), every_worth[hull].tolist(), strict=True)) <= found
    edge = np.interp(swept.bits, every_bits[hull], every_worth[hull])
    assert np.allclose(swept.worth, edge, rtol=0, atol=1e-9)
    rows = np.arange(len(bits))
    for number in range(len(swept.bits)):
        points = swept.at(number)
        assert (bits[rows, points].sum(), worth[rows, points].sum()) == (swept.bits[number], swept.worth[number])


@given(menus(), st.floats(0, 1))
def test_the_cheapest_for_a_quality_is_that_of_exhaustive_search(menu, share):
    bits, worth = menu
    every_bits, every_worth, _ = combinations(bits, worth)
    target = every_worth.min() + share * (every_worth.max() - every_worth.min())
    best = every_bits[every_worth >= target - 1e-9].min()
    found = allocate(bits, worth, worth_at_least=target)
    # A target that lies less than a rounding above a sum is met by it.
    assert found.exact and found.bits == best and found.worth >= target - 1e-9
    assert found.bound <= best + 1e-9


@given(menus(), st.floats(0, 1))
def test_the_best_for_a_budget_is_that_of_exhaustive_search(menu, share):
    bits, worth = menu
    every_bits, every_worth, _ = combinations(bits, worth)
    budget = every_bits.min() + share * (every_bits.max() - every_bits.min())
    best = every_worth[every_bits <= budget + 1e-9].max()
    found = allocate(bits, worth, bits_at_most=budget)
    assert found.exact and found.worth == best and found.bits <= budget + 1e-9
    assert found.bound >= best - 1e-9


@given(menus(shots=6, points=6), st.floats(0, 1))
def test_without_the_exhaustive_part_the_loss_is_less_than_one_step_of_one_shot(menu, share):
    bits, worth = menu
    swept = sweep(bits, worth)
    target = swept.worth[0] + share * (swept.worth[-1] - swept.worth[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("laddersmith.ladder.allocation.STATES", 0)
        found = allocate(bits, worth, worth_at_least=target)
    above = int(np.searchsorted(swept.worth, target - 1e-12))
    step = swept.bits[above] - swept.bits[max(above - 1, 0)]
    assert found.worth >= target - 1e-9 and found.bits <= swept.bits[above]
    assert found.bits - allocate(bits, worth, worth_at_least=target).bits <= found.bits - found.bound + 1e-9
    assert found.bits - found.bound <= step + 1e-9


@given(menus())
def test_a_level_is_reached_by_the_cheapest_points_that_reach_it(menu):
    bits, level = menu
    every_bits, _, every = combinations(bits, level)
    lowest = level[np.arange(len(bits)), every].min(axis=1)
    swept = level_sweep(bits, level)
    ours = pareto_front(swept.bits, swept.worth)
    theirs = pareto_front(every_bits, lowest)
    assert swept.bits[ours].tolist() == every_bits[theirs].tolist()
    assert swept.worth[ours].tolist() == lowest[theirs].tolist()
    rows = np.arange(len(bits))
    for number in range(len(swept.bits)):
        assert bits[rows, swept.at(number)].sum() == swept.bits[number]
        assert level[rows, swept.at(number)].min() == swept.worth[number]


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=6), min_size=1, max_size=5))
@pytest.mark.parametrize("pooling", ["mean", "harmonic"])
def test_shots_pool_to_what_their_frames_pool_to(pooling, shots):
    from laddersmith.quality import pool

    quality = np.array([[pool(np.array(frames), pooling)] for frames in shots])
    frames = np.array([len(shot) for shot in shots], float)
    worth = additive_worth(quality, frames, pooling)
    whole = pool(np.concatenate([np.array(shot) for shot in shots]), pooling)
    # Rounding of float64 sums of at most 30 terms of at most 100.
    assert pooled_quality(worth.sum(keepdims=True)[0], frames.sum(), pooling)[0] == pytest.approx(whole, abs=1e-9)


def test_equal_slopes_are_taken_in_the_order_of_shots():
    bits, worth = np.array([[1.0, 2, 3]] * 3), np.array([[0.0, 5, 10]] * 3)
    swept = sweep(bits, worth)
    assert swept.shot.tolist() == [0, 1, 2] and swept.point.tolist() == [2, 2, 2]  # straight stretches are left out
    assert sweep(bits, worth).at(2).tolist() == [2, 2, 0]


def test_what_cannot_be_is_refused():
    bits, worth = np.array([[1.0, 2.0], [3.0, np.inf]]), np.array([[10.0, 20.0], [5.0, 0.0]])
    with pytest.raises(LadderError, match=r"no choice of points has a worth of 26 or more; the most there is is 25$"):
        allocate(bits, worth, worth_at_least=26)
    with pytest.raises(LadderError, match="no choice of points has 3 bits or fewer in all; the fewest there are is 4"):
        allocate(bits, worth, bits_at_most=3)
    with pytest.raises(
        LadderError, match=r"no choice of points has -3 bits or fewer in all; the fewest there are is 4$"
    ):
        allocate(bits, worth, bits_at_most=-3)
    with pytest.raises(LadderError, match="shot 1 has no point to choose from"):
        sweep(np.array([[1.0], [np.inf]]), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="either worth_at_least or bits_at_most"):
        allocate(bits, worth)


@given(menus(), st.sampled_from(["mean", "harmonic"]))
def test_what_a_refusal_tells_can_be_had(menu, pooling):
    bits, quality = menu
    worth = additive_worth(quality, np.full(len(bits), 1 / 3), pooling)
    for name, beyond in (("worth_at_least", 1e6), ("bits_at_most", -1.0)):
        with pytest.raises(LadderError, match="no choice of points has") as caught:
            allocate(bits, worth, **{name: beyond})
        told = float(str(caught.value).rsplit(" is ", 1)[1])
        assert (told < 0) == (name == "worth_at_least" and pooling == "harmonic")
        allocate(bits, worth, **{name: told})


def test_two_thousand_shots_of_sixty_points_take_less_than_a_second():
    bits, worth = many_shots(2000, 60)
    begin = time.process_time()
    swept = sweep(bits, worth)
    middle = (swept.worth[0] + swept.worth[-1]) / 2
    found = allocate(bits, worth, worth_at_least=middle)
    assert time.process_time() - begin < 1
    # The bound is proven, whatever the search had time for: a ten-thousandth of the bits and less.
    assert found.bound <= found.bits <= found.bound * 1.0001
