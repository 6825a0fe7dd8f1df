"""Regions as boxes, masks and saliency maps, and what of them the config refuses."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import ROOT, ffmpeg_run
from encode_shots import shot_table, title
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith.config import all_variants, validate
from laddersmith.encode import CODECS
from laddersmith.encode.masks import MAX_BOXES, boxes_from, cell_edges, cells, levels_of
from laddersmith.encode.region_sets import title_regions
from laddersmith.encode.regions import BLOCK, Box, filters, regions, regions_in, sets_of
from laddersmith.encode.saliency import METHODS, most_salient
from laddersmith.errors import ConfigError, EncodeError, SourceError

SCHEMA = json.loads((ROOT / "config/schemas/regions.json").read_text())
SHOTS = shot_table((0, 8), (8, 20))
WIDTH, HEIGHT = 192, 96


@pytest.fixture(scope="module")
def clip(make_clip):
    """A grey picture with a bright, coloured square in its upper right quarter."""
    video = (
        f"color=gray:size={WIDTH}x{HEIGHT}:rate=25,noise=alls=6:all_seed=1,"
        "drawbox=x=128:y=16:w=32:h=32:color=orange:t=fill"
    )
    return title(make_clip("square.mp4", video, 20), WIDTH, HEIGHT, 20)


def asked(**given):
    """A set of the config's `roi` as `validate` returns it."""
    return validate({"roi": {"s": given}}, CODECS)["roi"]["s"]


def made(media, file: Path | None = None, **given):
    """The boxes of each of the two shots."""
    settings = asked(**given)
    document = title_regions(media, SHOTS, {"s": settings}, {"s": file} if file else {}, title="clip", threads=1)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document)))
    return document["sets"]["s"]["shots"], sets_of(document)["s"]


# --- boxes on a picture


shares = st.floats(0, 1, allow_nan=False)


@given(st.tuples(shares, shares, shares, shares), st.integers(2, 600), st.integers(2, 600))
def test_regions_lie_on_blocks_within_the_picture(box, width, height):
    x, y, across, down = box
    (region,) = regions([Box(x, y, across * (1 - x), down * (1 - y), -0.1)], width, height)
    for start, length, side in ((region.x, region.width, width), (region.y, region.height, height)):
        assert start % BLOCK == 0
        assert (start + length) % BLOCK == 0 or start + length == side
        assert length >= min(BLOCK, side - start)
        assert 0 <= start < start + length <= side


def test_neighbours_share_an_edge_in_every_picture():
    for width in range(40, 400, 6):
        left, right = regions([Box(0, 0, 0.3, 1, -0.1), Box(0.3, 0, 0.7, 1, 0.1)], width, 90)
        assert left.x + left.width == right.x or left.width == BLOCK
        assert right.x + right.width == width


def test_an_offset_is_spelled_in_one_way():
    boxes = [Box(0, 0, 0.5, 0.5, offset) for offset in (-0.10, -0.1, 1, 0.0, 0.0625)]
    assert [region.offset for region in regions(boxes, 64, 64)] == ["-0.1", "-0.1", "1", "0", "0.0625"]
    assert filters(regions(boxes[:1], 64, 64)) == ["addroi=x=0:y=0:w=32:h=32:qoffset=-0.1"]


def test_regions_that_were_not_made_are_an_error():
    with pytest.raises(EncodeError, match=r"asks for the regions 'faces', which were not made; delete the title's"):
        regions_in({}, "faces", 0, 64, 64)
    with pytest.raises(EncodeError, match=r"the regions 'faces' say nothing of this shot"):
        regions_in({"faces": {1: ()}}, "faces", 0, 64, 64)


# --- maps into boxes


@given(st.integers(16, 400), st.integers(16, 400), st.integers(1, 3), st.data())
def test_boxes_give_every_cell_its_level_while_there_are_boxes(width, height, steps, data):
    across, down = cell_edges(width, height)
    shape = len(down) - 1, len(across) - 1
    levels = np.zeros(shape, np.int64)
    for _ in range(data.draw(st.integers(1, 3))):
        row, column = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
        level = data.draw(st.integers(1, steps))
        part = levels[row : row + data.draw(st.integers(1, 9)), column : column + data.draw(st.integers(1, 9))]
        part[:] = level
    offsets = [0.05, -0.1, -0.2, -0.3][: steps + 1]
    boxed = boxes_from(levels, offsets, width, height)
    assert len(boxed.boxes) <= MAX_BOXES + 1
    assert boxed.boxes[-1] == Box(0, 0, 1, 1, 0.05)
    painted = np.full((height, width), np.nan)
    for region in reversed(regions(boxed.boxes, width, height)):
        painted[region.y : region.y + region.height, region.x : region.x + region.width] = float(region.offset)
    wanted = np.array(offsets)[np.repeat(np.repeat(levels, np.diff(down), 0), np.diff(across), 1)]
    right = float((painted == wanted)[wanted != 0.05].mean()) if (wanted != 0.05).any() else 1.0
    assert right == pytest.approx(boxed.held)
    if len(boxed.boxes) <= MAX_BOXES:
        assert boxed.held == 1
    assert boxed.marked == pytest.approx(float((wanted != 0.05).mean()))


