"""Encodes of low latency: frames come out as they go in, and shots of them make one stream."""

from fractions import Fraction

import pytest
from encode_shots import BT709, HEIGHT, QUICK, WIDTH, decoded, encode_shot, settings, title
from laddersmith import source
from laddersmith.config import validate
from laddersmith.encode import CODECS, Settings
from laddersmith.encode.codecs import LOW, SOFTWARE, LowLatency
from laddersmith.encode.delay import delay_frames
from laddersmith.encode.inspect import measure, read_packets
from laddersmith.encode.run import arguments
from laddersmith.errors import ConfigError, EncodeError, ToolError
from laddersmith.package import stitch

# One frame, two, three, twelve of several scenes, and a hard cut within a shot.
SHOTS = [(29, 30), (30, 32), (74, 77), (80, 92), (132, 144)]
ABLE = [codec.name for codec in SOFTWARE if isinstance(codec.low_latency, LowLatency)]
FRAMES = 50  # more than any of them keeps to itself offline
# What x264 keeps offline with this preset: 10 frames of lookahead, and its B-frames.
OFFLINE_X264 = range(8, 20)


@pytest.fixture(scope="module")
def media(bikes):
    return title(bikes, 640, 272, 250)


def low(codec: str, **changes: object):
    usual = {"preset": CODECS[codec].presets_for(LOW)[-1] if codec in ("libaom", "vp9") else QUICK[codec]}
    caps = {"maxrate_kbps": 150.0, "bufsize_kbps": 150.0}
    return settings(codec, low_latency=True, **usual | caps | changes)


def waiting(codec: str, asked, media, folder) -> int:
    given = arguments(CODECS[codec], asked, BT709, WIDTH, HEIGHT)
    frames = source.frames(media, 30, 30 + FRAMES, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt)
    return delay_frames(given, frames, folder / "delay.mp4", what="a test", timeout_s=60)


def test_five_codecs_have_it_and_two_say_why_not():
    assert ABLE == ["x264", "x265", "svtav1", "libaom", "vp9"]
    for name in ("rav1e", "vvenc", "h264_qsv"):
        with pytest.raises(EncodeError, match=f"{name} has no encodes of low latency, for (it|without) "):
            CODECS[name].arguments(settings("x264", low_latency=True, maxrate_kbps=500.0, bufsize_kbps=500.0))
    for asked in (low("x264", maxrate_kbps=None, bufsize_kbps=None), low("x264", rate="average")):
        with pytest.raises(EncodeError, match="x264: low latency goes by a quality under a cap; set maxrate_kbps"):
            CODECS["x264"].arguments(asked)


@pytest.mark.parametrize("codec", ABLE)
def test_each_frames_packet_is_out_before_the_next_frame_goes_in(codec, media, tmp_path):
    assert waiting(codec, low(codec, keyint=FRAMES), media, tmp_path) == 0
    assert list(tmp_path.glob("*.calls")) == []


def test_offline_encodes_keep_frames_to_themselves(media, tmp_path):
    assert waiting("x264", settings("x264", keyint=FRAMES), media, tmp_path) in OFFLINE_X264
    with pytest.raises(ToolError, match="a test"):
        delay_frames(["-i", str(tmp_path / "none.mp4")], [], tmp_path / "x.mp4", what="a test", timeout_s=60)


