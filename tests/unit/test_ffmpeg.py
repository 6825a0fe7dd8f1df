import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from laddersmith import ffmpeg
from laddersmith.errors import ToolError

RAW = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", "96x64", "-r", "25", "-i", "pipe:0")
FRAME = bytes(96 * 64)


def frames(count: int):
    return (FRAME for _ in range(count))


@pytest.fixture
def program(tmp_path, monkeypatch):
    """program("sleep 60"): a shell script that stands in for ffmpeg, to hang, fail or write as no ffmpeg would."""

    def stand_in(body: str) -> Path:
        path = tmp_path / "ffmpeg-stand-in"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setattr(ffmpeg, "executable", lambda: str(path))
        return path

    yield stand_in
    ffmpeg.build.cache_clear()


def test_frames_reach_ffmpeg_and_its_work_is_timed(tmp_path):
    out = tmp_path / "out.gray"
    done = ffmpeg.run([*RAW, "-f", "rawvideo", str(out)], what="here", frames=frames(7))
    assert out.read_bytes() == FRAME * 7
    assert done.wall_s > 0 and done.cpu_s > 0 and "rawvideo" in done.stderr


def test_a_command_without_frames_reads_its_own_input(tmp_path):
    out = tmp_path / "out.gray"
    colour = ["-f", "lavfi", "-i", "color=size=96x64", "-frames:v", "2", "-pix_fmt", "gray"]
    ffmpeg.run([*colour, "-f", "rawvideo", str(out)], what="here")
    assert out.stat().st_size == 2 * len(FRAME)


def test_a_failing_command_is_shown_whole_with_its_last_words(tmp_path):
    missing = tmp_path / "no such; file.mp4"
    with pytest.raises(ToolError, match=r"bikes, shot 3: ffmpeg failed \(exit status \d+\)") as caught:
        ffmpeg.run(["-i", str(missing), "-f", "null", "-"], what="bikes, shot 3")
    text = str(caught.value)
    assert f"-i '{missing}' -f null -" in text and "No such file or directory" in text


def test_only_the_tail_of_a_long_complaint_is_shown(program):
    program("seq 1 500 >&2; exit 3")
    with pytest.raises(ToolError, match=r"exit status 3") as caught:
        ffmpeg.run([], what="here")
    assert str(caught.value).splitlines()[2:] == [f"  | {i}" for i in range(501 - ffmpeg.TAIL_LINES, 501)]


def test_a_silent_failure_says_so_and_bytes_that_are_no_text_are_shown(program):
    program("exit 4")
    with pytest.raises(ToolError, match="nothing on stderr"):
        ffmpeg.run([], what="here")
    program(r"printf '\377bad\n' >&2; exit 4")
    with pytest.raises(ToolError, match="�bad"):
        ffmpeg.run([], what="here")


def test_a_killed_program_names_the_signal(program):
    program("kill -9 $$")
    with pytest.raises(ToolError, match=r"ffmpeg failed \(signal 9\)"):
        ffmpeg.run([], what="here")


def test_a_program_that_hangs_is_stopped():
    started = time.monotonic()
    endless = ["-re", "-f", "lavfi", "-i", "testsrc=size=96x64", "-f", "null", "-"]
    with pytest.raises(ToolError, match=r"here: ffmpeg was stopped after 0.5 s without ending\n  command: "):
        ffmpeg.run(endless, what="here", timeout_s=0.5)
    assert (
        time.monotonic() - started < 10
    )  # seconds: far below the clip's endless length, far above a busy machine's delay


def test_a_program_that_reads_nothing_is_stopped_while_it_is_fed(program):
    program("exec sleep 60")
    with pytest.raises(ToolError, match=r"was stopped after 0\.5 s"):
        ffmpeg.run([], what="here", frames=frames(100), timeout_s=0.5)