def test_the_largest_part_comes_first_and_small_patches_are_left_out():
    levels = np.zeros((20, 40), np.int64)
    levels[::2, ::2] = 1
    levels[:10, :10] = 1
    boxed = boxes_from(levels, [0, -0.1], 40 * BLOCK, 20 * BLOCK)
    assert boxed.boxes[0] == Box(0, 0, 0.25, 0.5, -0.1)
    assert len(boxed.boxes) == MAX_BOXES
    assert boxed.held == pytest.approx((100 + MAX_BOXES - 1) / levels.sum())


def test_a_map_is_averaged_over_cells_whatever_its_size():
    picture = np.zeros((50, 100))
    picture[:, 50:] = 1
    found = cells(picture, 200, 100)
    across, _ = cell_edges(200, 100)
    assert found[:, across[1:] <= 90].max() == 0
    assert found[:, across[:-1] >= 110].min() == 1
    assert levels_of(np.array([0.0, 0.24, 0.25, 0.5, 0.76, 1.0]), 2).tolist() == [0, 0, 1, 1, 2, 2]


# --- masks


def write_mask(path: Path, part: tuple[slice, slice], size=(WIDTH, HEIGHT)) -> Path:
    picture = np.zeros((size[1], size[0]), np.uint8)
    picture[part] = 255
    cv2.imwrite(str(path), picture)
    return path


def test_an_image_marks_the_same_in_every_shot(clip, tmp_path):
    mask = write_mask(tmp_path / "mask.png", (slice(16, 64), slice(96, 192)))
    told, boxes = made(clip, mask, mask={"file": "any.png", "offset": -0.2}, background=0.05)
    assert [one["marked"] for one in told] == [pytest.approx(0.25)] * 2
    assert regions(boxes[0], WIDTH, HEIGHT) == regions(boxes[1], WIDTH, HEIGHT)
    assert [(r.x, r.y, r.width, r.height, r.offset) for r in regions(boxes[0], WIDTH, HEIGHT)] == [
        (96, 16, 96, 48, "-0.2"),
        (0, 0, WIDTH, HEIGHT, "0.05"),
    ]


def test_a_video_marks_each_shot_by_its_mean(clip, tmp_path):
    video = f"color=black:size={WIDTH}x{HEIGHT}:rate=25,drawbox=x=0:y=0:w=96:h=96:color=white:t=fill:enable='lt(n,14)'"
    path = tmp_path / "mask.mkv"
    ffmpeg_run("-f", "lavfi", "-i", video, "-frames:v", "20", "-c:v", "ffv1", "-pix_fmt", "gray", path)
    told, boxes = made(clip, path, mask={"file": "any.mkv", "levels": 2})
    assert [one["marked"] for one in told] == [pytest.approx(0.5)] * 2
    assert [[box.offset for box in boxes[shot]] for shot in (0, 1)] == [[-0.1], [-0.05]]  # 8 of 8 frames, 6 of 12


def test_masks_that_do_not_fit_are_refused(clip, tmp_path):
    settings = {"mask": {"file": "any.png"}}
    black = write_mask(tmp_path / "black.png", (slice(0), slice(0)))
    with pytest.raises(
        SourceError, match=r"clip, regions s: the mask is too dark everywhere, so that it marks nothing"
    ):
        made(clip, black, **settings)
    square = write_mask(tmp_path / "square.png", (slice(0), slice(0)), size=(64, 64))
    with pytest.raises(SourceError, match=r"is 64x64, but the title's picture 192x96; give it the picture's shape"):
        made(clip, square, **settings)
    with pytest.raises(SourceError, match=r"none.png: cannot be read \(No such file"):
        made(clip, tmp_path / "none.png", **settings)
    short = tmp_path / "short.mkv"
    ffmpeg_run("-f", "lavfi", "-i", f"color=white:size={WIDTH}x{HEIGHT}", "-frames:v", "9", "-c:v", "ffv1", short)
    with pytest.raises(SourceError, match=r"short.mkv: has 9 frames, but the title 20; give it as many"):
        made(clip, short, **settings)
    noise = tmp_path / "noise.png"
    noise.write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"noise.png: cannot be decoded"):
        made(clip, noise, **settings)


# --- saliency


