"""Settings for encoders elsewhere, run with the real encoders and compared with the stitched rendition."""

import json

import av
import pytest
from clips import ROOT
from export_kit import CRFS, PRESETS, RATE, SHOTS, Rung, assert_like, make_rung, run
from jsonschema import Draft202012Validator
from laddersmith import source
from laddersmith.encode import CODECS
from laddersmith.package.exports import Scene, keyframes, qpfile, x264_first_qp, x264_zones, x265_zones
from laddersmith.source import Media
from laddersmith.source.media import Colour

# libx264 cannot be given a qpfile's quantisers through ffmpeg, so that the first picture of a shot takes the one of the
# shot before: 5 % and more in size and 1.4 VMAF and more on a clip of short shots, a little otherwise at every run. Its
# command line, with them, is in tests/system.
LIBRARY = {"x264": {"size_pct": 8.0, "vmaf": 2.5}, "x265": {}}


@pytest.fixture(scope="module", params=sorted(CODECS))
def rung(request, bikes, tmp_path_factory) -> Rung:
    return make_rung(request.param, bikes, tmp_path_factory.mktemp(request.param))


def test_shot_by_shot_commands_make_the_rendition(rung, tmp_path):
    assert_like(run(rung.folder / "shots.sh", rung.clip, tmp_path / "out.mp4"), rung)


def test_one_encode_by_zones_makes_the_rendition(rung, tmp_path):
    if rung.codec == "x265":  # x264's script wants its command line: tests/system has that
        assert_like(run(rung.folder / "whole.sh", rung.clip, tmp_path / "out.mp4"), rung)


def test_zones_and_idr_frames_make_the_rendition_by_the_library(rung, tmp_path):
    if rung.codec == "svtav1":
        assert sorted(path.name for path in rung.folder.iterdir()) == ["scenes.json", "settings.json", "shots.sh"]
        return
    types = {int(line.split()[0]) for line in (rung.folder / "keyframes.qpfile").read_text().splitlines()}
    asked = json.loads((rung.folder / "settings.json").read_text())
    zones = (rung.folder / "zones.txt").read_text().strip()
    options = {"preset": asked["preset"], "crf": asked["crf"], "forced-idr": "1"}
    own = {
        "x264": "scenecut=0:open-gop=0:keyint=infinite:threads=1",
        "x265": "scenecut=0:open-gop=0:keyint=-1:pools=1:log-level=error:info=0",
    }
    options[f"{rung.codec}-params"] = f"{own[rung.codec]}:zones={zones}"
    target = tmp_path / "out.mp4"
    media = Media(str(rung.clip), 640, 272, "yuv420p", 8, RATE, 250, Colour())
    with av.open(str(target), "w") as container:
        stream = container.add_stream(f"lib{rung.codec}", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = asked["width"], asked["picture_height"], asked["pix_fmt"]
        for number, frame in enumerate(source.pictures(media, 0, 250)):
            small = frame.reformat(stream.width, stream.height, "yuv420p", interpolation="BICUBIC")
            small.pts, small.time_base = number, 1 / RATE
            small.pict_type = av.video.frame.PictureType.I if number in types else av.video.frame.PictureType.NONE
            for packet in stream.encode(small):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    assert_like(target, rung, **LIBRARY[rung.codec])


def test_every_scene_has_the_arguments_of_its_own_encoder(rung):
    made = json.loads((rung.folder / "scenes.json").read_text())
    assert made["frames"] == 250
    assert [(scene["start_frame"], scene["end_frame"]) for scene in made["scenes"]] == SHOTS
    for scene, crf in zip(made["scenes"], CRFS[rung.codec], strict=True):
        words = scene["zone_overrides"]["video_params"]
        assert words[words.index("--crf") + 1] == crf and words[words.index("--preset") + 1] == PRESETS[rung.codec]


def test_the_settings_keep_to_their_schema(rung):
    schema = json.loads((ROOT / "config" / "schemas" / "export.json").read_text())
    made = json.loads((rung.folder / "settings.json").read_text())
    Draft202012Validator(schema).validate(made)
    assert made["keyframes"] == [0, 30, 76, 126, 137, 187, 237]
    assert [shot["crf"] for shot in made["shots"]] == CRFS[rung.codec]


def test_zones_join_neighbours_of_one_crf():
    scenes = [Scene(0, 0, 10, "23"), Scene(1, 10, 15, "23"), Scene(2, 15, 16, "29")]
    assert x264_zones(scenes, "24") == "0,14,crf=23/15,15,crf=29"
    assert x265_zones(scenes, "26") == "0,14,b=1.4142/15,15,b=0.7071"
    assert keyframes(scenes, 6) == [0, 6, 10, 15]
    assert qpfile([0, 6, 10], {0: 26, 10: -1}) == "0 I 26\n6 I -1\n10 I -1\n"
    assert x264_first_qp("23", "medium") == 26 and x264_first_qp("23", "ultrafast") == 21
    assert x264_first_qp("51", "medium") == 51
