"""ADM against libvmaf's own, frame by frame, and what must hold whatever the picture."""

import subprocess

import numpy as np
import pytest
from laddersmith import ffmpeg
from laddersmith.errors import ScoreError
from laddersmith.quality.features.adm import Adm
from laddersmith.quality.features.adm_csf import SCALES, band_size, pooled, sensitivity
from libvmaf_features import libvmaf_features

NAMES = ("adm2", "adm_scale0", "adm_scale1", "adm_scale2", "adm_scale3")
# libvmaf's log rounds to 1e-6 and it sums up in float32; bands and the test of angles agree to the last bit.
TOLERANCE = 1e-5
RNG = np.random.default_rng(3)


def picture(height: int, width: int, depth: int) -> np.ndarray:
    """Waves and noise, [1, height, width]."""
    top = 2**depth - 1
    y, x = np.mgrid[:height, :width]
    waves = 0.5 + 0.25 * np.sin(x / 7) * np.cos(y / 11) + 0.1 * np.sin((x + y) / 3)
    return samples(top * (waves + RNG.normal(0, 0.02, waves.shape))[None], depth)


def samples(values: np.ndarray, depth: int) -> np.ndarray:
    return np.clip(np.rint(values), 0, 2**depth - 1).astype(np.uint8 if depth == 8 else np.uint16)


def damaged(reference: np.ndarray, depth: int) -> np.ndarray:
    """Blurred, steeper, noisy."""
    soft = (reference + np.roll(reference.astype(float), 1, 2) + np.roll(reference.astype(float), 1, 1)) / 3
    return samples(
        (soft - 2 ** (depth - 1)) * 1.2 + 2 ** (depth - 1) + RNG.normal(0, 2 ** (depth - 7), soft.shape), depth
    )


def assert_agrees(reference: np.ndarray, distorted: np.ndarray, depth: int, gain_limit: float = 100.0) -> None:
    model = "vmaf_float_v0.6.1" if gain_limit > 1 else "vmaf_float_v0.6.1neg"
    theirs = libvmaf_features(reference, distorted, depth=depth, model=model)
    adm = Adm(reference.shape[2], reference.shape[1], depth, 1, gain_limit)
    ours = np.vstack([adm(r, d[None]) for r, d in zip(reference, distorted, strict=True)])
    for column, name in enumerate(NAMES):
        assert np.abs(ours[:, column] - theirs[name]).max() < TOLERANCE, name


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize(("height", "width"), [(17, 17), (18, 23), (33, 19), (17, 96), (97, 131), (144, 264)])
def test_agrees_with_libvmaf_at_every_depth_and_size(depth, height, width):
    reference = picture(height, width, depth)
    assert_agrees(reference, damaged(reference, depth), depth)


