"""VIF: agreement with libvmaf's float VIF and with a plain float64 version of the definition, and its guards."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import ffmpeg_run
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith.errors import ScoreError
from laddersmith.quality.features.vif import FILTERS, NOISE, SCALES, Vif
from libvmaf_features import libvmaf_features
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

# Both sides compute in float32, and libvmaf's log has six decimals. Seen: 5e-6 from 100x100 on, 3e-5 where the
# coarsest scale is a few samples, of which one may lie at the edge of being flat.
AGREEMENT = 1e-4


def natural(width: int, height: int, depth: int = 8, frames: int = 2) -> NDArray[np.integer]:
    """Frames with detail of every size, as pictures have it, over the full range."""
    rng = np.random.default_rng(width * height + depth)
    found = []
    for _ in range(frames):
        layers = (
            cv2.resize(rng.normal(size=(height // size + 2, width // size + 2)), (width, height)) * size**0.7
            for size in (1, 4, 16, 64)
        )
        picture = sum(layers)
        found.append((picture - picture.min()) / np.ptp(picture) * (2**depth - 1))
    return np.round(found).astype(np.uint8 if depth == 8 else np.uint16)


def worse(frames: NDArray[np.integer], depth: int = 8, blur: float = 1.2, noise: float = 0.02) -> NDArray[np.integer]:
    rng, peak = np.random.default_rng(7), 2**depth - 1
    blurred = np.array([cv2.GaussianBlur(frame, (0, 0), blur) for frame in frames.astype(np.float32)])
    return (blurred + rng.normal(size=frames.shape) * noise * peak).clip(0, peak).round().astype(frames.dtype)


def scores(
    reference: NDArray[np.integer], distorted: NDArray[np.integer], depth: int = 8, gain_limit: float = 100.0
) -> NDArray[np.float64]:
    vif = Vif(reference.shape[2], reference.shape[1], depth, 1, gain_limit)
    return np.array([vif(x, y[None])[0] for x, y in zip(reference, distorted, strict=True)])


def assert_agrees(
    reference: NDArray[np.integer], distorted: NDArray[np.integer], depth: int = 8, gain_limit: float = 100.0
) -> None:
    model = "vmaf_float_v0.6.1neg" if gain_limit == 1 else "vmaf_float_v0.6.1"
    theirs = libvmaf_features(reference, distorted, depth=depth, model=model)
    expected = np.stack([theirs[f"vif_scale{scale}"] for scale in range(SCALES)], axis=1)
    np.testing.assert_allclose(scores(reference, distorted, depth, gain_limit), expected, rtol=0, atol=AGREEMENT)


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_agrees_with_libvmaf_at_every_depth(depth: int) -> None:
    frames = natural(320, 180, depth)
    assert_agrees(frames, worse(frames, depth), depth)


@pytest.mark.parametrize(
    ("width", "height"),
    [(16, 16), (17, 31), (33, 16), (200, 16), (16, 200), (127, 99), (128, 128), (129, 64), (257, 66), (1000, 37)],
)
def test_agrees_with_libvmaf_at_odd_and_tiny_sizes(width: int, height: int) -> None:
    frames = natural(width, height)
    assert_agrees(frames, worse(frames))


def patterns() -> dict[str, tuple[NDArray[np.integer], NDArray[np.integer]]]:
    rng = np.random.default_rng(1)
    shape = (1, 100, 150)
    flat = np.full(shape, 90, np.uint8)
    noise, other = rng.integers(0, 256, (2, *shape), np.uint8)
    board = (np.indices(shape[1:]).sum(axis=0) % 2 * 255).astype(np.uint8)[None]
    large = np.kron(board[:, :25, :38], np.ones((1, 4, 4), np.uint8))[:, :, :150]
    return {
        "identical": (noise, noise),
        "flat": (flat, flat),
        "flat, brighter": (flat, flat + 20),
        "flat reference": (flat, noise),
        "flat encode": (noise, flat),
        "black and white": (flat * 0, flat * 0 + 255),
        "black and noise": (flat * 0, noise),
        "noise and noise": (noise, other),
        "noise and its negative": (noise, 255 - noise),
        "checkerboard": (board, worse(board)),
        "checkerboard and its negative": (board, 255 - board),
        "large checkerboard": (large, worse(large)),
    }


@pytest.mark.parametrize("name", patterns())
def test_agrees_with_libvmaf_on_patterns(name: str) -> None:
    assert_agrees(*patterns()[name])


@pytest.mark.parametrize("gain_limit", [100.0, 1.0])
def test_a_gain_in_contrast_counts_up_to_the_limit(gain_limit: float) -> None:
    frames = natural(220, 150)
    sharper = (frames * 1.5 - 60).clip(0, 255).astype(np.uint8)
    assert_agrees(frames, sharper, gain_limit=gain_limit)
    assert np.all(scores(frames, sharper, gain_limit=gain_limit) > 1) == (gain_limit > 1)


def decoded(path: Path, frames: int) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray() for frame, _ in zip(container.decode(video=0), range(frames), strict=False)]
    return np.array(pictures)[:, : pictures[0].shape[0] * 2 // 3]


@pytest.mark.parametrize(("name", "crf"), [("bikes", 20), ("bikes", 45), ("bigbuckbunny", 32)])
def test_agrees_with_libvmaf_on_clips(name: str, crf: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source: Path = request.getfixturevalue(name)
    encode = tmp_path / "encode.mp4"
    ffmpeg_run("-i", source, "-frames:v", "3", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), encode)
    assert_agrees(decoded(source, 3), decoded(encode, 3))


def plain(reference: NDArray[np.integer], distorted: NDArray[np.integer]) -> list[float]:
    """The definition in float64, with scipy's filters."""
    x, y = reference.astype(float) - 128, distorted.astype(float) - 128
    found = []
    for scale, taps in enumerate(FILTERS):

        def mean(samples: NDArray, taps: NDArray = taps) -> NDArray:
            return correlate1d(correlate1d(samples, taps, 0, mode="mirror"), taps, 1, mode="mirror")

        if scale:
            rows, columns = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
            x, y = mean(x)[:rows:2, :columns:2], mean(y)[:rows:2, :columns:2]
        variance_x, variance_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
        covariance = np.maximum(mean(x * y) - mean(x) * mean(y), 0)
        gain = covariance / np.maximum(variance_x, NOISE)
        kept = np.log2(1 + gain**2 * variance_x / (np.maximum(variance_y - gain * covariance, 0) + NOISE))
        flat = variance_x < NOISE
        told = np.where(flat, 1, np.log2(1 + np.maximum(variance_x, 0) / NOISE))
        found.append(np.where(flat, 1 - variance_y * NOISE**2 / 255**2, kept).sum() / told.sum())
    return found


