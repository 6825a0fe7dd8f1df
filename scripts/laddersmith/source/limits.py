"""Bounds on work done with files from strangers: memory that a decoder may take, seconds that it may run."""

import logging
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SourceError

# Sixteen 8K pictures of 10-bit 4:2:2 in the decoder, as many again in its threads, and the encoder of the mezzanine.
MEMORY_MB = 6000
MAX_SIDE = 16384
MAX_PIXELS = 8192 * 8192


@contextmanager
def bounded(memory_mb: float, seconds: float, what: str) -> Iterator[None]:
    """Run a block in this process, and the children it starts, under a memory and a time limit.

    Parameters
    ----------
    memory_mb : megabytes that may be allocated beyond what the process holds on entry (RLIMIT_DATA, which
        Linux applies to every private writable mapping; other systems may ignore it). A child gets the same limit.
    seconds : wall time after which the whole process ends with exit status 1 and one sentence on stderr and in the
        log; meant for a decoder that is stuck in native code, where no exception can reach it.
    what : the sentence's first words ("bikes: probing /films/bikes.mp4").

    Raises
    ------
    SourceError
        If an allocation fails within the block.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _data_bytes() + int(memory_mb * 1024**2)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    watchdog = threading.Timer(seconds, _end, [f"{what}: not done after {seconds:g} s, given up; raise the time limit"])
    watchdog.daemon = True
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    watchdog.start()
    try:
        yield
    except MemoryError as error:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        raise SourceError(f"{what}: needs more than {memory_mb:g} MB of memory beyond the start's; refused") from error
    finally:
        watchdog.cancel()
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def check_geometry(path: object, width: int, height: int) -> None:
    """Refuse pictures that nobody streams, before anything is allocated for them.

    Raises
    ------
    SourceError
        If a side is below 16 or above 16384 pixels, or the picture has more than 8192 x 8192.
    """
    if width < 16 or height < 16:
        raise SourceError(f"{path}: a picture of {width}x{height} is too small to encode; 16x16 is the least")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise SourceError(
            f"{path}: a picture of {width}x{height} is refused; "
            f"at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all"
        )


def _end(sentence: str) -> None:
    if logging.getLogger().handlers:
        logging.getLogger("laddersmith").error(sentence)
        logging.shutdown()
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(1)


def _data_bytes() -> int:
    """Private writable memory that the process holds; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:")), 0)
