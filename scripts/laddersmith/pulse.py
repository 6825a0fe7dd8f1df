"""Whether the job that writes a log still lives: its process, or on another machine the beat of its log's date."""

import os
import platform
import re
import threading
import time
from pathlib import Path

BEAT_S = 60.0
LOST_S = 300.0  # five beats: a busy process may be late, network file systems show a time stamp late
PROCESS = re.compile(r"INFO process (\d+) on (\S+), begun (\d+)$", re.MULTILINE)


def process_line() -> str:
    """What a job writes into its log so that `lives` finds it: its process, its machine, and when it was begun."""
    return f"process {os.getpid()} on {platform.node()}, begun {_begun(os.getpid())}"


def beat(log: str | Path, every_s: float = BEAT_S) -> None:
    """Set the log's time stamp to now, again and again until this process ends."""

    def go_on() -> None:
        while True:
            time.sleep(every_s)
            try:
                os.utime(log)
            except OSError:
                return

    threading.Thread(target=go_on, name="pulse", daemon=True).start()


def lives(log: Path, text: str) -> bool:
    """Whether the job of a log that does not end yet is at work.

    On this machine its process is looked for; its number may have been given away anew, so the time of its beginning
    must be the same. Of another machine, or where the log does not name the process, the log's time stamp must be
    younger than LOST_S seconds; the clocks are taken to agree.
    """
    found = PROCESS.search(text)
    if found and found[2] == platform.node():
        return _begun(int(found[1])) == int(found[3])
    try:
        return time.time() - log.stat().st_mtime < LOST_S
    except OSError:
        return False


def _begun(process: int) -> int:
    """Clock ticks from the machine's start to the process's (proc(5), stat, field 22); -1 where there is none."""
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return -1
    # The second field, the program's name, may hold blanks and brackets.
    state, *rest = told.rpartition(")")[2].split()
    return -1 if state == "Z" else int(rest[18])
