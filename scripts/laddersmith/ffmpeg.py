"""Running ffmpeg: found once, fed frames, bounded in time, never through a shell."""

import contextlib
import functools
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ToolError

TAIL_LINES = 12
MEND = "run `make env`, or mend IMAGEIO_FFMPEG_EXE"

# Sources come from strangers: only local files, only demuxers that open nothing beyond the file they are given.
PROTOCOLS = "file,pipe"
DEMUXERS = "mov,matroska,mpegts,mpeg,avi,flv,asf,mxf,ivf,obu,h264,hevc,yuv4mpegpipe,ogg,nut,wav,aac,mp3,flac,webvtt,srt"
SAFE_INPUT = ("-protocol_whitelist", PROTOCOLS, "-format_whitelist", DEMUXERS)


@dataclass(frozen=True)
class Finished:
    """What a program left behind: its stderr, wall seconds and CPU seconds (user + system)."""

    stderr: str
    wall_s: float
    cpu_s: float


@functools.cache
def executable() -> str:
    """Path of the ffmpeg binary of the locked environment.

    Raises
    ------
    ToolError
        If the environment has no ffmpeg.
    """
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ToolError(f"no ffmpeg in this environment ({error}); run `make env`") from error


@functools.cache
def build(program: str | None = None) -> str:
    """The full text of `ffmpeg -version`: release, compiler, configuration and library versions.

    `program` is a user's own ffmpeg, a path or a name on the PATH; none is that of the locked environment.
    """
    mend = "set `ffmpeg` in the config to one that does, or leave it out" if program else MEND
    text = _told(program, "-version", mend)
    if not text.startswith("ffmpeg version "):
        raise ToolError(f"{program or executable()} is no ffmpeg; {mend}")
    return text


def version(program: str | None = None) -> str:
    """The release of ffmpeg in use, `n9.0.2-17-g2a571b6068-20260930` say."""
    return build(program).split()[2]


@functools.cache
def encoders(program: str | None = None) -> frozenset[str]:
    """Names of the video encoders that this ffmpeg was built with."""
    build(program)
    listed = [line.split() for line in _told(program, "-encoders", MEND).splitlines()]
    return frozenset(words[1] for words in listed if len(words) > 2 and words[0].startswith("V") and words[1] != "=")


def _told(program: str | None, question: str, mend: str) -> str:
    """What ffmpeg prints of itself."""
    command = [program or executable(), "-hide_banner", question]
    try:
        return subprocess.run(
            command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        ).stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ToolError(f"{command[0]} does not run ({error}); {mend}") from error


def run(
    arguments: Sequence[str],
    *,
    what: str,
    frames: Iterable[bytes] = (),
    timeout_s: float = 3600.0,
    program: str | None = None,
    folder: Path | None = None,
) -> Finished:
    """Run ffmpeg with `arguments`, writing `frames` to its standard input.

    Parameters
    ----------
    arguments : what follows the name of the program; `-hide_banner -nostdin`-like settings are added here.
    what : where in the work this is, for the error's first words ("bikes, shot 3, x264 270p CRF 28").
    frames : raw pictures, each the bytes of one frame; none closes the input at once.
    timeout_s : wall seconds after which the program is killed.
    program : a user's own ffmpeg; none is that of the locked environment.
    folder : where the program is started, and paths that are not absolute begin; none is this process's own.

    Raises
    ------
    ToolError
        If the program fails, is killed, or takes longer than `timeout_s`; with the command and the tail of stderr.
    """
    named = program or executable()
    # A path is seen from here, a bare name is looked for on the PATH.
    command = [str(Path(named).absolute()) if os.sep in named else named, "-hide_banner", "-nostats", "-y", *arguments]
    late = threading.Event()
    with tempfile.TemporaryFile() as log:
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, cwd=folder
            )
        except (OSError, ValueError) as error:
            raise ToolError(f"{what}: ffmpeg could not be started ({error})\n{report(command, '')}") from error

        def kill() -> None:
            late.set()
            os.kill(process.pid, signal.SIGKILL)  # still ours: the child is reaped only after the watchdog has ended

        watchdog = threading.Timer(timeout_s, kill)
        watchdog.start()
        try:
            _feed(process, frames)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except BaseException:
            os.kill(process.pid, signal.SIGKILL)
            raise
        finally:
            watchdog.cancel()
            watchdog.join()
            status, usage = _wait(process)
        wall_s = time.monotonic() - started
        log.seek(0)
        stderr = log.read().decode(errors="replace")
    if late.is_set() and status != 0:
        raise ToolError(f"{what}: ffmpeg was stopped after {timeout_s:g} s without ending\n{report(command, stderr)}")
    if status != 0:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise ToolError(f"{what}: ffmpeg failed ({how}){_way_on(status, stderr)}\n{report(command, stderr)}")
    return Finished(stderr, wall_s, usage)


def _way_on(status: int, stderr: str) -> str:
    """What to do, where the cause lies outside ffmpeg and its arguments."""
    if "No space left on device" in stderr:
        return "; the disk is full: free space and run again"
    if status == -signal.SIGXFSZ or "File too large" in stderr:
        return "; its file would pass the limit on the size of files (ulimit -f): raise it and run again"
    if status in (-signal.SIGKILL, -signal.SIGTERM):
        return "; it was killed, by hand or because memory was used up: run again"
    return ""


def report(command: Sequence[str], stderr: str) -> str:
    """The command, quoted for a shell, and the last lines that it wrote to stderr."""
    tail = "\n".join(f"  | {line}" for line in stderr.strip().splitlines()[-TAIL_LINES:])
    return f"  command: {shlex.join(command)}\n{tail or '  | (nothing on stderr)'}"


def _feed(process: subprocess.Popen, frames: Iterable[bytes]) -> None:
    """Write the frames; a reader that has gone away is told by its exit status, not by a broken pipe."""
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            for frame in frames:
                process.stdin.write(frame)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _wait(process: subprocess.Popen) -> tuple[int, float]:
    """Exit status (negative: the signal) and CPU seconds of a child."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def temporary_beside(path: str | Path) -> Path:
    """A name in the folder of `path`, with its suffix, under which a file is written before it is renamed to `path`."""
    path = Path(path)
    return path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}.partial{path.suffix}")
