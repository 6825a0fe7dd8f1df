"""Which encoders can be used here, and why the others cannot."""

import json
from pathlib import Path

import pytest
from clips import ROOT
from encode_shots import NAMES, plan_table, shot_table, title
from laddersmith import ffmpeg
from laddersmith.__main__ import main
from laddersmith.encode import CODECS, usable
from laddersmith.encode.listing import listed, page
from laddersmith.encode.points import encode_points
from laddersmith.encode.usable import encoders_here, refusals
from laddersmith.errors import ToolError
from laddersmith.store import Store


@pytest.fixture
def own(tmp_path):
    """own(lines): an ffmpeg of one's own that says `lines` on stderr and fails where it is to encode."""

    def make(lines: str = "", *, without: str = "nothing") -> str:
        path = tmp_path / "ffmpeg"
        path.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *-encoders*) "{ffmpeg.executable()}" "$@" | grep -v {without}; exit;; esac\n'
            + (f"case \"$*\" in *-c:v*) cat >&2 <<'END'\n{lines}\nEND\nexit 1;; esac\n" if lines else "")
            + f'exec "{ffmpeg.executable()}" "$@"\n'
        )
        path.chmod(0o755)
        # Nothing that another test asked this path may be remembered.
        ffmpeg.build.cache_clear()
        ffmpeg.encoders.cache_clear()
        return str(path)

    yield make
    ffmpeg.build.cache_clear()
    ffmpeg.encoders.cache_clear()


def test_the_locked_ffmpeg_has_every_software_codec():
    assert encoders_here(None, NAMES) == dict.fromkeys(NAMES, "")
    assert refusals(None, NAMES) == []


@pytest.mark.parametrize(
    ("codec", "said", "why"),
    [
        ("h264_nvenc", "[h264_nvenc @ 0x55ac8214f500] Cannot load libcuda.so.1", "there is no NVIDIA driver here"),
        ("av1_nvenc", "[av1_nvenc @ 0x1] Cannot load nvcuda.dll", "there is no NVIDIA driver here"),
        (
            "hevc_nvenc",
            "[hevc_nvenc @ 0x1] Driver does not support the required nvenc API version. Required: 13.1 Found: 13.0",
            "the NVIDIA driver here is too old (NVENC API 13.0; this ffmpeg needs 13.1)",
        ),
        ("h264_nvenc", "OpenEncodeSessionEx failed: unsupported device (2)", "the NVIDIA GPU here has no encoder"),
        ("av1_nvenc", "[av1_nvenc @ 0x1] Codec not supported", "no NVIDIA GPU here has this encoder"),
        ("hevc_qsv", "[hevc_qsv @ 0x1] Error creating a MFX session: -9.", "there is no Intel GPU here, or its driver"),
        ("av1_amf", "[AMF @ 0x1] DLL libamfrt64.so.1 failed to open", "there is no AMD GPU here, or its AMF runtime"),
        (
            "x264",
            "[libx264 @ 0x1] [enc:libx264 @ 0x2] out of luck\nand more",
            "ffmpeg cannot run it (out of luck)",
        ),
    ],
)
def test_what_a_driver_says_becomes_a_sentence(codec, said, why, own):
    found = encoders_here(own(said), [codec])[codec]
    assert found.startswith(why)
    assert "\n" not in found


def test_hardware_that_is_not_here_is_told_apart_from_what_ffmpeg_lacks(own):
    program = own(without="libsvtav1")
    found = encoders_here(program, ["x264", "svtav1", "x264"])
    assert list(found) == ["x264", "svtav1"]
    assert found["x264"] == ""
    assert found["svtav1"].startswith(f"this ffmpeg ({ffmpeg.version()}) was built without libsvtav1; use one that has")
    assert refusals(program, ["svtav1"]) == [f"svtav1: {found['svtav1']}"]


def test_without_devices_no_encode_is_run(own):
    program = own("must not be asked", without="av1_nvenc")
    found = encoders_here(program, ["h264_nvenc", "av1_nvenc"], devices=False)
    assert found["h264_nvenc"] == ""
    assert "was built without av1_nvenc" in found["av1_nvenc"]


def test_an_encoder_that_hangs_is_given_up(own, monkeypatch):
    monkeypatch.setattr(usable, "TIMEOUT_S", 0.5)
    program = own("END\nexec sleep 60\ncat <<'END'")
    assert encoders_here(program, ["x264"])["x264"] == "it did not encode 2 frames in 0.5 s"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("/nowhere/ffmpeg", r"/nowhere/ffmpeg does not run \(.*set `ffmpeg` in the config"),
        ("echo", "echo is no ffmpeg"),
    ],
)
def test_what_is_no_ffmpeg_is_refused(program, message):
    with pytest.raises(ToolError, match=message):
        encoders_here(program, ["x264"])


def test_an_ffmpeg_of_ones_own_encodes_and_is_part_of_the_key(own, make_clip, tmp_path):
    clip = title(make_clip("own.mp4", "testsrc2=size=120x80:rate=25", 8), 120, 80, 8)
    program = own()
    calls = tmp_path / "calls"
    text = Path(program).read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$*" >> {calls}\n')
    Path(program).write_text(
        text.replace(
            f'exec "{ffmpeg.executable()}" "$@"',
            f"""case "$*" in *-version*)
        echo ffmpeg version my-own; exit;; esac\nexec "{ffmpeg.executable()}" "$@" """,
        )
    )

    def points(**changes):
        usual = {"title": "clip", "store": Store(tmp_path / "s"), "variants": {"v": {"threads": 1}}, "keyframe_s": 1.0}
        usual |= {"threads": 1, "timeout_s": 60.0, "frame_cache_mb": 1.0, "folder": tmp_path / "f"}
        return encode_points(clip, shot_table((0, 8)), plan_table("x264", [0], ["30"]), **(usual | changes))

    mine, locked = points(program=program), points()
    assert "-c:v libx264" in calls.read_text()
    assert ffmpeg.version(program) == "my-own"
    assert mine.key[0] != locked.key[0]
    assert mine.bytes[0] == locked.bytes[0]


def test_the_command_lists_them(tmp_path, capsys):
    assert main(["codecs", "x264", "h264_videotoolbox", "--json", str(tmp_path / "codecs.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["codec", "x264", "h264_videotoolbox"]
    assert lines[1].endswith("usable")
    assert "was built without h264_videotoolbox" in lines[2]
    told = json.loads((tmp_path / "codecs.json").read_text())
    assert told["schema"] == "laddersmith/codecs/1"
    assert told["ffmpeg"] == ffmpeg.version()
    assert [(row["codec"], row["usable"], row["more_is"]) for row in told["codecs"]] == [
        ("x264", True, "fewer bits"),
        ("h264_videotoolbox", False, "better"),
    ]
    with pytest.raises(SystemExit, match="2"):
        main(["codecs", "x246"])
    assert "there is no codec 'x246'; the choices are x264, x265" in capsys.readouterr().err


def test_the_page_says_what_the_adapters_say(capsys):
    assert main(["codecs", "--page"]) == 0
    assert capsys.readouterr().out == page()
    assert (ROOT / "docs" / "codecs.md").read_text() == page(), (
        "run python -m laddersmith codecs --page > docs/codecs.md"
    )


def test_every_fact_is_told():
    told = listed(dict.fromkeys(CODECS, ""))
    assert all(value not in ("", None, []) for row in told for key, value in row.items() if key != "why_not")
