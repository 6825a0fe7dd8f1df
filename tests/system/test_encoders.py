"""Exports run by Debian's own x264, compared with the stitched rendition."""

import shutil

import pytest
from export_kit import assert_like, make_rung, run

pytestmark = pytest.mark.system


def test_zones_and_the_qpfile_make_the_rendition_by_the_command_line(bikes, tmp_path):
    if shutil.which("x264") is None:
        pytest.fail("x264 is missing; `make test-system` installs it when run as root on Debian")
    rung = make_rung("x264", bikes, tmp_path)
    assert_like(run(rung.folder / "whole.sh", rung.clip, tmp_path / "out.mp4"), rung)
