"""Packages of the codecs beside the three of tests/unit/test_package.py, and of the one that it cannot carry."""

import shlex

import av
import package_kit
import pytest
from clips import ffmpeg_run
from encode_shots import QUICK
from jsonschema import Draft202012Validator
from laddersmith.__main__ import main
from laddersmith.encode import CODECS, Settings
from laddersmith.encode.rfc6381 import codecs_string
from laddersmith.errors import EncodeError
from laddersmith.package.check import check_package
from laddersmith.schema import load

# What the manifests must say of them, up to what the level is.
STRINGS = {"libaom": "av01.0.", "rav1e": "av01.0.", "vp9": "vp09.00."}


def _flags(name: str) -> list[str]:
    codec = CODECS[name]
    return codec.arguments(Settings(QUICK[name], codec.pix_fmts[0], codec.knob.default_crfs[1], 25, 1, "25/1"))


@pytest.fixture
def make(tmp_path, monkeypatch):
    """make(codecs): a title with a rung of each, encoded by the adapters' own arguments."""
    film = tmp_path / "film.mp4"
    ffmpeg_run("-f", "lavfi", "-i", package_kit.picture(), "-frames:v", "75", "-c:v", "libx264", film)

    def title(*codecs: str) -> package_kit.Title:
        for name in codecs:
            monkeypatch.setitem(package_kit.FLAGS, name, shlex.join(_flags(name)))
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


def test_what_the_packager_cannot_carry_becomes_progressive_files_beside_the_others(make, tmp_path):
    joined = make("vvenc", "x264").package(tmp_path / "package")
    faults = sorted(Draft202012Validator(load("package")).iter_errors(joined), key=str)
    assert faults == []
    [rung], [whole] = joined["rungs"], joined["progressive"]
    assert (rung["codec"], whole["codec"]) == ("x264", "vvenc")
    assert whole["file"] == f"progressive/vvenc/{whole['name']}.mp4"
    assert whole["reason"] == "Shaka Packager does not read H.266"
    assert whole["codecs"] == "vvc1.1.L16.CQA"
    assert whole["verified"]["ok"]
    assert "SCORE" not in (tmp_path / "package/master.m3u8").read_text()
    file = tmp_path / "package" / whole["file"]
    assert file.stat().st_size == whole["bytes"]
    assert check_package(tmp_path / "package", joined).problems == []
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])
    [problem] = check_package(tmp_path / "package", joined).problems
    assert problem.startswith(f"{whole['file']}: ")
    short = joined | {"source": joined["source"] | {"frames": 74}}
    file.write_bytes(data)
    message = f"{whole['file']}: vvenc/{whole['name']} gives 75 frames, but the title has 74"
    assert message in check_package(tmp_path / "package", short).problems


def test_a_title_of_nothing_else_has_no_manifests(make, tmp_path):
    joined = make("vvenc").package(tmp_path / "package")
    assert sorted(Draft202012Validator(load("package")).iter_errors(joined), key=str) == []
    assert (joined["master"], joined["manifest"], joined["rungs"]) == (None, None, [])
    assert check_package(tmp_path / "package", joined).problems == []
    found = sorted(path.relative_to(tmp_path / "package").as_posix() for path in (tmp_path / "package").rglob("*.*"))
    assert found == ["ladder.json", joined["progressive"][0]["file"]]


def test_a_progressive_file_has_the_titles_sound_and_text(tmp_path, monkeypatch):
    film, cues = tmp_path / "film.mkv", tmp_path / "cues.srt"
    cues.write_text("1\n00:00:01,000 --> 00:00:02,000\nBeep\n")
    sound = ["-f", "lavfi", "-i", package_kit.sound()]
    names = ["-metadata:s:a:0", "language=deu", "-metadata:s:s:0", "language=eng"]
    ffmpeg_run("-f", "lavfi", "-i", package_kit.picture(), *sound, "-i", cues, "-frames:v", "75", *names, film)
    monkeypatch.setitem(package_kit.FLAGS, "vvenc", shlex.join(_flags("vvenc")))
    joined = package_kit.make_title(tmp_path, film, codecs=("vvenc",)).package(tmp_path / "package")
    file = tmp_path / "package" / joined["progressive"][0]["file"]
    with av.open(str(file)) as container:
        kinds = [(stream.type, stream.language) for stream in container.streams]
    assert kinds == [("video", "und"), ("audio", "deu"), ("subtitle", "eng")]
    # An AAC frame (21 ms) and a picture (40 ms) at the most between what is seen and what is heard.
    assert abs(package_kit.flash_s(file) - package_kit.beep_s(file)) < 0.061
    assert joined["audio"][0]["playlist"] is None
    assert check_package(tmp_path / "package", joined).problems == []
