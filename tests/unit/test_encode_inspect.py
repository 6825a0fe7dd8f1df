"""What is read back of an encode; every check fires on an encode that is other than asked."""

from dataclasses import replace
from fractions import Fraction

import av
import pytest
from encode_shots import BT709, HEIGHT, NAMES, WIDTH, decoded, encode_shot, settings, title
from laddersmith import source
from laddersmith.encode import CODECS
from laddersmith.encode.codecs import SOFTWARE
from laddersmith.encode.colour import CODES, codes
from laddersmith.encode.inspect import measure, read_packets
from laddersmith.encode.run import arguments, encode, timescale
from laddersmith.errors import EncodeError
from laddersmith.source.media import Colour


@pytest.fixture(scope="module")
def media(bikes):
    return title(bikes, 640, 272, 250)


def shot(media, length: int = 12, pix_fmt: str = "yuv420p", start: int = 80):
    return source.frames(media, start, start + length, width=WIDTH, height=HEIGHT, pix_fmt=pix_fmt)


@pytest.fixture(scope="module")
def encoded(media, tmp_path_factory):
    """An x264 encode of 12 frames with a keyframe every 5."""
    return encode_shot("x264", settings("x264"), shot(media), tmp_path_factory.mktemp("inspect") / "x264.mp4")


def check(path, codec="x264", frames=12, colour=BT709, size=(WIDTH, HEIGHT), **changes):
    return measure(path, CODECS[codec], settings(codec, **changes), colour, *size, frames=frames)


def test_rates_are_bits_over_time_and_the_dearest_group(encoded):
    packets = read_packets(encoded, Fraction(25))
    measured = check(encoded)
    assert measured.frames == 12
    assert measured.bytes == sum(packet.bytes for packet in packets)
    assert measured.bitrate_kbps == pytest.approx(measured.bytes * 8 / 1000 / (12 / 25))
    groups = [sum(p.bytes for p in packets if a <= p.frame < b) / (b - a) for a, b in ((0, 5), (5, 10), (10, 12))]
    assert measured.peak_kbps == pytest.approx(max(groups) * 25 * 8 / 1000)


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize("keyint", [2, 5, 12, 250])
def test_keyframes_where_asked_also_across_a_hard_cut(codec, keyint, media, tmp_path):
    # Frames 70 to 81 of bikes hold the cut at 76: the encoder's own scene cuts would add a keyframe there.
    asked = settings(codec, keyint=keyint)
    path = encode_shot(codec, asked, shot(media, 12, asked.pix_fmt, start=70), tmp_path / "cut.mp4")
    check(path, codec, keyint=keyint)
    assert [p.frame for p in read_packets(path, Fraction(25)) if p.keyframe] == list(range(0, 12, keyint))


@pytest.mark.parametrize("codec", NAMES)
def test_bytes_hold_no_settings_text(codec, media, tmp_path):
    asked = settings(codec)
    path = encode_shot(codec, asked, shot(media, 1, asked.pix_fmt), tmp_path / "one.mp4")
    with av.open(str(path)) as container:
        content = b"".join(bytes(packet) for packet in container.demux(video=0)).lower()
    assert not any(text in content for text in (b"x264", b"x265", b"svt", b"crf", b"aom", b"rav1e", b"vvenc"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"frames": 11}, "the encode has 12 frames, the shot 11"),
        ({"codec": "x265"}, "codec is h264 in the encode, but hevc was asked for"),
        ({"size": (WIDTH, 90)}, "size is 160x68 in the encode, but 160x90 was asked for"),
        ({"pix_fmt": "yuv420p10le"}, "pixel format is yuv420p in the encode, but yuv420p10le was asked for"),
        ({"keyint": 6}, r"keyframes at \[0, 5, 10\], but \[0, 6\] was asked for"),
        ({"colour": replace(BT709, range="pc")}, "range is 1 in the encode, but 2 was asked for"),
        ({"colour": replace(BT709, matrix="smpte170m")}, "matrix is 1 in the encode, but 6 was asked for"),
        ({"colour": replace(BT709, primaries="bt2020")}, "primaries is 1 in the encode, but 9 was asked for"),
        ({"colour": replace(BT709, transfer="smpte2084")}, "transfer is 1 in the encode, but 16 was asked for"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_encode_other_than_asked_is_refused(asked, message, encoded):
    with pytest.raises(EncodeError, match=message):
        check(encoded, **asked)


def test_an_open_group_is_refused(media, tmp_path):
    open_gop = replace(
        CODECS["x265"],
        options=lambda asked: ["-preset", "medium", "-x265-params", "open-gop=1:keyint=5:min-keyint=5:scenecut=0"],
    )
    given = arguments(open_gop, settings("x265"), BT709, WIDTH, HEIGHT)
    encode(given, shot(media), tmp_path / "open.mp4", what="a test", timeout_s=60)
    with pytest.raises(EncodeError, match="not a closed group"):
        check(tmp_path / "open.mp4", "x265")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"not a film")
    with pytest.raises(EncodeError, match="the encode cannot be read back"):
        check(tmp_path / "bad.mp4")


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize(
    "colour",
    [
        BT709,
        Colour("pc", "smpte170m", "smpte170m", "smpte170m", "topleft"),
        Colour("tv", "bt2020nc", "bt2020", "bt2020-10", "left"),
        Colour("pc", "bt470bg", "bt470bg", "iec61966-2-1"),
        Colour(),
    ],
    ids=lambda colour: f"{colour.range}-{colour.matrix}",
)
def test_the_sources_colour_is_stated_and_no_pixel_is_changed(codec, colour, media, tmp_path):
    asked = settings(codec)
    if colour.range == "pc" and not CODECS[codec].full_range:
        with pytest.raises(EncodeError, match=f"{codec} cannot state the source's full range"):
            arguments(CODECS[codec], asked, colour, WIDTH, HEIGHT)
        return
    given = arguments(CODECS[codec], asked, colour, WIDTH, HEIGHT)
    encode(given, shot(media, 6, asked.pix_fmt), tmp_path / "tagged.mp4", what="a test", timeout_s=60)
    check(tmp_path / "tagged.mp4", codec, frames=6, colour=colour)
    if codec == "x264":
        lossless = replace(CODECS[codec], options=lambda asked: ["-qp", "0"])
        given = arguments(lossless, settings(codec), colour, WIDTH, HEIGHT)
        encode(given, shot(media, 6), tmp_path / "lossless.mp4", what="a test", timeout_s=60)
        assert decoded(tmp_path / "lossless.mp4")[1] == list(shot(media, 6))