@pytest.mark.parametrize("gain_limit", [100.0, 1.0])
def test_agrees_with_libvmaf_on_hard_pictures(gain_limit):
    shape = (90, 122)
    flat = np.full(shape, 85)
    noise, other = RNG.integers(0, 256, shape), RNG.integers(0, 256, shape)
    fine = 255 * (np.indices(shape).sum(0) & 1)
    coarse = 40 + 160 * ((np.indices(shape) // 4).sum(0) & 1)
    pairs = [(flat, flat), (flat, flat + 7), (flat, noise), (noise, flat), (noise, other), (noise, noise), (fine, flat)]
    pairs += [(flat, fine), (fine // 2, fine), (fine, fine // 2), (coarse, coarse * 0.8), (0 * flat, 0 * flat + 255)]
    reference, distorted = (samples(np.stack(frames), 8) for frames in zip(*pairs, strict=True))
    assert_agrees(reference, distorted, 8, gain_limit)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("crf", [20, 45])
def test_agrees_with_libvmaf_on_encodes(depth, crf, tmp_path):
    pix_fmt, width, height = ("yuv420p" if depth == 8 else "yuv420p10le"), 320, 180
    planes = []
    options = ["-c:v", "libx264", "-threads", "1", "-crf", str(crf)]
    source = ["-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate=5", "-frames:v", "3", "-pix_fmt", pix_fmt]
    ffmpeg_run(*source, *options, tmp_path / "encode.mp4")
    ffmpeg_run(*source, "-f", "rawvideo", tmp_path / "reference")
    ffmpeg_run("-i", tmp_path / "encode.mp4", "-pix_fmt", pix_fmt, "-f", "rawvideo", tmp_path / "encode")
    for name in ("reference", "encode"):
        raw = np.fromfile(tmp_path / name, np.uint8 if depth == 8 else np.uint16)
        planes.append(raw.reshape(3, -1, width)[:, :height])
    assert_agrees(*planes, depth)


def ffmpeg_run(*arguments) -> None:
    subprocess.run([ffmpeg.executable(), "-v", "error", *map(str, arguments)], check=True)


def test_many_encodes_at_once_are_each_as_if_alone():
    reference = picture(70, 90, 8)[0]
    encodes = np.concatenate([damaged(reference[None], 8) for _ in range(5)] + [reference[None]])
    alone = np.vstack([Adm(90, 70, 8, 1)(reference, encode[None]) for encode in encodes])
    adm = Adm(90, 70, 8, 7)
    assert (adm(reference, encodes) == alone).all()
    assert (adm(reference, encodes[1:3]) == alone[1:3]).all()  # fewer than announced, and after other frames
    assert alone[-1] == pytest.approx(1, abs=1e-7)


def test_padded_rows_are_read_where_they_lie():
    reference, encodes = picture(40, 75, 10)[0], np.concatenate([damaged(picture(40, 75, 10), 10) for _ in range(2)])
    wide = np.full((40, 96), 65535, np.uint16)
    tall = np.full((2, 60, 80), 65535, np.uint16)
    wide[:, :75], tall[:, :40, :75] = reference, encodes
    adm = Adm(75, 40, 10, 2)
    assert (adm(wide[:, :75], tall[:, :40, :75]) == adm(reference, encodes)).all()


def test_more_damage_is_less_detail():
    reference = picture(120, 160, 8)
    soft = reference
    scores = []
    for _ in range(4):
        soft = samples((soft + np.roll(soft.astype(float), 1, 2) + np.roll(soft.astype(float), -1, 2)) / 3, 8)
        scores.append(Adm(160, 120, 8, 1)(reference[0], soft)[0, 0])
    assert scores == sorted(scores, reverse=True) and scores[0] < 1


def test_constants():
    # libvmaf's fixed-point twin (integer_adm.c) writes the finest scale's weights as 36453 / 2^21 and 49417 / 2^23.
    assert sensitivity(0) == pytest.approx((36453 / 2**21, 49417 / 2**23), rel=1e-4)
    assert all(diagonal < straight for straight, diagonal in map(sensitivity, range(SCALES)))
    assert [band_size(1080, scale) for scale in range(SCALES)] == [540, 270, 135, 68]
    assert pooled(540) == (53, 487) and pooled(4) == (0, 4)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ScoreError, match="8, 10, 12 or 16 bits, not 9"):
        Adm(64, 64, 9, 1)
    with pytest.raises(ScoreError, match="not defined for 16x64; score pictures of at least 17x17"):
        Adm(16, 64, 8, 1)
    adm, frame = Adm(64, 48, 8, 2), np.zeros((48, 64), np.uint8)
    for reference, distorted in [
        (frame[:40], frame[None]),
        (frame, frame[None, :, :60]),
        (frame, np.zeros((3, 48, 64), np.uint8)),
        (frame, np.zeros((0, 48, 64), np.uint8)),
        (frame.astype(np.uint16), frame[None]),
    ]:
        with pytest.raises(ScoreError, match=r"ADM was given .* where uint8 .* was promised"):
            adm(reference, distorted)
    with pytest.raises(ScoreError, match="rows of adjacent samples"):
        adm(np.zeros((48, 128), np.uint8)[:, ::2], frame[None])
    with pytest.raises(ScoreError, match="rows of adjacent samples"):
        adm(frame[::-1], frame[None])