@settings(max_examples=40)
@given(width=st.integers(16, 300), height=st.integers(16, 70), seed=st.integers(0, 2**32 - 1))
def test_any_size_agrees_with_the_plain_definition(width: int, height: int, seed: int) -> None:
    # Noise of the full range is far from flat at every scale, so that roundings change no decision.
    rng = np.random.default_rng(seed)
    reference, added = rng.integers(0, 256, (2, height, width), np.uint8)
    distorted = (reference * 0.7 + added * 0.3).astype(np.uint8)
    found = Vif(width, height, 8, 1)(reference, distorted[None])[0]
    np.testing.assert_allclose(found, plain(reference, distorted), rtol=0, atol=2e-5)


@pytest.mark.parametrize("depth", [8, 10])
def test_encodes_do_not_influence_each_other_nor_the_next_frame(depth: int) -> None:
    first, second = natural(333, 77, depth)
    encodes = np.stack([worse(first[None], depth, blur=blur)[0] for blur in (0.6, 1.2, 2.4)])
    vif = Vif(333, 77, depth, 4)
    alone = [Vif(333, 77, depth, 1)(first, encode[None])[0] for encode in encodes]
    vif(second, np.stack([first] * 4))
    np.testing.assert_array_equal(vif(first, encodes), alone)
    np.testing.assert_array_equal(vif(first, encodes[:1])[0], alone[0])


def test_threads_with_an_instance_each_find_the_same() -> None:
    frames = natural(640, 90, frames=8)
    encodes = worse(frames)

    def measured(pair: tuple[NDArray, NDArray]) -> NDArray[np.float64]:
        return Vif(640, 90, 8, 1)(pair[0], pair[1][None])[0]

    with ThreadPoolExecutor(4) as pool:
        side_by_side = list(pool.map(measured, zip(frames, encodes, strict=True)))
    np.testing.assert_array_equal(side_by_side, scores(frames, encodes))


def test_rows_may_be_padded() -> None:
    frames = natural(150, 70)
    encodes = worse(frames)
    padded = np.full((2, 72, 192), 255, np.uint8)
    padded[:, :70, :150] = encodes
    wide = np.full((70, 160), 255, np.uint8)
    wide[:, :150] = frames[0]
    np.testing.assert_array_equal(
        Vif(150, 70, 8, 2)(wide[:, :150], padded[:, :70, :150]), Vif(150, 70, 8, 2)(frames[0], encodes)
    )


def test_what_cannot_be_measured_is_refused() -> None:
    frame = np.zeros((64, 64), np.uint8)
    with pytest.raises(ScoreError, match="not defined for 64x15; score pictures of at least 16x16"):
        Vif(64, 15, 8, 1)
    with pytest.raises(ScoreError, match="8, 10, 12 or 16 bits, not 9"):
        Vif(64, 64, 9, 1)
    with pytest.raises(ScoreError, match=r"VIF was given uint8 \(2, 64, 64\) where uint8 \(1, 64, 64\) was promised"):
        Vif(64, 64, 8, 1)(frame, np.stack([frame] * 2))
    with pytest.raises(ScoreError, match=r"VIF was given uint8 \(0, 64, 64\)"):
        Vif(64, 64, 8, 1)(frame, frame[None][:0])
    with pytest.raises(ScoreError, match=r"VIF was given uint8 \(63, 64\)"):
        Vif(64, 64, 8, 1)(frame[1:], frame[None])
    with pytest.raises(ScoreError, match=r"VIF was given uint8 .* where uint16 .* was promised"):
        Vif(64, 64, 10, 1)(frame, frame[None])
    with pytest.raises(
        ScoreError, match="VIF reads rows of adjacent samples, one below the other; copy the frame first"
    ):
        Vif(64, 64, 8, 1)(frame.T, frame[None])
    with pytest.raises(ScoreError, match="copy the frame first"):
        Vif(64, 64, 8, 1)(frame, frame[None, ::-1])


def test_rows_that_begin_amid_a_sample_are_refused() -> None:
    packed = np.zeros(64 * 129 + 1, np.uint8)
    amid = np.lib.stride_tricks.as_strided(packed.view(), (64, 128), (129, 1))[:, :128].view(np.uint16)
    with pytest.raises(ScoreError, match="VIF reads rows of adjacent samples"):
        Vif(64, 64, 10, 1)(amid, np.zeros((1, 64, 64), np.uint16))


def test_filters_are_those_of_the_definition() -> None:
    assert [taps.size for taps in FILTERS] == [17, 9, 5, 3]
    for taps in FILTERS:
        assert abs(taps.sum() - 1) < 1e-6  # float32
        np.testing.assert_array_equal(taps, taps[::-1])