@pytest.mark.parametrize(("codec", "pix_fmt"), [(c.name, p) for c in SOFTWARE for p in c.pix_fmts])
def test_every_pixel_format_of_an_adapter_is_taken(codec, pix_fmt, media, tmp_path):
    asked = settings(codec, pix_fmt=pix_fmt)
    path = encode_shot(codec, asked, shot(media, 6, pix_fmt), tmp_path / "format.mp4")
    check(path, codec, frames=6, pix_fmt=pix_fmt)


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize("preset", [0, -1], ids=["slowest", "fastest"])
def test_the_first_and_the_last_preset_are_taken(codec, preset, media, tmp_path):
    asked = settings(codec, preset=CODECS[codec].presets[preset])
    path = encode_shot(codec, asked, shot(media, 1, asked.pix_fmt), tmp_path / "preset.mp4")
    check(path, codec, frames=1, preset=asked.preset)


@pytest.mark.parametrize("codec", NAMES)
def test_the_ends_and_the_step_of_the_knob_are_heeded(codec, media, tmp_path):
    knob = CODECS[codec].knob
    middle = 30 + knob.step
    frames = list(shot(media, 12, CODECS[codec].pix_fmts[0]))
    sizes = [
        check(encode_shot(codec, settings(codec, crf=str(crf)), frames, tmp_path / f"{crf}.mp4"), codec).bytes
        for crf in (knob.low, 30, middle, knob.high)
    ]
    assert sorted(sizes, reverse=True) == sizes
    assert len(set(sizes)) == 4


def test_names_of_colours_are_the_encoders_own():
    assert codes(Colour("pc", "gbr", "film", "linear", "top")) == {
        "range": 2,
        "matrix": 0,
        "primaries": 7 + 1,
        "transfer": 8,
    }
    with pytest.raises(EncodeError, match="colour matrix 'bt7090' is none of gbr, bt709"):
        codes(replace(BT709, matrix="bt7090"))


# x264 cannot state primaries 22.
@pytest.mark.parametrize(
    ("field", "name"), [(f, n) for f, names in CODES.items() for n, code in names.items() if code != 22]
)
def test_every_colour_name_is_known_to_ffmpeg(field, name, media, tmp_path):
    lossless = replace(CODECS["x264"], options=lambda asked: ["-preset", "ultrafast"])
    colour = replace(Colour(), **{field: name})
    given = arguments(lossless, settings("x264"), colour, WIDTH, HEIGHT)
    encode(given, shot(media, 1), tmp_path / "named.mp4", what="a test", timeout_s=60)
    check(tmp_path / "named.mp4", frames=1, colour=colour)


@pytest.mark.parametrize("rate", ["25/1", "30000/1001", "24000/1001", "25/2", "60/1", "1000000/33333"])
def test_every_frame_starts_on_a_tick(rate):
    assert (timescale(Fraction(rate)) / Fraction(rate)).denominator == 1
    assert timescale(Fraction(rate)) < 2**31
