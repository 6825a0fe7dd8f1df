"""Regions in real encodes: better inside, worse outside, part of a point's key, and refused where they are ignored."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ROOT
from encode_shots import BT709, decoded, encode_shot, plan_table, settings, shot_table, title
from jsonschema import Draft202012Validator
from laddersmith import source
from laddersmith.compare.document import html, markdown
from laddersmith.compare.region_pages import roi_page
from laddersmith.compare.regions import better_parts, measure_regions, offsets_of, roi_facts
from laddersmith.encode import CODECS
from laddersmith.encode.codecs.base import Regions
from laddersmith.encode.points import encode_points
from laddersmith.encode.region_sets import title_regions
from laddersmith.encode.regions import Box, Region, regions, sets_of
from laddersmith.encode.run import arguments
from laddersmith.errors import EncodeError
from laddersmith.package import export_ladder
from laddersmith.store import Store

SCHEMA = json.loads((ROOT / "config/schemas/roi.json").read_text())
SHOTS = shot_table((76, 94))  # of `bikes`: riders before houses
INSIDE = Box(0.25, 0.25, 0.4, 0.6, -0.15)
SIDES = {"codec": "x264", "pix_fmt": "yuv420p", "threads": 1, "maxrate_kbps": None, "bufsize_kbps": None, "roi": "s"}
SIDES |= {"latency": "offline", "rate": "quality"}
ASKED = {
    "x264": {"preset": "veryfast", "crfs": [20, 26, 32, 38]},
    "x265": {"codec": "x265", "preset": "veryfast", "crfs": [20, 26, 32, 38]},
    "vp9": {"codec": "vp9", "preset": "6", "crfs": [20, 32, 44, 56], "latency": "low", "maxrate_kbps": 4000},
}
ASKED["vp9"]["bufsize_kbps"] = 4000
VARIANTS = {name: SIDES | asked for name, asked in ASKED.items()}


@pytest.fixture(scope="module")
def media(bikes):
    return title(bikes, 640, 272, 250)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("regions") / "store"


def encoded(media, plan, folder: Path, store: Path, variants, sets):
    return encode_points(
        media, SHOTS, plan, title="bikes", store=Store(store), folder=folder, variants=variants, keyframe_s=1.0,
        threads=2, timeout_s=60.0, frame_cache_mb=100.0, regions=sets,
    )  # fmt: skip


def measured(media, store: Path, folder: Path, variants, boxes: Sequence[Box]):
    sets = {"s": {0: tuple(boxes)}}

    def encode(plan, asked):
        return encoded(media, plan, folder, store, asked, sets)

    return measure_regions(
        media, SHOTS, variants, sets, title="bikes", height=180, encode=encode, folder=folder, threads=2
    )


@pytest.mark.parametrize("codec", VARIANTS)
def test_the_inside_is_better_and_the_outside_worse_at_equal_size(codec, media, store, tmp_path):
    (row,) = measured(media, store, tmp_path, {codec: VARIANTS[codec]}, [INSIDE])
    inside, outside = row["parts"]["inside"], row["parts"]["outside"]
    assert 0.2 < row["inside_share"] < 0.3
    # Measured here: inside +2.9, +1.2 and +1.0 dB, outside -1.8, -1.5 and -1.1; BD-rates of -15 % and +21 % at least.
    # The encoders repeat themselves, so that the bars leave room for other CPUs alone.
    assert inside["psnr_db"] > 0.7
    assert outside["psnr_db"] < -0.7
    assert inside["bd_rate_pct"] < -10
    assert outside["bd_rate_pct"] > 10
    assert row["bits_pct"] > 10
    for point in row["points"]:
        assert point["regions"]["psnr_inside"] > point["plain"]["psnr_inside"]
    facts = roi_facts([row], title="bikes", shots=SHOTS, media=media, height=180)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(facts)))
    page = roi_page(facts)
    assert f"## {codec}" in markdown(page)
    assert "BD-rate inside, %" in html(page)


def test_a_worse_background_is_measured_the_same_way(media, store, tmp_path):
    rest = Box(0, 0, 1, 1, 0.1)
    (row,) = measured(media, store, tmp_path, {"x264": VARIANTS["x264"]}, [replace(INSIDE, offset=0.0), rest])
    assert 0.2 < row["inside_share"] < 0.3
    assert row["bits_pct"] < -5
    assert row["parts"]["inside"]["psnr_db"] > 0 > row["parts"]["outside"]["psnr_db"]


def test_encodes_in_which_nothing_changes_are_refused(media, store, tmp_path, monkeypatch):
    variant = SIDES | {"codec": "svtav1", "preset": "10", "crfs": [30, 50]}
    monkeypatch.setitem(CODECS, "svtav1", replace(CODECS["svtav1"], regions=Regions()))
    with pytest.raises(EncodeError, match=r"bikes, av1 at 180p: its encodes are the same with regions and without, so"):
        measured(media, store, tmp_path, {"av1": variant}, [INSIDE])
    with pytest.raises(EncodeError, match=r"its regions s ask for the same quality all over these shots"):
        measured(media, store, tmp_path, {"x264": VARIANTS["x264"]}, [Box(0, 0, 1, 1, -0.1)])


@pytest.mark.parametrize("codec", ["x264", "x265", "vp9"])
def test_where_regions_overlap_the_first_decides(codec, media, tmp_path):
    changes = {"maxrate_kbps": 4000.0, "bufsize_kbps": 4000.0} if codec == "vp9" else {}
    changes |= {"low_latency": True, "preset": "6"} if codec == "vp9" else {}
    frames = list(source.frames(media, 80, 86, width=160, height=68, pix_fmt="yuv420p"))
    whole, part = Region(0, 0, 160, 68, "0.2"), Region(32, 16, 64, 32, "-0.3")

    def made(name: str, *found: Region) -> tuple[list[bytes], int]:
        asked = settings(codec, regions=found, **changes)
        path = encode_shot(codec, asked, frames, tmp_path / f"{name}.mp4")
        return decoded(path)[1], path.stat().st_size

    alone, size = made("alone", whole)
    assert made("covered", whole, part)[0] == alone
    assert made("first", part, whole)[1] > 1.05 * size


def test_regions_are_part_of_the_key_and_where_they_come_from_is_not(media, store, tmp_path):
    def key(boxes, name="s"):
        sets = {name: {0: tuple(boxes)}}
        variants = {"v": VARIANTS["x264"] | {"roi": name if boxes else None}}
        changes = {"width": 160, "height": 90}
        plan = plan_table("x264", [0], ["30"], **changes)
        return encoded(media, plan, tmp_path / "f", store, variants, sets).key[0]

    usual = key([INSIDE])
    assert key([]) != usual
    assert key([replace(INSIDE, offset=-0.2)]) != usual
    assert key([replace(INSIDE, x=0.4)]) != usual
    assert key([INSIDE], name="other") == usual
    picture = np.zeros((272, 640), np.uint8)
    picture[64:208, 160:416] = 255
    made = []
    for name in ("a.png", "deep/b.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), picture)
        asked = {"boxes": None, "saliency": None, "background": 0, "mask": {"offset": -0.15, "levels": 1}}
        made.append(title_regions(media, SHOTS, {"s": asked}, {"s": path}, title="bikes", threads=1))
        assert str(tmp_path) not in json.dumps(made[-1])
    assert made[0] == made[1]
    assert key(sets_of(made[0])["s"][0]) != usual


def test_arguments_carry_the_regions_of_the_picture():
    for codec in ("x264", "x265", "h264_qsv", "hevc_qsv"):
        preset = CODECS[codec].presets[-3]
        asked = replace(settings("x264"), preset=preset, regions=regions([INSIDE], 640, 272))
        given = arguments(CODECS[codec], asked, BT709, 640, 272)
        assert given[given.index("-vf") + 1].endswith("setsar=1,addroi=x=160:y=64:w=256:h=160:qoffset=-0.15")


def test_a_codec_that_ignores_regions_is_not_given_any():
    for codec, preset, sentence in (
        ("svtav1", "8", "svtav1 ignores regions of another quality; leave roi out"),
        ("x264", "ultrafast", "x264 ignores regions at the preset ultrafast"),
        ("x265", "superfast", "x265 ignores regions at the preset superfast"),
        ("vp9", "5", "vp9 ignores regions but in encodes of low latency"),
        ("av1_qsv", "fast", "av1_qsv ignores regions"),
    ):
        asked = replace(settings("x264"), preset=preset, regions=regions([INSIDE], 640, 272))
        with pytest.raises(EncodeError, match=sentence):
            arguments(CODECS[codec], asked, BT709, 640, 272)


def test_a_rung_with_regions_is_exported_shot_by_shot_alone(media, tmp_path):
    shots = shot_table((0, 8), (8, 20))
    points = [{"shot": shot, "crf": "30", "bytes": 1, "bitrate_kbps": 1.0, "vmaf_mean": 1.0} for shot in (0, 1)]
    rung = {"name": "90p", "codec": "x264", "variant": "v", "preset": "fast", "pix_fmt": "yuv420p", "crf": "30"}
    rung |= {"width": 160, "picture_height": 68, "bitrate_kbps": 1.0, "quality": 1.0, "points": points}
    facts = {"media": media.to_json(), "mezzanine": None, "video": {"start_s": 0.0}}
    ladder = {"title": "bikes", "source": {"path": "b.mp4", "sha256": "0" * 64}, "rungs": [rung]}
    sets = {"s": {0: (INSIDE,), 1: (replace(INSIDE, offset=0.1),)}}
    variants = {"v": {"threads": 1, "roi": "s"}}
    export_ladder(facts, shots, ladder, tmp_path, variants=variants, keyframe_s=1.0, regions=sets)
    folder = tmp_path / "x264" / "90p"
    assert {path.name for path in folder.iterdir()} == {"settings.json", "shots.sh"}
    script = (folder / "shots.sh").read_text()
    assert [script.count(f"qoffset={offset}") for offset in ("-0.15", "0.1")] == [1, 1]


def test_inside_is_what_is_asked_to_be_better_than_the_mean():
    found = regions([Box(0, 0, 0.5, 1, -0.1), Box(0, 0, 1, 0.5, 0.1)], 64, 64)
    asked = offsets_of(found, 64, 64)
    assert (asked[:, :32] == -0.1).all()
    assert (asked[:32, 32:] == 0.1).all()
    assert (asked[32:, 32:] == 0).all()
    inside = better_parts({0: asked, 1: np.zeros((64, 64))}, {0: 10, 1: 10})
    assert inside[0].mean() == 0.5
    assert not inside[1].any()  # 0 lies above the mean, -0.0125


def test_the_committed_figures_are_those_of_the_pages():
    facts = json.loads((ROOT / "docs" / "benchmarks" / "roi.json").read_text())
    Draft202012Validator(SCHEMA).validate(facts)
    page = markdown(roi_page(facts))
    assert (ROOT / "docs" / "benchmarks" / "roi.md").read_text() == page
    told = (ROOT / "docs" / "roi.md").read_text()
    summary = [line for line in page.partition("## x264-boxes")[0].splitlines() if line.startswith("| ")]
    assert len(summary) == 2 + len(facts["variants"])
    assert all(line in told for line in summary)
    untouched = [row for row in facts["variants"] if row["roi"] != "mask"]
    changes = [
        point["regions"]["psnr_outside"] - point["plain"]["psnr_outside"]
        for row in untouched
        for point in row["points"]
    ]
    assert f"changed by {min(changes):.2f} to {max(changes):+.2f} dB" in told
    wholes = [row["parts"]["whole"]["bd_rate_pct"] for row in facts["variants"]]
    assert f"the whole needs {min(wholes):.0f} to {max(wholes):.0f} % more" in told
