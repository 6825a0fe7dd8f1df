"""What the adapters tell people of HDR, regions and statistics, tried on the encoders themselves."""

import subprocess
from pathlib import Path

import av
import pytest
from clips import ffmpeg_run
from encode_shots import BT709, HEIGHT, NAMES, WIDTH, settings, title
from laddersmith import ffmpeg, source
from laddersmith.encode import CODECS
from laddersmith.encode.run import arguments

# A P3 display of 1000 cd/m2, and content of at most 1000, in each encoder's own spelling.
CHROMA = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
SPELLED = {
    "x264": ("-x264-params", {"mastering-display": CHROMA, "cll": "1000,400"}),
    "x265": ("-x265-params", {"master-display": CHROMA, "max-cll": "1000,400"}),
    "svtav1": (
        "-svtav1-params",
        {
            "mastering-display": "G(0.265,0.690)B(0.150,0.060)R(0.680,0.320)WP(0.3127,0.3290)L(1000.0,0.0001)",
            "content-light": "1000,400",
        },
    ),
    "vvenc": (
        "-vvenc-params",
        {
            "MasteringDisplayColourVolume": "13250,34500,7500,3000,34000,16000,15635,16450,10000000,1",
            "MaxContentLightLevel": "1000,400",
        },
    ),
}


@pytest.fixture(scope="module")
def media(bikes):
    return title(bikes, 640, 272, 250)


def made(codec: str, media, target: Path, before: tuple = (), after: tuple = (), filtered: str = "null") -> Path:
    """Six frames by the adapter's own quality and speed; `before` and `after` stand around the encoder's options."""
    asked = settings(codec)
    frames = source.frames(media, 80, 86, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt)
    raw = target.with_suffix(".raw")
    raw.write_bytes(b"".join(frames))
    given = ["-f", "rawvideo", "-pix_fmt", asked.pix_fmt, "-video_size", f"{WIDTH}x{HEIGHT}", "-i", raw, *before]
    ffmpeg_run(*given, "-vf", filtered, "-c:v", CODECS[codec].encoder, *CODECS[codec].options(asked), *after, target)
    return target


@pytest.mark.parametrize("codec", SPELLED)
def test_hdr_is_written_by_the_arguments_that_the_facts_name(codec, media, tmp_path):
    option, parameters = SPELLED[codec]
    assert all(name in CODECS[codec].facts.hdr for name in (option, *parameters))
    text = ":".join(f"{name}={value}" for name, value in parameters.items())
    path = made(codec, media, tmp_path / "hdr.mp4", after=(option, text))
    with av.open(str(path)) as container:
        kinds = {data.type.name for data in next(container.decode(video=0)).side_data}
    assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= kinds


def test_the_others_have_no_arguments_for_hdr():
    assert {name for name in NAMES if "params" not in CODECS[name].facts.hdr} == {"libaom", "rav1e", "vp9"}


@pytest.mark.parametrize("codec", NAMES)
def test_regions_change_the_bits_of_those_that_have_them(codec, media, tmp_path):
    plain, left = (
        made(codec, media, tmp_path / f"{name}.mp4", filtered=region).stat().st_size
        for name, region in (("plain", "null"), ("left", "addroi=0:0:iw/2:ih:-0.6"))
    )
    if CODECS[codec].regions is not None and not CODECS[codec].regions.low_latency_only:
        assert left > 1.5 * plain
    else:
        assert left == plain


def test_vp9_has_regions_in_its_fastest_mode_alone(media, tmp_path):
    realtime = ("-deadline", "realtime", "-cpu-used", "5", "-aq-mode", "0")
    assert CODECS["vp9"].regions.low_latency_only
    plain, left = (
        made("vp9", media, tmp_path / f"{name}.mp4", after=realtime, filtered=region).stat().st_size
        for name, region in (("plain", "null"), ("left", "addroi=0:0:iw/2:ih:-0.6"))
    )
    assert left > 1.5 * plain


@pytest.mark.parametrize("codec", NAMES)
def test_the_qp_of_every_frame_is_told_by_those_that_say_so(codec, media, tmp_path):
    qps = []
    for crf in CODECS[codec].knob.default_crfs[1:5:3]:
        log = tmp_path / f"{crf}.txt"
        asked = settings(codec, crf=crf)
        frames = source.frames(media, 80, 86, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt)
        given = arguments(CODECS[codec], asked, BT709, WIDTH, HEIGHT)
        command = [ffmpeg.executable(), "-y", *given, "-vstats_file", log, "-vstats_version", "1", tmp_path / "a.mp4"]
        subprocess.run(command, input=b"".join(frames), capture_output=True, check=True)
        qps.append([float(line.split("q=")[1].split()[0]) for line in log.read_text().splitlines()])
    told = len(qps[0]) == 6 and all(fine < coarse for fine, coarse in zip(*qps, strict=True))
    assert told == CODECS[codec].facts.statistics.startswith("-vstats_file: QP")


@pytest.mark.parametrize("codec", NAMES)
def test_a_second_pass_is_there_for_those_that_say_so(codec, media, tmp_path):
    log = tmp_path / "first"
    for number in ("1", "2"):
        more = ("-pass", number, "-passlogfile", str(log), "-b:v", "100k")
        asked = settings(codec)
        quality = {"x264": "-crf", "x265": "-crf", "libaom": "-crf", "vp9": "-crf", "rav1e": "-qp", "vvenc": "-qp"}
        options = CODECS[codec].options(asked)
        if codec == "svtav1":
            options = ["-preset", asked.preset]
        else:
            at = options.index(quality[codec])
            options = options[:at] + options[at + 2 :]
        frames = source.frames(media, 80, 92, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt)
        raw = tmp_path / "in.raw"
        raw.write_bytes(b"".join(frames))
        given = ["-f", "rawvideo", "-pix_fmt", asked.pix_fmt, "-video_size", f"{WIDTH}x{HEIGHT}", "-i", raw]
        ffmpeg_run(*given, "-c:v", CODECS[codec].encoder, *options, *more, tmp_path / "out.mp4")
    kept = sum(path.stat().st_size for path in tmp_path.glob("first*"))
    assert (kept > 0) == (not CODECS[codec].facts.two_pass.startswith("none"))
