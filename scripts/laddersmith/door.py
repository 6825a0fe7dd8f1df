"""The way from a rule into the library: logs to the rule's log, and ends an error of ours as one sentence."""

import contextlib
import errno
import logging
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from .errors import LaddersmithError
from .pulse import beat, process_line

AGAIN = "then run again: what was finished is kept"
REMEDIES = {
    errno.ENOSPC: "the disk is full; free space",
    errno.EDQUOT: "the quota of this disk is used up; free space",
    errno.EFBIG: "the file would pass the limit on the size of files (ulimit -f); raise it",
    errno.EROFS: "the disk is read-only; mount it for writing, or work in another folder",
    errno.EACCES: "permission is lacking; give it to the user who runs this",
    errno.EPERM: "permission is lacking; give it to the user who runs this",
    errno.EIO: "the disk or the way to it fails; see to it",
    errno.ESTALE: "the network's file system lost the file; see to it",
    errno.EMFILE: "too many files are open (ulimit -n); raise the limit",
    errno.ENOMEM: "memory is used up; give the job more",
}


def door(main: Callable[..., None], snakemake: Any) -> None:
    """Call `main` with the rule's named inputs, outputs, params and wildcards as keyword arguments.

    `threads` and `config` are passed when `main` takes them; from the config come only settings that change no
    result (paths, time limits), since a change of those must rerun nothing. The log file gets every message and,
    on an error, the traceback; the terminal gets the message alone. The log's last line but one is what the job took,
    for `search.rates` to read.
    """
    began = time.monotonic()
    names = main.__code__.co_varnames[: main.__code__.co_argcount + main.__code__.co_kwonlyargcount]
    offered: dict[str, Any] = {"threads": snakemake.threads, "config": snakemake.config}
    for given in (snakemake.wildcards, snakemake.params, snakemake.input, snakemake.output):
        offered |= dict(given.items())
    try:
        file = logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")
    except OSError as error:
        sys.exit(f"{snakemake.rule}: {told(error)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[file], force=True)
    log = logging.getLogger("laddersmith")
    log.info("rule %s %s", snakemake.rule, dict(snakemake.wildcards.items()))
    log.info("%s", process_line())
    beat(snakemake.log[0])
    signal.signal(signal.SIGTERM, _stopped)
    try:
        main(**{name: offered[name] for name in names})
    except (LaddersmithError, OSError, MemoryError) as error:
        sentence = told(error)
        log.error("%s\n%s", sentence, traceback.format_exc())
        sys.exit(f"{snakemake.rule}: {sentence}")
    except KeyboardInterrupt:
        log.error("interrupted; run again, what was finished is kept")
        sys.exit(130)
    except BaseException:
        log.error("%s", traceback.format_exc())
        raise
    own, programs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = (time.monotonic() - began, *(used.ru_utime + used.ru_stime for used in (own, programs)))
    log.info("took %.2f s; CPU seconds: own %.2f, programs %.2f", *seconds)
    log.info("done")


def told(error: BaseException) -> str:
    """An error as one sentence with a way on; of ours, its own words."""
    if isinstance(error, MemoryError):
        return f"memory is used up; give the job more (resources mem_mb), {AGAIN}"
    if isinstance(error, LaddersmithError) or not isinstance(error, OSError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    remedy = REMEDIES.get(error.errno or 0, f"{error.strerror or error}; see to it")
    return f"{where}{remedy}, {AGAIN}"


def _stopped(*_: Any) -> None:
    """On SIGTERM: say so in the log at once, since SIGKILL may follow, then unwind; what is in flight may finish."""
    with contextlib.suppress(RuntimeError):
        logging.getLogger("laddersmith").error(
            "was told to stop (SIGTERM: cancelled, or past its wall time); run again with more time where it was that, "
            "what was finished is kept"
        )
    sys.exit(143)
