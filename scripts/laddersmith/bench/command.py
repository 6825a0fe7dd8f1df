"""Running a command whole, and seeing what it took."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ToolError

EVERY_S = 0.02


def peak_mb(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """The greatest resident memory of a command's process, in MiB, without its children's.

    The kernel's own figure for a finished child begins at the size of its parent, so the process is watched instead.

    Raises
    ------
    ToolError
        If it fails; with the tail of what it said.
    """
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told, env=dict(environment))
        peak = 0
        while process.poll() is None:
            peak = max(peak, _high_water_kb(process.pid))
            time.sleep(EVERY_S)
        told.seek(0)
        stderr = told.read().decode(errors="replace")
    if process.returncode:
        raise ToolError(f"{' '.join(command[1:4])} ended with {process.returncode}:\n{stderr[-3000:]}")
    return peak / 1024


def _high_water_kb(pid: int) -> int:
    """VmHWM of a running process, in KiB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