def test_a_reader_that_goes_away_is_told_by_its_exit_status(program):
    program("exec 0<&-; echo enough >&2; exit 5")
    with pytest.raises(ToolError, match=r"exit status 5(.|\n)*enough"):
        ffmpeg.run([], what="here", frames=frames(100))


def test_a_reader_that_wants_fewer_frames_is_no_error(tmp_path):
    out = tmp_path / "out.gray"
    ffmpeg.run([*RAW, "-frames:v", "2", "-f", "rawvideo", str(out)], what="here", frames=frames(500))
    assert out.stat().st_size == 2 * len(FRAME)


@pytest.mark.parametrize("error", [ValueError("no more"), KeyboardInterrupt()])
def test_an_error_of_the_frames_ends_the_program_and_is_passed_on(program, tmp_path, error):
    program(f"echo $$ > {tmp_path}/pid; exec cat")

    def broken():
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            yield FRAME
        raise error

    with pytest.raises(type(error)):
        ffmpeg.run([], what="here", frames=broken())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_cannot_be_started_is_an_error_of_ours(monkeypatch):
    monkeypatch.setattr(ffmpeg, "executable", lambda: "/nowhere/ffmpeg")
    with pytest.raises(ToolError, match=r"here: ffmpeg could not be started .*No such file"):
        ffmpeg.run(["-version"], what="here")
    ffmpeg.build.cache_clear()
    with pytest.raises(ToolError, match="/nowhere/ffmpeg does not run"):
        ffmpeg.build()
    ffmpeg.build.cache_clear()


def test_an_argument_that_no_program_can_take_is_an_error_of_ours():
    with pytest.raises(ToolError, match=r"could not be started \(embedded null byte\)"):
        ffmpeg.run(["-i", "a\0b"], what="here")


def test_an_environment_without_ffmpeg_says_how_to_get_it(monkeypatch):
    import imageio_ffmpeg

    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    ffmpeg.executable.cache_clear()
    with pytest.raises(ToolError, match=r"no ffmpeg in this environment .* run `make env`"):
        ffmpeg.executable()
    ffmpeg.executable.cache_clear()


def test_the_version_is_the_release_in_the_full_text():
    assert ffmpeg.version() in ffmpeg.build().splitlines()[0]
    assert ffmpeg.version().lstrip("n")[0].isdigit()


def test_a_playlist_from_a_stranger_opens_nothing(tmp_path):
    secret = tmp_path / "secret.ts"
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=96x64", "-t", "2", secret],
        check=True,
    )
    for name, text in [
        ("list.mp4", f"ffconcat version 1.0\nfile {secret.name}\n"),
        ("list.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n"),
    ]:
        hostile = tmp_path / name
        hostile.write_text(text)
        plain = subprocess.run(
            [ffmpeg.executable(), "-v", "error", "-i", hostile, "-f", "null", "-"], capture_output=True, text=True
        )
        assert plain.returncode == 0, f"{name} is no playlist at all, so refusing it shows nothing: {plain.stderr}"
        with pytest.raises(ToolError, match="here: ffmpeg failed"):
            ffmpeg.run([*ffmpeg.SAFE_INPUT, "-i", str(hostile), "-f", "null", "-"], what="here")


def test_a_kill_in_mid_write_leaves_nothing_under_the_final_name(tmp_path):
    final = tmp_path / "shot.mp4"
    writer = (
        "import sys, time; from pathlib import Path; from laddersmith.ffmpeg import temporary_beside\n"
        "partial = temporary_beside(sys.argv[1]); partial.write_bytes(b'half')\n"
        "print(partial, flush=True); time.sleep(60)"
    )
    scripts = Path(ffmpeg.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", writer, final],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(scripts)},
    ) as process:
        assert process.stdout is not None
        partial = Path(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
    assert partial.parent == final.parent and partial.suffix == ".mp4" and partial.name.startswith(".")
    assert partial.read_bytes() == b"half" and not final.exists()
