"""Knobs: a quality and a bitrate, in words, in names, and in a search."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.encode.codecs import AVERAGE, CODECS, QUALITY, TWO_PASS, knob_of, start_values, variant_knob
from laddersmith.encode.codecs.knobs import KBPS


def test_a_value_in_words_in_a_name_and_over_a_column():
    crf = knob_of("x264", QUALITY)
    assert (crf.told("23"), crf.tag("23.5"), crf.heading) == ("CRF 23", "crf23.5", "CRF")
    for rate in (AVERAGE, TWO_PASS):
        kbps = knob_of("vp9", rate)
        assert (kbps.told("800"), kbps.tag("812.5"), kbps.heading) == ("800 kbps", "812.5k", "kbps")


def test_the_way_to_more_bits():
    assert knob_of("x264", QUALITY).by_bits(["9", "30", "20"]) == ["9", "20", "30"]
    assert knob_of("h264_videotoolbox", QUALITY).by_bits(["9", "30", "20"]) == ["30", "20", "9"]
    assert knob_of("x264", TWO_PASS).by_bits(["900", "90", "1000"]) == ["1000", "900", "90"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x", "kbps 'x' is not a decimal number"),
        ("0", "0 kbps lies outside 1 to 1000000"),
        ("99.5", "99.5 kbps is not a multiple of 1, the finest"),
    ],
)
def test_a_bitrate_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        KBPS.canonical(given)


def test_one_spelling_of_a_bitrate():
    assert [KBPS.canonical(given) for given in ("800", "800.0", "8e2")] == ["800"] * 3


def test_bitrates_between_two_are_of_one_scale_in_steps_of_five_percent():
    inside = KBPS.between("1000", 2000, 1)
    assert 1000 < int(inside[0]) <= 1050 and 1900 <= int(inside[-1]) < 2000
    assert [int(kbps) % 10 for kbps in inside] == [0] * len(inside)  # three digits
    ratios = [int(high) / int(low) for low, high in pairwise(inside)]
    assert all(1.04 < ratio < 1.06 for ratio in ratios)
    assert KBPS.between("1500", 1000, 1) == [kbps for kbps in inside if int(kbps) < 1500]
    assert len(KBPS.between("1000", "2000", 2)) == pytest.approx(len(inside) / 2, abs=1)
    assert KBPS.between(inside[3], inside[4], 1) == [] == KBPS.between("800", "800", 1)
    assert KBPS.steps("1000", "1050", 1) == pytest.approx(1)
    assert KBPS.steps("2000", "1000", 2) == pytest.approx(len(inside) / 2, abs=1)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from([0.5, 1, 3]))
def test_bitrates_between_two_rise_within_them_and_can_be_asked_for(one, other, step):
    inside = KBPS.between(one, other, step)
    numbers = [int(kbps) for kbps in inside]
    assert numbers == sorted(set(numbers))
    assert all(min(one, other) < kbps < max(one, other) for kbps in numbers)
    assert [KBPS.canonical(kbps) for kbps in inside] == inside


def test_what_a_search_starts_from():
    assert start_values({"codec": "x264", "crfs": [20, 30], "kbps": None}) == [20, 30]
    rated = {"codec": "x264", "rate": TWO_PASS, "crfs": None, "kbps": [300, 600]}
    assert start_values(rated) == [300, 600]
    assert variant_knob(rated) is KBPS
    assert variant_knob({"codec": "x264"}) is CODECS["x264"].knob
