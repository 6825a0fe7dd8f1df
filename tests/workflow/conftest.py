"""Clips and workplaces for the workflow tests."""

import json
from pathlib import Path

import pytest
from workplace import TINY, Workplace


@pytest.fixture(scope="session")
def two_shots(make_clip) -> Path:
    """160x90, 25 fps, 40 frames: a test picture, a hard cut at frame 22, a mandelbrot."""
    return make_clip(
        "two-shots.mp4",
        "testsrc2=size=160x90:rate=25,trim=end_frame=22,format=yuv420p[a];"
        "mandelbrot=size=160x90:rate=25,trim=end_frame=18,format=yuv420p[b];[a][b]concat",
        frames=40,
    )


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "work", json.loads(json.dumps(TINY)))
