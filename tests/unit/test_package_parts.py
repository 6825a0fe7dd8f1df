"""The parts of packaging that need no video: peaks, names, languages, cues."""

from fractions import Fraction
from pathlib import Path

import pytest
from laddersmith.package.manifests import Segment, peak_bps
from laddersmith.package.text import shifted
from laddersmith.package.tracks import language_tag, plain_name


def test_peaks_are_over_half_to_one_and_a_half_targets():
    def parts(*pairs: tuple[float, int]) -> list[Segment]:
        return [Segment(Path("x"), duration_s, size) for duration_s, size in pairs]

    assert peak_bps(parts((2, 1000), (2, 2000)), 2) == 8000
    # A tail of one large frame counts with the segment before it, not alone.
    assert peak_bps(parts((2, 1000), (1, 3500)), 4) == 12000
    assert peak_bps(parts((2, 1000), (2, 1000)), 2) == 4000


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("eng", "en"),
        ("GER", "de"),
        ("tlh", "tlh"),
        ("pt-BR", "pt-BR"),
        ("zh-Hans-CN", "zh-Hans-CN"),
        ("", "und"),
        ('en",X="', "und"),
        ("en,in=/x", "und"),
        ("e\n", "und"),
    ],
)
def test_languages_are_tags_or_und(said, tag):
    assert language_tag(said) == tag


def test_names_lose_what_means_something_elsewhere():
    assert plain_name('Räuber "x", y=z\r\n#EXT-X-MEDIA <b>&amp;') == "Räuber x y z EXT-X-MEDIA b amp"
    assert len(plain_name("x" * 500)) == 60


def test_cues_are_shifted_and_cut():
    text = "WEBVTT\n\n00:01.000 --> 00:03.000 align:start\none --> two\n\n\nmore\n\n"
    text += "01:00:00.000 --> 01:00:01.000\nout\n\n-00:02.000 --> 00:00.500\nbefore\n"
    assert shifted(text, Fraction(3, 2), Fraction(1)) == [
        "00:00:00.000 --> 00:00:01.000 align:start\none --&gt; two\nmore"
    ]
