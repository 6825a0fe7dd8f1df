"""Clips for the tests: generated ones of any shape, and the two demo titles."""

import os

# Two workers share the cores: linear algebra that takes all of them for itself would take many times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hashlib
from collections.abc import Callable
from pathlib import Path

import numba
import pytest
from clips import CACHE, KERNELS, demo_clip, ffmpeg_run
from hypothesis import settings
from laddersmith.quality import kernels

# Examples run real encoders and first imports: a time limit per example would only measure the machine.
settings.register_profile("laddersmith", deadline=None, print_blob=True)
settings.load_profile("laddersmith")

# numba itself notices a change in a kernel's own file alone; this folder is named after all that kernels are made of.
numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = str(KERNELS / kernels.fingerprint())
os.environ["XDG_CACHE_HOME"] = str(CACHE)


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """make_clip("name.mp4", "testsrc2=size=160x90:rate=25", frames=20, ...): a clip from a lavfi description."""
    folder = tmp_path_factory.mktemp("clips")

    def make(
        name: str, video: str, frames: int = 20, options: tuple[str, ...] = ("-c:v", "libx264", "-crf", "5")
    ) -> Path:
        shape = hashlib.sha256(repr((video, frames, options)).encode()).hexdigest()[:8]
        path = folder / shape / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            ffmpeg_run("-f", "lavfi", "-i", video, "-frames:v", str(frames), *options, path)
        return path

    return make


@pytest.fixture(scope="session")
def bikes() -> Path:
    return demo_clip("bikes")


@pytest.fixture(scope="session")
def bigbuckbunny() -> Path:
    return demo_clip("bigbuckbunny")
