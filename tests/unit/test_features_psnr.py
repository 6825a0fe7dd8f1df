"""Squared error and PSNR: exact sums, libvmaf's figures and its cap."""

import csv
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith import ffmpeg
from laddersmith.quality.features.psnr import psnr, squared_error
from numpy.typing import NDArray


def exact(reference: NDArray[np.integer], distorted: NDArray[np.integer]) -> int:
    return int(((reference.astype(np.int64) - distorted) ** 2).sum())


@given(
    width=st.integers(1, 200),
    height=st.integers(1, 40),
    depth=st.sampled_from([8, 10, 12, 16]),
    seed=st.integers(0, 99),
)
def test_squared_error_is_exact(width: int, height: int, depth: int, seed: int) -> None:
    dtype = np.uint8 if depth == 8 else np.uint16
    reference, distorted = np.random.default_rng(seed).integers(0, 2**depth, (2, height, width)).astype(dtype)
    assert squared_error(reference, distorted) == squared_error(distorted, reference) == exact(reference, distorted)


def test_the_greatest_error_does_not_overflow() -> None:
    white, black = np.full((2160, 4096), 65535, np.uint16), np.zeros((2160, 4096), np.uint16)
    assert squared_error(white, black) == 65535**2 * white.size


def test_rows_may_be_padded() -> None:
    padded = np.random.default_rng(0).integers(0, 256, (2, 50, 80), np.uint8)
    reference, distorted = padded[:, :, :61]
    assert squared_error(reference, distorted) == exact(reference, distorted)


@pytest.mark.parametrize(("depth", "cap"), [(8, 60), (10, 72), (12, 84), (16, 108)])
def test_psnr_of_equal_planes_is_the_cap(depth: int, cap: int) -> None:
    assert psnr(0, 100, depth) == cap
    assert psnr(1, 10**12, depth) == cap
    assert psnr(100, 100, depth) == pytest.approx(20 * math.log10(2**depth - 1))


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_agrees_with_libvmaf(depth: int, tmp_path: Path) -> None:
    dtype = np.dtype("u1" if depth == 8 else "<u2")
    rng = np.random.default_rng(depth)
    reference = rng.integers(0, 2**depth, (3, 64, 96)).astype(dtype)
    distorted = np.clip(reference + rng.integers(-3, 4, reference.shape) * 2 ** (depth - 8), 0, 2**depth - 1).astype(
        dtype
    )
    inputs = []
    for name, planes in (("distorted", distorted), ("reference", reference)):
        (tmp_path / name).write_bytes(planes.tobytes())
        pixels = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
        inputs += ["-f", "rawvideo", "-pixel_format", pixels, "-video_size", "96x64", "-i", tmp_path / name]
    log = tmp_path / "log.csv"
    graph = f"[0:v][1:v]libvmaf=feature=name=psnr:log_fmt=csv:log_path={log}"
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", *map(str, inputs), "-lavfi", graph, "-f", "null", "-"], check=True
    )
    (row,) = csv.DictReader(log.open())
    for plane, name in enumerate(("psnr_y", "psnr_cb", "psnr_cr")):
        ours = psnr(squared_error(reference[plane], distorted[plane]), 96 * 64, depth)
        assert ours == pytest.approx(float(row[name]), abs=2e-6)  # the log has six decimals
