"""Exports run by Debian's own encoders, compared with the stitched rendition."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import av1an
import pytest
from clips import ffmpeg_run
from export_kit import CRFS, SIZE_PCT, VMAF, Rung, assert_like, made_by, make_rung, size
from laddersmith import ffmpeg
from laddersmith.package.exports import qpfile, x264_first_qp
from laddersmith.quality import score

pytestmark = pytest.mark.system
PROGRAMS = {"x264": "x264", "x265": "x265", "svtav1": "SvtAv1EncApp"}
# Debian's SVT-AV1 1.4 is years older than the locked one, and spends other bits at the same preset and CRF.
OTHER_RELEASE = ("svtav1",)


def needed(program: str) -> None:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is missing; `make test-system` installs it when run as root on Debian")


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p10le"])
def test_zones_and_the_qpfile_make_the_rendition_by_the_command_line(bikes, tmp_path, pix_fmt):
    needed("x264")
    rung = make_rung("x264", bikes, tmp_path, pix_fmt=pix_fmt)
    out = made_by(rung.folder / "whole.sh", rung.clip, tmp_path / "out.mp4")
    assert_like(out, rung)
    assert stream(out) == stream(rung.rendition)


@pytest.mark.parametrize("preset_depth", [("medium", 8), ("medium", 10), ("superfast", 8)])
def test_the_first_quantiser_is_the_one_that_x264_takes(bikes, tmp_path, preset_depth):
    needed("x264")
    preset, depth = preset_depth
    pix_fmt = "yuv420p10le" if depth == 10 else "yuv420p"
    small = ["-vf", f"scale=320:136,format={pix_fmt}", "-frames:v", "40", "-strict", "-1", "-f", "yuv4mpegpipe"]
    ffmpeg_run("-i", bikes, *small, tmp_path / "in.y4m")
    free, forced = (first_qp(tmp_path, preset, depth, more) for more in ([], forcing(tmp_path, preset, depth)))
    assert abs(free - forced) < 0.6  # a qpfile takes whole numbers


def forcing(folder: Path, preset: str, depth: int) -> list[str]:
    (folder / "qpfile").write_text(qpfile([0], {0: x264_first_qp("29", preset, depth)}))
    return ["--qpfile", str(folder / "qpfile")]


def first_qp(folder: Path, preset: str, depth: int, more: list[str]) -> float:
    """The mean quantiser of x264's first picture, as it tells."""
    own = ["--preset", preset, "--crf", "29", "--threads", "1", "--no-scenecut", "--output-depth", str(depth)]
    files = ["--demuxer", "y4m", "-o", str(folder / "out.264"), str(folder / "in.y4m")]
    done = subprocess.run(["x264", *own, *more, "-v", *files], capture_output=True, text=True)
    found = re.search(r"frame=   0 QP=([\d.]+)", done.stderr)
    assert found, done.stderr
    return float(found[1])


@pytest.mark.parametrize("codec", sorted(PROGRAMS))
def test_av1ans_scenes_make_the_rendition(bikes, tmp_path, codec):
    needed(PROGRAMS[codec])
    rung = make_rung(codec, bikes, tmp_path / "made")
    total, decoded = encoded(rung, tmp_path, "scale=320:136:flags=bicubic", "yuv420p")
    scores = score(rung.clip, [rung.rendition, decoded], engine="libvmaf")
    ours, theirs = scores.groupby("distorted", sort=False)["vmaf"].mean().tolist()
    assert abs(theirs - ours) <= VMAF
    if codec not in OTHER_RELEASE:
        assert abs(total / size(rung.rendition) - 1) * 100 <= SIZE_PCT


@pytest.mark.parametrize("codec", sorted(PROGRAMS))
def test_the_encoders_take_depth_colours_and_caps(tmp_path, codec):
    needed(PROGRAMS[codec])
    clip = tmp_path / "a.mp4"
    said = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709:chroma_location=topleft"
    moving = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", "30"]
    ffmpeg_run(*moving, "-vf", f"format=yuv420p10le,setparams={said}", "-c:v", "libx264", clip)
    capped = {"maxrate_kbps": 300.0, "bufsize_kbps": 600.0}
    rung = make_rung(codec, clip, tmp_path / "made", pix_fmt="yuv420p10le", spans=[(0, 30)], **capped)
    encoded(rung, tmp_path, "scale=320:180:flags=bicubic", "yuv420p10le")
    part = next(tmp_path.glob("00000.*"))
    for word in ("yuv420p10le", "tv", "bt709"):
        assert word in stream(part)


def encoded(rung: Rung, folder: Path, scale: str, pix_fmt: str) -> tuple[int, Path]:
    made = json.loads((rung.folder / "scenes.json").read_text())
    assert {scene["zone_overrides"]["encoder"] for scene in made["scenes"]} <= {"x264", "x265", "svt_av1"}
    assert len(made["scenes"]) <= len(CRFS[rung.codec])
    return av1an.encode(made, rung.clip, scale, pix_fmt, folder)


def stream(path: Path) -> str:
    """Pixel format and colours, as ffmpeg tells them."""
    done = subprocess.run([ffmpeg.executable(), "-hide_banner", "-i", str(path)], capture_output=True, text=True)
    found = re.search(r"Video: .*?, (\w+\([^)]*\)|\w+), \d+x\d+", done.stderr)
    assert found, done.stderr
    return found[1]
