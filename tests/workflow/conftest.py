"""Clips and workplaces for the workflow tests."""

from pathlib import Path

import pytest
from workplace import Workplace, whole_run, workplace_like


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs begin first, as they last longest; those that look at the finished one share a process, and it."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("finished"))


@pytest.fixture(scope="session")
def two_shots(make_clip) -> Path:
    """160x68, 25 fps, 40 frames: a test picture, a hard cut at frame 22, its scrolling negative."""
    return make_clip(
        "two-shots.mp4",
        "testsrc2=size=160x68:rate=25,trim=end_frame=22,format=yuv420p[a];"
        "testsrc2=size=160x68:rate=25,negate,scroll=h=0.05:v=0.03,trim=end_frame=18,format=yuv420p[b];[a][b]concat",
        frames=40,
    )


@pytest.fixture(scope="session")
def finished(tmp_path_factory, two_shots) -> Workplace:
    """A title that was brought to its gate. Tests may look, and run it again, but change nothing."""
    return whole_run(tmp_path_factory.mktemp("finished") / "work", two_shots)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return workplace_like(tmp_path / "work")