def test_what_the_two_that_have_none_would_keep_is_more_than_nothing(media, tmp_path):
    """rav1e's own low_latency, and VVenC without reordering, which then makes no keyframe but the first."""
    given = arguments(CODECS["rav1e"], settings("rav1e", keyint=FRAMES), BT709, WIDTH, HEIGHT)
    given[given.index("-threads") : given.index("-threads")] = ["-rav1e-params", "low_latency=true"]
    frames = source.frames(media, 30, 30 + FRAMES, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
    assert delay_frames(given, frames, tmp_path / "rav1e.mp4", what="a test", timeout_s=60) == 13
    given = arguments(CODECS["vvenc"], settings("vvenc"), BT709, WIDTH, HEIGHT)
    place = given.index("-vvenc-params") + 1
    given[place] += ":PicReordering=0"
    frames = list(source.frames(media, 30, 40, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p10le"))
    with pytest.raises(ToolError, match="libvvenc"):
        delay_frames(given, frames, tmp_path / "vvenc.mp4", what="a test", timeout_s=60)


@pytest.mark.parametrize("codec", ABLE)
def test_shots_make_one_stream_without_reordering(codec, media, tmp_path):
    asked = low(codec)
    files = [
        encode_shot(
            codec,
            asked,
            source.frames(media, start, end, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt),
            tmp_path / f"{place}.mp4",
        )
        for place, (start, end) in enumerate(SHOTS)
    ]
    for file, (start, end) in zip(files, SHOTS, strict=True):
        measure(file, CODECS[codec], asked, BT709, WIDTH, HEIGHT, frames=end - start)
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    packets = read_packets(tmp_path / "whole.mp4", Fraction(25))
    assert [packet.frame for packet in packets] == list(range(30))
    assert [packet.frame for packet in packets if packet.keyframe] == [0, 1, 3, 6, 11, 16, 18, 23, 28]
    parts = [picture for file in files for picture in decoded(file)[1]]
    assert decoded(tmp_path / "whole.mp4")[1] == parts


@pytest.mark.parametrize("codec", ABLE)
def test_the_cap_binds_and_the_quality_still_says_how_many_bits_a_frame_takes(codec, media, tmp_path):
    crfs = CODECS[codec].knob.default_crfs
    # The cap of the last is far below what its quality would take; a second is enough for a buffer of one second.
    asked = {"fine": (crfs[1], 5000.0), "coarse": (crfs[5], 5000.0), "capped": (crfs[0], 60.0)}
    sizes = {}
    for name, (crf, kbps) in asked.items():
        frames = source.frames(media, 80, 130, width=WIDTH, height=HEIGHT)
        one = low(codec, crf=crf, keyint=50, maxrate_kbps=kbps, bufsize_kbps=kbps)
        file = encode_shot(codec, one, frames, tmp_path / f"{name}.mp4")
        sizes[name] = sum(packet.bytes for packet in read_packets(file, Fraction(25)))
    assert sizes["fine"] > 1.5 * sizes["coarse"]
    # Two seconds at the cap, and what the buffer holds when it begins full.
    assert sizes["capped"] < 60_000 / 8 * 3
    assert sizes["capped"] < sizes["fine"]


@pytest.mark.parametrize("codec", ABLE)
def test_two_runs_of_every_preset_write_the_same_and_name_it(codec, media, tmp_path):
    presets = CODECS[codec].presets_for(LOW)
    for preset in (presets[-1], presets[len(presets) // 2]):
        frames = list(source.frames(media, 80, 90, width=WIDTH, height=HEIGHT))
        made = [
            encode_shot(codec, low(codec, preset=preset), frames, tmp_path / f"{preset}{run}.mp4").read_bytes()
            for run in "ab"
        ]
        assert made[0] == made[1]


@pytest.mark.parametrize(
    "codec", [codec for codec in CODECS.values() if codec.name.endswith("nvenc")], ids=lambda codec: codec.name
)
def test_nvenc_neither_reorders_nor_looks_ahead(codec):
    asked = Settings("p4", "yuv420p", "30", 50, 1, "25/1", 900.0, 900.0, low_latency=True)
    given = codec.arguments(asked)
    told = dict(zip(given[::2], given[1::2], strict=True))
    assert (told["-bf"], told["-rc-lookahead"], told["-delay"], told["-tune"]) == ("0", "0", "0", "ull")
    assert (told["-maxrate"], told["-bufsize"], told["-cq"]) == ("900000", "900000", "30")


LIVE = {"codec": "x264", "preset": "medium", "latency": "low", "maxrate_kbps": 900}


def test_a_config_of_low_latency_has_a_buffer_of_one_second_if_it_says_none():
    assert validate({"variants": {"live": LIVE}}, CODECS)["variants"]["live"]["bufsize_kbps"] == 900
    given = LIVE | {"bufsize_kbps": 450}
    assert validate({"variants": {"live": given}}, CODECS)["variants"]["live"]["bufsize_kbps"] == 450


@pytest.mark.parametrize(
    ("changes", "section", "message"),
    [
        ({"maxrate_kbps": None}, {}, "without a cap one frame may take the link for seconds: set maxrate_kbps to"),
        (
            {"codec": "rav1e", "preset": "10"},
            {},
            "which rav1e has not, for it keeps 13 frames or more to itself .*; x264, ",
        ),
        ({"codec": "libaom", "preset": "4"}, {}, "preset is '4' at latency low; the choices are 5, 6, 7, 8"),
        ({"codec": "svtav1", "preset": "8", "crfs": [30.5]}, {}, "at latency low: CRF 30.5 is not a multiple of 1"),
        ({"rate": "average", "kbps": [500]}, {}, "low latency goes by a quality: leave rate out"),
        ({}, {"encode": {"keyframe_s": 4}}, "a viewer joins at a keyframe, so set it to 2 or less"),
        ({}, {"search": {"strategy": "adaptive"}}, "is low: set search.strategy: grid or refine"),
    ],
)
def test_what_low_latency_cannot_be_is_told(changes, section, message):
    with pytest.raises(ConfigError, match=message):
        validate({"variants": {"live": LIVE | changes}, **section}, CODECS)
