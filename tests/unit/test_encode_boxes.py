"""What a rung's height means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.encode import box, boxes

SIDES = st.integers(1, 2000).map(lambda half: 2 * half)
HEIGHTS = st.integers(16, 2160)


@pytest.mark.parametrize(
    ("media", "h", "size"),
    [
        ((1280, 720), 720, (1280, 720)),
        ((1280, 720), 540, (960, 540)),
        ((1280, 720), 1080, (1280, 720)),
        ((640, 272), 270, (480, 204)),
        ((640, 272), 180, (320, 136)),
        ((1920, 804), 1080, (1920, 804)),
        ((720, 1280), 360, (360, 640)),
        ((1440, 1080), 480, (640, 480)),
        ((1000, 1000), 361, (360, 360)),
        ((828, 828), 467, (466, 466)),
        ((1280, 720), 480, (852, 480)),
        ((4000, 20), 90, (160, 2)),
    ],
)
def test_boxes_by_hand(media, h, size):
    assert box(*media, h) == size


@given(SIDES, SIDES, HEIGHTS)
def test_a_box_is_even_within_its_height_and_never_enlarged(width, height, h):
    across, down = box(width, height, h)
    assert across % 2 == down % 2 == 0
    assert 2 <= across <= width
    assert 2 <= down <= height
    assert min(across, down) <= h
    assert max(across, down) <= max(round(16 * h / 9), 2)


@given(SIDES, SIDES, HEIGHTS)
def test_a_transposed_picture_has_the_transposed_box(width, height, h):
    if width != height:
        assert box(height, width, h) == box(width, height, h)[::-1]


@given(SIDES.filter(lambda side: side >= 320), SIDES.filter(lambda side: side >= 320), HEIGHTS)
def test_a_box_keeps_the_shape_within_its_rounding(width, height, h):
    across, down = box(width, height, h)
    scale = min(across / width, down / height)
    # One side is exact, the other at most 1 from the shape's; as a share of a short side, that is more of a long one.
    assert abs(across - width * scale) <= max(1, width / height) + 1e-9
    assert abs(down - height * scale) <= max(1, height / width) + 1e-9


def test_heights_that_give_one_picture_are_one_rung():
    assert boxes(640, 272, [720, 540, 360, 270, 180]) == {180: (320, 136), 270: (480, 204), 360: (640, 272)}
    assert list(boxes(1280, 720, [720, 180, 720])) == [180, 720]
