"""The adapters' facts, and that knowing them costs nothing."""

import subprocess
import sys

import pytest
from clips import ROOT
from encode_shots import settings
from laddersmith.encode import CODECS


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_default_crfs_are_canonical_and_go_from_most_bits_to_fewest(codec):
    knob = codec.knob
    assert len(knob.default_crfs) >= 6
    assert [knob.canonical(crf) for crf in knob.default_crfs] == list(knob.default_crfs)
    assert sorted(map(float, knob.default_crfs), reverse=knob.direction > 0) == list(map(float, knob.default_crfs))


@pytest.mark.parametrize(("given", "canonical"), [("23", "23"), ("23.0", "23"), ("1e1", "10"), ("23.50", "23.5")])
def test_one_spelling_of_a_crf(given, canonical):
    assert CODECS["x264"].knob.canonical(given) == canonical


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x", "not a decimal number"),
        ("NaN", "not a decimal number"),
        ("Infinity", "outside 1 to 51"),
        ("0", "outside 1 to 51"),
        ("51.5", "outside 1 to 51"),
        ("23.05", "not a multiple of 0.1"),
    ],
)
def test_a_crf_that_the_encoder_would_not_heed(given, message):
    with pytest.raises(ValueError, match=message):
        CODECS["x264"].knob.canonical(given)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_arguments_hold_every_setting(codec):
    asked = settings(codec.name, crf="31", keyint=77, threads=3, maxrate_kbps=1500.5, bufsize_kbps=3000.0)
    given = " ".join(codec.arguments(asked))
    for part in (f"-c:v {codec.encoder}", asked.preset, "31", "-g 77", "=3", "-maxrate 1500500", "-bufsize 3000000"):
        assert part in given
    assert "-maxrate" not in codec.arguments(settings(codec.name))


def test_limits_hold_for_portrait_too():
    svtav1 = CODECS["svtav1"]
    assert svtav1.fits(16384, 8704)
    assert svtav1.fits(8704, 16384)
    assert not svtav1.fits(8706, 16384)
    assert not CODECS["x265"].fits(640, 14)


def test_a_dry_run_imports_no_decoder_and_no_tables():
    code = (
        "import sys, laddersmith.encode; print([m for m in ('av', 'numpy', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
