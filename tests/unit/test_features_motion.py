"""Motion against libvmaf's own, and what must hold whatever the picture."""

from itertools import pairwise

import numpy as np
import pytest
from laddersmith.errors import ScoreError
from laddersmith.quality.features.motion import motion, motion2
from libvmaf_features import libvmaf_features

# libvmaf's log rounds to 1e-6, and its float32 sums over a frame are good to about 1e-7 of motions up to some tens.
TOLERANCE = 1e-5
RNG = np.random.default_rng(5)


def frames(count: int, height: int, width: int, depth: int) -> np.ndarray:
    """A wave that moves, and noise."""
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.3 * np.sin((x + 2 * n) / 9 + y / 13) + RNG.normal(0, 0.03, x.shape) for n in range(count)]
    top = 2**depth - 1
    return np.clip(np.rint(np.stack(waves) * top), 0, top).astype(np.uint8 if depth == 8 else np.uint16)


def of_clip(clip: np.ndarray, depth: int) -> np.ndarray:
    return np.array([0.0] + [motion(a, b, depth) for a, b in pairwise(clip)])


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize(("height", "width"), [(17, 17), (18, 31), (33, 64), (90, 133)])
def test_agrees_with_libvmaf(depth, height, width):
    clip = frames(4, height, width, depth)
    theirs = libvmaf_features(clip, clip, depth=depth, debug=True)
    ours = of_clip(clip, depth)
    assert np.abs(ours - theirs["motion"]).max() < TOLERANCE
    assert np.abs(motion2(ours) - theirs["motion2"]).max() < TOLERANCE


def test_agrees_with_libvmaf_where_frames_jump():
    shape = (40, 52)
    stills = [np.zeros(shape), np.full(shape, 255), RNG.integers(0, 256, shape), 255 * (np.indices(shape).sum(0) & 1)]
    clip = np.stack([*stills, stills[-1], stills[0]]).astype(np.uint8)
    theirs = libvmaf_features(clip, clip)["motion2"]
    assert np.abs(motion2(of_clip(clip, 8)) - theirs).max() < 3e-5  # the jump is by 255, and in float32


@pytest.mark.parametrize(("height", "width"), [(3, 3), (3, 40), (5, 4), (70, 3), (41, 63)])
def test_is_the_blurred_difference_of_any_size(height, width):
    one, two = RNG.integers(0, 1024, (2, height, width)).astype(np.uint16)
    taps = np.array([0.054488685, 0.244201342, 0.402619947, 0.244201342, 0.054488685])
    padded = np.pad(two.astype(float) - one, 2, mode="reflect")
    down = sum(tap * padded[k : k + height] for k, tap in enumerate(taps))
    both = sum(tap * down[:, k : k + width] for k, tap in enumerate(taps))
    assert motion(one, two, 10) == pytest.approx(np.abs(both).mean() / 4, rel=1e-5)  # float32 against float64


def test_padded_rows_are_read_where_they_lie():
    one, two = frames(2, 30, 50, 8)
    wide = np.full((2, 30, 64), 255, np.uint8)
    wide[:, :, :50] = one, two
    assert motion(wide[0, :, :50], wide[1, :, :50], 8) == motion(one, wide[1, :, :50], 8) == motion(one, two, 8)
    assert motion(two, one, 8) == motion(one, two, 8) > 0 == motion(one, one, 8)


def test_motion2_is_the_smaller_of_two_neighbours():
    assert motion2(np.array([0.0, 3.0, 1.0, 2.0, 5.0])).tolist() == [0.0, 1.0, 1.0, 2.0, 5.0]
    assert motion2(np.array([0.0])).tolist() == [0.0]
    assert motion2(np.array([])).tolist() == []


def test_what_cannot_be_measured_is_refused():
    frame = np.zeros((20, 30), np.uint8)
    with pytest.raises(ScoreError, match="8, 10, 12 or 16 bits, not 14"):
        motion(frame, frame, 14)
    with pytest.raises(ScoreError, match="not defined for 30x2"):
        motion(frame[:2], frame[:2], 8)
    with pytest.raises(ScoreError, match=r"given uint8 \(20, 30\) where uint8 \(19, 30\) was promised"):
        motion(frame, frame[:19], 8)
    with pytest.raises(ScoreError, match=r"where uint16 .* was promised"):
        motion(frame, frame, 10)
    with pytest.raises(
        ScoreError, match="motion reads rows of adjacent samples, one below the other; copy the frame first"
    ):
        motion(frame, np.zeros((20, 60), np.uint8)[:, ::2], 8)
