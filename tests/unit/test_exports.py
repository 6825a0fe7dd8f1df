"""Settings for encoders elsewhere, run with the real encoders and compared with the stitched rendition."""

import json
import shlex
from pathlib import Path

import av1an
import pytest
from clips import ROOT, ffmpeg_run
from export_kit import CRFS, SHOTS, Rung, assert_like, made_by, make_rung, packets, run
from jsonschema import Draft202012Validator
from laddersmith import ffmpeg
from laddersmith.encode import Settings
from laddersmith.package.command_lines import COMMAND_LINES, Scene
from laddersmith.package.exports import keyframes, qpfile, x264_first_qp, x264_zones, x265_zones
from laddersmith.source.media import Colour

SHORT = [(0, 12), (12, 13), (13, 40)]
BT709 = Colour("pc", "bt709", "bt709", "bt709", "topleft")


@pytest.fixture(scope="module", params=sorted(CRFS))
def rung(request, bikes, tmp_path_factory) -> Rung:
    return make_rung(request.param, bikes, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Rung:
    """A title of 40 frames, with B-frames, that begins 0.7 s into its file; a rung of three shots, one a frame long."""
    folder = tmp_path_factory.mktemp("short")
    clip = folder / "short.mp4"
    moving = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", "40"]
    ffmpeg_run(*moving, "-c:v", "libx264", "-bf", "3", "-g", "13", "-output_ts_offset", "0.7", clip)
    return make_rung("x264", clip, folder / "made", spans=SHORT, height=90)


def test_shot_by_shot_commands_make_the_rendition_to_the_byte(rung, tmp_path):
    assert packets(made_by(rung.folder / "shots.sh", rung.clip, tmp_path / "out.mp4")) == packets(rung.rendition)


def test_a_shot_begins_at_its_frame_whatever_the_files_time_stamps(short, tmp_path):
    assert packets(made_by(short.folder / "shots.sh", short.clip, tmp_path / "out.mp4")) == packets(short.rendition)


@pytest.mark.parametrize(
    ("colours", "pix_fmt", "rung_format"),
    [
        ("range=pc:colorspace=smpte170m:chroma_location=center", "yuv420p", "yuv420p"),
        ("range=tv:chroma_location=topleft", "yuv422p10le", "yuv420p10le"),
        ("chroma_location=left", "yuv444p", "yuv422p"),
    ],
)
def test_its_pictures_are_those_of_the_rendition_in_every_colour(tmp_path, colours, pix_fmt, rung_format):
    clip = tmp_path / "a.mp4"
    moving = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", "12"]
    ffmpeg_run(*moving, "-vf", f"format={pix_fmt},setparams={colours}", "-c:v", "libx264", "-qp", "4", clip)
    made = make_rung("x264", clip, tmp_path / "made", spans=[(0, 12)], height=90, pix_fmt=rung_format)
    assert packets(made_by(made.folder / "shots.sh", clip, tmp_path / "out.mp4")) == packets(made.rendition)


def test_one_encode_by_zones_makes_the_rendition(rung, tmp_path):
    if rung.codec == "x265":  # x264's script wants its command line: tests/system has that
        assert_like(made_by(rung.folder / "whole.sh", rung.clip, tmp_path / "out.mp4"), rung)


@pytest.mark.parametrize("name", ["with 'quotes' and \"more\" $HOME `x`.mp4", "a:b.mp4", "-y.mp4", "% #?;&.mp4"])
def test_names_of_files_mean_nothing_to_the_shell(short, tmp_path, name):
    clip, script = tmp_path / name, short.folder / "shots.sh"
    clip.write_bytes(short.clip.read_bytes())
    assert run(script, name, f"out {name}", cwd=tmp_path).returncode == 0
    assert packets(tmp_path / f"out {name}") == packets(short.rendition)
    # Its own source by default, from a path that has to be quoted.
    folder = tmp_path / "it's"
    folder.mkdir()
    made = make_rung("x265", clip, folder / "made", spans=SHORT, height=90)
    done = run(made.folder / "whole.sh", "", f"-whole {name}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(packets(tmp_path / f"-whole {name}")) == 40


def test_a_decoder_that_fails_fails_the_script(short, tmp_path):
    """The wrapper gives every frame and then fails, as ffmpeg does of a damaged end: no count can notice that."""
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(f'#!/bin/sh\n{shlex.quote(ffmpeg.executable())} "$@"\nstatus=$?\n'
                       'case "$*" in *yuv4mpegpipe*|*rawvideo\\ pipe:1*) exit 69;; esac\nexit $status\n')  # fmt: skip
    x264 = tmp_path / "x264"
    x264.write_text("#!/bin/sh\ncat >/dev/null\n")
    for tool in (wrapper, x264):
        tool.chmod(0o755)
    for script in ("shots.sh", "whole.sh"):
        done = run(short.folder / script, short.clip, tmp_path / "out.mp4", FFMPEG=str(wrapper), X264=str(x264))
        assert done.returncode == 1
        assert done.stderr.endswith(f"{short.clip}: its decoder failed\n"), done.stderr
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("frames", "message"), [(39, "26 frames where 27 were measured"), (41, "has more frames than were measured")]
)
def test_another_file_than_the_measured_one_is_refused(short, tmp_path, frames, message):
    other = tmp_path / "other.mp4"
    ffmpeg_run("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", str(frames), other)
    done = run(short.folder / "shots.sh", other, tmp_path / "out.mp4")
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_the_source_is_decoded_once_for_all_shots(rung):
    lines = (rung.folder / "shots.sh").read_text().splitlines()
    assert sum("file:$SOURCE" in line for line in lines) == 1
    assert not any(f" {seek} " in line for line in lines for seek in ("-ss", "-seek_timestamp"))


def test_scenes_are_what_av1an_reads(rung):
    made = json.loads((rung.folder / "scenes.json").read_text())
    Draft202012Validator(av1an.SCENES).validate(made)
    assert made["frames"] == 250 and made["scenes"] == made["split_scenes"]
    assert [(scene["start_frame"], scene["end_frame"]) for scene in made["scenes"]] == SHOTS
    for scene, crf in zip(made["scenes"], CRFS[rung.codec], strict=True):
        words = scene["zone_overrides"]["video_params"]
        assert words[words.index("--crf") + 1] == crf


@pytest.mark.parametrize(
    ("codec", "colour", "expected"),
    [
        ("x264", BT709, "--output-depth 10 --output-csp i422 --vbv-maxrate 900 --vbv-bufsize 1800 --input-range pc"),
        ("x264", BT709, "--range pc --colorprim bt709 --transfer bt709 --colormatrix bt709"),
        ("x264", Colour(matrix="ycgco", primaries="ebu3213"), "--vbv-bufsize 1800 --colormatrix YCgCo"),
        ("x265", BT709, "--output-depth 10 --vbv-maxrate 900 --vbv-bufsize 1800 --range full --colorprim 1"),
        ("x265", Colour(range="tv"), "--vbv-bufsize 1800 --range limited"),
        ("svtav1", BT709, "--mbr 900 --color-range 1 --color-primaries 1 --transfer-characteristics 1"),
        ("svtav1", BT709, "--matrix-coefficients 1 --chroma-sample-position colocated"),
    ],
)
def test_command_lines_say_depth_chroma_colours_and_caps(codec, colour, expected):
    asked = Settings("4", "yuv422p10le", "30", 50, 1, "25/1", maxrate_kbps=900, bufsize_kbps=1800)
    assert expected in " ".join(COMMAND_LINES[codec](asked, colour))


def test_only_420_says_where_its_chroma_stands():
    for codec in ("x264", "x265"):
        given = COMMAND_LINES[codec](Settings("fast", "yuv420p", "30", 50, 1, "25/1"), BT709)
        assert given[-2:] == ["--chromaloc", "2"]
        assert "--chromaloc" not in COMMAND_LINES[codec](Settings("fast", "yuv422p", "30", 50, 1, "25/1"), BT709)


def test_the_settings_keep_to_their_schema(rung):
    schema = json.loads((ROOT / "config" / "schemas" / "export.json").read_text())
    made = json.loads((rung.folder / "settings.json").read_text())
    Draft202012Validator(schema).validate(made)
    assert made["keyframes"] == [0, 30, 76, 126, 137, 187, 237]
    assert [shot["crf"] for shot in made["shots"]] == CRFS[rung.codec]
    assert made["frames_of"] == {
        "file": "source",
        "path": str(rung.clip),
        "changes": [],
        "video_stream": 0,
        "frames": 250,
        "frame_rate": "25/1",
        "first_s": 0.0,
        "crop": {"x": 0, "y": 0, "width": 640, "height": 272},
    }


def test_the_settings_tell_whose_frames_they_count(tmp_path):
    clip = tmp_path / "late.mkv"
    # 25 frames a second of which every third is missing: a rate that is not constant, brought to 25 with repeats.
    gaps = ["-vf", "select='gte(mod(n,3),1)',setpts=PTS-STARTPTS", "-fps_mode", "vfr", "-output_ts_offset", "2"]
    ffmpeg_run("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", *gaps, "-frames:v", "20", "-c:v", "ffv1", clip)
    made = make_rung("x264", clip, tmp_path / "made", spans=[(0, 29)], height=90)
    told = json.loads((made.folder / "settings.json").read_text())
    frames = told["frames_of"]
    assert told["source"]["path"] == str(clip) and frames["path"] == str(tmp_path / "made" / "mezzanine.mov")
    assert (frames["file"], frames["frames"], frames["first_s"]) == ("mezzanine", 29, 2.0)
    assert any("9 frames repeated" in change for change in frames["changes"])
    # The script reads that file when it is given no other.
    done = run(made.folder / "shots.sh", "", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert packets(tmp_path / "out.mp4") == packets(made.rendition)


def test_zones_join_neighbours_of_one_crf():
    scenes = [Scene(0, 0, 10, "23"), Scene(1, 10, 15, "23"), Scene(2, 15, 16, "29")]
    assert x264_zones(scenes, "24") == "0,14,crf=23/15,15,crf=29"
    assert x265_zones(scenes, "26") == "0,14,b=1.4142/15,15,b=0.7071"
    assert keyframes(scenes, 6) == [0, 6, 10, 15]
    assert qpfile([0, 6, 10], {0: 26, 10: -1}) == "0 I 26\n6 I -1\n10 I -1\n"


def test_the_first_quantiser_counts_from_the_encodes_depth():
    # As x264's own debug output has it of first pictures: 0.1 of a QP apart at most.
    assert x264_first_qp("23", "medium", 8) == 28 and x264_first_qp("31", "veryfast", 8) == 36
    assert x264_first_qp("31", "medium", 10) == 48
    assert x264_first_qp("31", "superfast", 8) == 28
    assert x264_first_qp("51", "medium", 8) == 51 and x264_first_qp("51", "medium", 10) == 63


def test_a_codec_without_a_command_line_of_its_own_has_its_shots(rung):
    names = {path.name for path in Path(rung.folder).iterdir()}
    with_zones = {"zones.txt", "keyframes.qpfile", "whole.sh"} if rung.codec != "svtav1" else set()
    assert names == {"settings.json", "shots.sh", "scenes.json"} | with_zones