@pytest.mark.parametrize("method", METHODS)
def test_what_stands_out_is_salient(method, clip):
    told, boxes = made(clip, saliency={"method": method, "share": 0.1, "frames": 3})
    assert all(one["marked"] == pytest.approx(0.1, abs=0.02) for one in told)  # a cell is 1.4 % of this picture
    for shot in (0, 1):
        first = regions(boxes[shot], WIDTH, HEIGHT)[0]
        assert first.x < 160
        assert first.x + first.width > 128
        assert first.y < 48
        assert first.y + first.height > 16


def test_the_most_salient_share_is_taken_in_equal_steps():
    values = np.arange(20.0).reshape(4, 5)
    levels = most_salient(values, np.full((4, 5), 0.05), 0.4, 2)
    assert levels.ravel().tolist() == [0] * 12 + [1] * 4 + [2] * 4
    assert most_salient(np.zeros((4, 5)), np.full((4, 5), 0.05), 0.25, 1).ravel().tolist() == [1] * 5 + [0] * 15


def test_a_picture_of_one_colour_is_no_error():
    flat = np.full((64, 96, 3), 128, np.uint8)
    for method in METHODS.values():
        assert np.isfinite(method(flat)).all()


# --- the config


BOX = {"x": 0.1, "y": 0.1, "width": 0.5, "height": 0.5, "offset": -0.2}
X264 = {"codec": "x264", "preset": "medium", "roi": "s"}
FAULTS = {
    "two kinds": (
        {"s": {"boxes": [BOX], "saliency": {"method": "frequency_tuned"}}},
        {},
        "roi.s has boxes and saliency",
    ),
    "no kind": ({"s": {}}, {}, "roi.s has no regions; give one of boxes, mask and saliency"),
    "outside": ({"s": {"boxes": [BOX | {"x": 0.6}]}}, {}, "boxes[0]: ends at 1.1 across and 0.6 down, outside the"),
    "beyond 1": ({"s": {"boxes": [BOX | {"x": 1.5}]}}, {}, "roi.s.boxes[0].x is 1.5; the range is 0 to 1"),
    "no area": ({"s": {"boxes": [BOX | {"width": 0}]}}, {}, "boxes[0]: has no area"),
    "hidden": (
        {"s": {"boxes": [BOX, BOX | {"x": 0.2, "width": 0.1}]}},
        {},
        "boxes[1] lies wholly in boxes[0], and the first in the list decides; put the smaller one first",
    ),
    "no offset": ({"s": {"boxes": [BOX | {"offset": 0}]}}, {}, "roi.s: every offset is 0, the background's too"),
    "unknown method": ({"s": {"saliency": {"method": "magic"}}}, {}, "the choices are spectral_residual, frequency"),
    "unknown set": (
        {"other": {"boxes": [BOX]}},
        {"v": X264},
        "variants.v.roi is 's', which is no set of the section roi",
    ),
    "svtav1": (
        {"s": {"boxes": [BOX]}},
        {"v": {"codec": "svtav1", "preset": "8", "roi": "s"}},
        "variants.v.roi: svtav1 ignores regions of another quality; leave roi out, or take a codec that heeds them",
    ),
    "ultrafast": (
        {"s": {"boxes": [BOX]}},
        {"v": X264 | {"preset": "ultrafast"}},
        "x264 ignores regions at the preset ultrafast, which has no adaptive quantization; take a slower preset",
    ),
    "vp9": (
        {"s": {"boxes": [BOX]}},
        {"v": {"codec": "vp9", "preset": "5", "roi": "s"}},
        "vp9 ignores regions but in encodes of low latency; set latency: low",
    ),
    "vp9 at low latency": (
        {"s": {"mask": {"file": "m.png", "levels": 7}, "background": 0.1}},
        {"v": {"codec": "vp9", "preset": "6", "roi": "s", "latency": "low", "maxrate_kbps": 500}},
        "vp9 tells 7 different offsets apart, and the regions have 8; give them fewer",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_regions_that_contradict_themselves_are_refused(fault):
    roi, variants, sentence = FAULTS[fault]
    with pytest.raises(ConfigError) as error:
        validate({"roi": roi} | ({"variants": variants} if variants else {}), CODECS)
    assert sentence in str(error.value)


def test_a_set_has_its_defaults_and_the_fixed_ladder_no_regions():
    full = validate({"roi": {"s": {"mask": {"file": "{title}.png"}}}, "variants": {"v": X264}}, CODECS)
    assert full["roi"]["s"]["mask"] == {"file": "{title}.png", "offset": -0.1, "levels": 1}
    variants = all_variants(full)
    assert variants["v"]["roi"] == "s"
    assert {settings["roi"] for name, settings in variants.items() if "@" in name} == {None}


def test_the_facts_say_what_the_adapters_do():
    for codec in CODECS.values():
        assert (codec.regions is None) == codec.facts.roi.startswith("none")
        if codec.regions is not None:
            assert all(preset in codec.presets and preset in codec.facts.roi for preset in codec.regions.not_at)
