"""The adapters' facts, and that knowing them costs nothing."""

import random
import re
import struct
import subprocess
import sys
from dataclasses import replace

import pytest
from clips import ROOT, ffmpeg_run
from laddersmith import ffmpeg
from laddersmith.encode import CODECS, Codec, Settings
from laddersmith.encode.codecs import SOFTWARE
from laddersmith.encode.run import arguments
from laddersmith.errors import EncodeError
from laddersmith.source.media import Colour

HARDWARE = {name: codec for name, codec in CODECS.items() if codec not in SOFTWARE}


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


def fastest(codec: Codec, **changes: object) -> Settings:
    usual = Settings(codec.presets[-1], codec.pix_fmts[0], codec.knob.default_crfs[0], 5, 1, "25/1")
    return replace(usual, **changes)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_arguments_hold_every_setting(codec):
    asked = fastest(codec, crf="31", keyint=77, threads=3 if codec.threaded else 1)
    given = " ".join(codec.arguments(asked))
    assert f"-c:v {codec.encoder} -pix_fmt {codec.handed.get(asked.pix_fmt, asked.pix_fmt)} -g 77" in given
    assert re.search(r"(-threads |[a-z]=)3\b", given) if codec.threaded else "threads" not in given
    assert given.endswith(f"-tag:v {codec.sample_entry}")
    for changed in ({"crf": "32"}, {"preset": codec.presets[0]}, {"keyint": 78}):
        assert " ".join(codec.arguments(replace(asked, **changed))) != given


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_cap_is_among_the_arguments_or_refused(codec):
    free = " ".join(codec.arguments(fastest(codec)))
    assert "1500500" not in free
    capped = fastest(codec, maxrate_kbps=1500.5, bufsize_kbps=3000.0)
    if codec.caps is None:
        with pytest.raises(
            EncodeError, match=f"{codec.name} cannot cap the rate beside a quality; leave out maxrate_k"
        ):
            codec.arguments(capped)
    else:
        assert "1500500" in " ".join(codec.arguments(capped))


def known(encoder: str) -> dict[str, set[str]]:
    """The private options that this ffmpeg's encoder has, each with the names that its value may have."""
    command = [ffmpeg.executable(), "-hide_banner", "-h", f"encoder={encoder}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options: dict[str, set[str]] = {}
    for line in text.splitlines():
        if found := re.match(r" {2}(-[\w-]+) +<", line):
            names = options.setdefault(found[1], set())
        elif found := re.match(r" {5}(\S+) +-?\d+ +E", line):
            names.add(found[1])
    return options


# ffmpeg's own, which every encoder has.
GENERAL = {
    "-c:v",
    "-pix_fmt",
    "-g",
    "-b:v",
    "-force_key_frames",
    "-bsf:v",
    "-tag:v",
    "-global_quality",
    "-maxrate",
    "-bufsize",
}


@pytest.mark.parametrize("codec", HARDWARE.values(), ids=HARDWARE)
def test_options_of_hardware_are_those_that_ffmpeg_knows(codec):
    if codec.encoder not in ffmpeg.encoders():
        assert codec.encoder.endswith("videotoolbox")  # no ffmpeg for Linux has these
        return
    options = known(codec.encoder)
    for preset in codec.presets:
        given = codec.arguments(fastest(codec, preset=preset))
        for option, value in zip(given[::2], given[1::2], strict=True):
            assert option in options or option in GENERAL, option
            if options.get(option) and not value.isdigit():
                assert value in options[option], (option, value)


@pytest.mark.parametrize(
    "codec", [c for c in HARDWARE.values() if c.encoder.endswith("videotoolbox")], ids=lambda c: c.name
)
def test_videotoolbox_goes_the_other_way(codec):
    assert codec.knob.direction == 1
    assert codec.arguments(fastest(codec, crf="80"))[6:] == [
        *("-q:v", "80", "-prio_speed", "1", "-realtime", "0", "-allow_sw", "0"),
        *("-force_key_frames", "expr:not(mod(n,5))", "-bsf:v", codec.bitstream_filter, "-tag:v", codec.sample_entry),
    ]


@pytest.mark.parametrize(
    ("ours", "handed"), sorted({pair for codec in HARDWARE.values() for pair in codec.handed.items()})
)
def test_what_hardware_is_handed_has_the_same_samples(ours, handed, tmp_path):
    noise = random.Random(1)
    values = [noise.randrange(256 if handed == "nv12" else 1024) for _ in range(64 * 32 * 3 // 2)]
    frame = bytes(values) if handed == "nv12" else struct.pack(f"<{len(values)}H", *values)
    (tmp_path / "in.raw").write_bytes(frame)
    raw = ["-f", "rawvideo", "-video_size", "64x32"]
    ffmpeg_run(*raw, "-pix_fmt", ours, "-i", tmp_path / "in.raw", "-pix_fmt", handed, *raw[:2], tmp_path / "handed.raw")
    assert (tmp_path / "handed.raw").read_bytes() != frame
    ffmpeg_run(
        *raw, "-pix_fmt", handed, "-i", tmp_path / "handed.raw", "-pix_fmt", ours, *raw[:2], tmp_path / "out.raw"
    )
    assert (tmp_path / "out.raw").read_bytes() == frame


def test_flags_of_a_codec_stand_beside_those_of_every_encode():
    given = arguments(CODECS["h264_qsv"], fastest(CODECS["h264_qsv"]), Colour(), 320, 180)
    assert given[given.index("-flags:v") + 1] == "+bitexact+cgop"
    given = arguments(CODECS["x264"], fastest(CODECS["x264"]), Colour(), 320, 180)
    assert given[given.index("-flags:v") + 1] == "+bitexact"


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
