"""The streams of every software codec are decoded and scored by both engines."""

import pytest
from clips import ffmpeg_run
from encode_shots import BT709, NAMES, settings, title
from laddersmith import source
from laddersmith.encode import CODECS
from laddersmith.encode.run import arguments, encode
from laddersmith.quality import score

FRAMES = 6
# Against libvmaf's float model: its integer one rounds by up to 0.15 on pictures as small as these.
APART = 0.01


@pytest.fixture(scope="module")
def encoded(bikes, tmp_path_factory):
    """The reference, and an encode of it by every codec."""
    folder = tmp_path_factory.mktemp("scored")
    media = title(bikes, 640, 272, 250)
    tags = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709:chroma_location=left"
    lossless = ["-vf", f"scale=160:68,{tags}", "-frames:v", str(FRAMES), "-c:v", "libx264", "-qp", "0"]
    ffmpeg_run("-i", bikes, *lossless, folder / "reference.mp4")
    for name in NAMES:
        asked = settings(name)
        frames = source.frames(media, 0, FRAMES, width=160, height=68, pix_fmt=asked.pix_fmt)
        given = arguments(CODECS[name], asked, BT709, 160, 68)
        encode(given, frames, folder / f"{name}.mp4", what="a test", timeout_s=60)
    return folder / "reference.mp4", [folder / f"{name}.mp4" for name in NAMES]


def test_both_engines_score_every_codec(encoded):
    reference, files = encoded
    ours = score(reference, files, engine="numba")
    theirs = score(reference, files, engine="libvmaf", model="vmaf_float_v0.6.1")
    assert list(ours.groupby("distorted", sort=False).size()) == [FRAMES] * len(NAMES)
    assert (ours.distorted == theirs.distorted).all()
    assert (ours.vmaf - theirs.vmaf).abs().max() < APART
    assert ours.groupby("distorted").vmaf.mean().between(40, 99.9).all()
