"""Packages of the codecs beside the three of tests/unit/test_package.py, and of the one that cannot be packaged."""

import shlex

import package_kit
import pytest
from clips import ffmpeg_run
from encode_shots import QUICK
from laddersmith.__main__ import main
from laddersmith.encode import CODECS, Settings
from laddersmith.encode.rfc6381 import codecs_string
from laddersmith.errors import EncodeError, PackageError
from laddersmith.package.check import check_package

# What the manifests must say of them, up to what the level is.
STRINGS = {"libaom": "av01.0.", "rav1e": "av01.0.", "vp9": "vp09.00."}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """make(codecs): a title with a rung of each, encoded by the adapters' own arguments."""
    film = tmp_path / "film.mp4"
    ffmpeg_run("-f", "lavfi", "-i", package_kit.picture(), "-frames:v", "75", "-c:v", "libx264", film)

    def title(*codecs: str) -> package_kit.Title:
        for name in codecs:
            codec = CODECS[name]
            asked = Settings(QUICK[name], codec.pix_fmts[0], codec.knob.default_crfs[1], 25, 1, "25/1")
            monkeypatch.setitem(package_kit.FLAGS, name, shlex.join(codec.arguments(asked)))
        return package_kit.make_title(tmp_path, film, codecs=codecs)

    return title


def test_all_others_are_packaged_and_play_and_are_named_alike_by_the_packager_and_by_us(make, tmp_path):
    joined = make(*STRINGS, "x264", "x265", "svtav1").package(tmp_path / "package")
    told = {rung["codec"]: rung["codecs"] for rung in joined["rungs"]}
    assert all(told[codec].startswith(string) for codec, string in STRINGS.items())
    checked = check_package(tmp_path / "package", joined)
    assert checked.problems == []
    for rung in joined["rungs"]:
        assert codecs_string(tmp_path / "package" / rung["init"]) == rung["codecs"]
    assert [list(frames.values()) for frames in checked.frames.values()] == [[75] * 6, [75] * 6]


def test_the_string_of_h266_has_profile_tier_level_and_constraints(make, tmp_path, capsys):
    title = make("vvenc")
    [file] = (title.renditions / "vvenc").glob("*.mp4")
    # Main 10 (profile 1), main tier, level 1.0 (16), frames only: its constraint flags are 80 in hexadecimal.
    assert codecs_string(file) == "vvc1.1.L16.CQA"
    assert main(["codecs", "--string", str(file)]) == 0
    assert capsys.readouterr().out == f"vvc1.1.L16.CQA  {file}\n"
    (tmp_path / "text.mp4").write_bytes(b"not a film")
    with pytest.raises(EncodeError, match=r"text\.mp4: has no video track of H.264"):
        codecs_string(tmp_path / "text.mp4")


def test_what_the_packager_cannot_carry_is_refused_with_a_sentence(make, tmp_path):
    title = make("vvenc")
    message = (
        r"flash: vvenc cannot be packaged, for Shaka Packager does not read H.266; its renditions stand in .*vvenc: "
    )
    with pytest.raises(PackageError, match=message):
        title.package(tmp_path / "package")
    assert not (tmp_path / "package").exists()
