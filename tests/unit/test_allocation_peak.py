"""Caps on the peak over segments: what is expected of a choice, against the segments that are stitched."""

import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from laddersmith.bench.allocation import many_shots
from laddersmith.encode.inspect import Packet
from laddersmith.errors import LadderError
from laddersmith.ladder.allocation import sweep
from laddersmith.ladder.calm import Calming, Segments, calm, stretches
from laddersmith.ladder.peak import _peak_kbps
from laddersmith.ladder.smooth import smooth_sweep
from test_allocation import combinations

RATE = Fraction(25)


def packets(sizes: list[int], frames: int, keyint: int) -> list[Packet]:
    """A shot whose GOPs have these bytes, all in their first frames."""
    return [Packet(n, sizes[n // keyint] if n % keyint == 0 else 0, n % keyint == 0) for n in range(frames)]


@st.composite
def encoded(draw, one_gop=False):
    """Frames of shots, and the bytes of their GOPs; how they are cut into segments."""
    keyint = draw(st.integers(2, 30))
    frames = draw(st.lists(st.integers(1, keyint if one_gop else 90), min_size=1, max_size=8))
    count = [-(-length // keyint) for length in frames]
    sizes = [draw(st.lists(st.integers(1, 5000), min_size=n, max_size=n)) for n in count]
    segments = Segments(RATE, keyint, draw(st.sampled_from([0.5, 1, 2.4, 4])), draw(st.booleans()))
    return frames, sizes, segments


def told(frames, sizes, segments):
    """Expected and least peak, and that of the stitched stream, in kbps."""
    keyint = segments.keyint
    lengths = [[min(keyint, length - at) for at in range(0, length, keyint)] for length in frames]
    bits = np.array([[8.0 * sum(own)] for own in sizes])
    dearest = [
        max(size / length for size, length in zip(*both, strict=True)) for both in zip(sizes, lengths, strict=True)
    ]
    peak_kbps = np.array([[top * 8 * 25 / 1000] for top in dearest])
    plan = stretches(frames, segments)
    known, choice = np.ones(bits.shape, bool), np.zeros(len(frames), int)
    average = bits.sum() / plan.title_s
    expected, least = (
        max([average, *plan.rates(loads(bits, peak_kbps, known), choice)]) / 1000
        for loads in (plan.expected, plan.least)
    )
    shots = [packets(own, length, keyint) for own, length in zip(sizes, frames, strict=True)]
    return expected, least, _peak_kbps(shots, RATE, segments.segment_s, segments.every_keyframe)


@given(encoded())
def test_no_stream_has_less_than_the_least(case):
    expected, least, stitched = told(*case)
    assert least <= stitched * (1 + 1e-9) and least <= expected * (1 + 1e-9)


@given(encoded(one_gop=True))
def test_of_whole_shots_the_expected_peak_is_the_stitched_one(case):
    expected, least, stitched = told(*case)
    assert expected == pytest.approx(stitched, rel=1e-9) and least == pytest.approx(stitched, rel=1e-9)


def test_the_dearest_gop_of_a_part_is_expected_in_it_and_the_rest_by_its_share():
    # 4 GOPs of 1 s in segments of 2 s; the dearest has 700 of 1000 bytes.
    expected, _, stitched = told([100], [[100, 700, 100, 100]], Segments(RATE, 25, 2, False))
    assert expected == pytest.approx((700 + 100) * 8 / 2 / 1000) and stitched == pytest.approx(expected)


def calming(frames, bits, worth, ratio, segments, max_jump=100.0, part="expected") -> Calming:
    plan = stretches(frames, segments)
    known = np.ones(bits.shape, bool)
    peak_kbps = np.where(np.isfinite(bits), bits, 0) / np.array(frames)[:, None] * 25 / 1000
    loads = getattr(plan, part)(bits, peak_kbps, known)
    return Calming(plan, bits, worth, worth, loads, ratio, max_jump, True)


@st.composite
def titles(draw):
    """Shots of one GOP with menus of rising bits and worth."""
    count, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    frames = draw(st.lists(st.integers(5, 50), min_size=count, max_size=count))
    more = st.lists(st.integers(1, 19), min_size=width, max_size=width)
    bits, worth = (np.cumsum([draw(more) for _ in range(count)], axis=1).astype(float) for _ in range(2))
    return frames, bits, worth


@given(titles(), st.floats(1, 3), st.sampled_from([100.0, 30.0]))
def test_what_comes_out_keeps_the_cap_relative_to_its_own_rate(title, ratio, max_jump):
    frames, bits, worth = title
    segments = Segments(RATE, 50, 1, True)
    every_bits, _, every = combinations(bits, worth)
    menu = calming(frames, bits, worth, ratio, segments, max_jump)
    try:
        found = sweep(bits, worth) if max_jump >= 100 else smooth_sweep(bits, worth, worth, max_jump)
    except LadderError:
        assume(False)
    try:
        sure, perhaps = calm(found, menu, menu)
    except LadderError as error:
        advised = float(str(error).split("average; ")[1].split(" can be kept")[0])
        again = calming(frames, bits, worth, advised, segments, max_jump)
        assert calm(found, again, again)[0] is not None
        return
    assert perhaps is None
    rows = np.arange(len(bits))
    for number, points in enumerate(sure.points):
        assert menu.times(points) <= ratio * (1 + 1e-8)
        assert sure.bits[number] == bits[rows, points].sum() and sure.worth[number] == worth[rows, points].sum()
        assert all(abs(a - b) <= max_jump + 1e-9 for a, b in pairwise(worth[rows, points]))
    # Nothing is made calmer than it has to be: what holds stays, and there is no cheaper way to each size that is kept.
    for number in range(len(found.bits)):
        if menu.times(found.at(number)) <= ratio:
            assert menu.calmed(found.at(number)).tolist() == found.at(number).tolist()
    holds = np.array([menu.times(points) <= ratio for points in every])
    assert every_bits[holds].max() >= sure.bits.max()


def test_near_the_best_that_keeps_the_cap():
    """Against every combination there is: at each rate the loss is small."""
    generator = np.random.default_rng(5)
    frames = [25, 10, 40, 15, 30]
    crf = np.arange(8)
    hard = generator.uniform(0.3, 6, 5)
    bits = np.round(np.array(frames)[:, None] * hard[:, None] * 4000 * 2 ** (-crf / 2.0))
    worth = np.array(frames)[:, None] * (98 - generator.uniform(0.5, 2, 5)[:, None] * np.exp(crf / 2.2))
    menu = calming(frames, bits, worth, 1.6, Segments(RATE, 50, 1, True))
    every_bits, every_worth, every = combinations(bits, worth)
    holds = np.array([menu.times(points) <= 1.6 for points in every])
    assert 0.02 < holds.mean() < 0.9
    sure, _ = calm(sweep(bits, worth), menu, menu)
    for spent, got in zip(sure.bits, sure.worth, strict=True):
        best = every_worth[holds & (every_bits <= spent)].max()
        # A step of one CRF of one of the five shots is worth 0.1 to 5 of the title's VMAF.
        assert got >= best - 0.1 * sum(frames)


def test_a_short_dear_shot_among_quiet_ones_stays_as_it_is():
    # 0.4 s at four times the rate of its neighbours, with which it shares segments.
    frames = [50, 10, 50, 10, 50]
    bits = np.array(frames)[:, None] * np.array([1, 4, 1, 4, 1])[:, None] * np.array([[4000.0, 8000, 16000]])
    worth = np.array(frames)[:, None] * np.array([[60.0, 80, 90]])
    menu = calming(frames, bits, worth, 1.5, Segments(RATE, 50, 4, False))
    found = sweep(bits, worth)
    sure, perhaps = calm(found, menu, menu)
    assert perhaps is None and sure.points.tolist() == [found.at(n).tolist() for n in range(len(found.bits))]
    # Its own GOP has 3.6 times the average.
    assert bits[1, 2] / 10 / (bits[:, 2].sum() / 170) > 2.5


def test_where_points_do_not_tell_the_peak_an_allocation_may_stand():
    # One shot of 10 GOPs whose dearest has three times the average: segments of two may or may not have 1.5 times it.
    plan = stretches([250], Segments(RATE, 25, 2, False))
    bits, known = np.array([[1e5, 2e5]]), np.ones((1, 2), bool)
    peak_kbps = 3 * bits / 250 * 25 / 1000
    worth = np.array([[60.0, 80.0]])
    expected, least = (
        Calming(plan, bits, worth, worth, loads(bits, peak_kbps, known), 1.5, 100.0, True)
        for loads in (plan.expected, plan.least)
    )
    sure, perhaps = calm(sweep(bits, worth), expected, least)
    assert sure is None and perhaps.points.tolist() == [[0], [1]]
    with pytest.raises(LadderError, match=r"max_peak_ratio 1.5 times the average; 1\.89 can be kept"):
        calm(sweep(bits, worth), expected, expected)


def test_a_point_that_nobody_measured_is_expected_to_take_more():
    plan = stretches([25], Segments(RATE, 25, 1, True))
    bits, peak = np.array([[1000.0, 1000.0]]), np.array([[1.0, 1.0]])
    loads = plan.expected(bits, peak, np.array([[True, False]]))
    assert loads.tolist() == [[1000.0, 1020.0]]


def test_two_thousand_shots_of_sixty_points_take_seconds():
    bits, worth = many_shots(2000, 60)
    generator = np.random.default_rng(1)
    frames = [int(length) for length in generator.integers(15, 200, 2000)]
    menu = calming(frames, bits, worth, 1.5, Segments(RATE, 50, 4, False), max_jump=np.inf)
    found = sweep(bits, worth)
    begin = time.process_time()
    calm(found, menu, menu)
    assert time.process_time() - begin < 10  # 1 s on a quiet core
