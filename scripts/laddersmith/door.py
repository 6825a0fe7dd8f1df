"""The way from a rule into the library: logs to the rule's log, and ends an error of ours as one sentence."""

import logging
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from .errors import LaddersmithError


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
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")],
        force=True,
    )
    log = logging.getLogger("laddersmith")
    log.info("rule %s %s", snakemake.rule, dict(snakemake.wildcards.items()))
    try:
        main(**{name: offered[name] for name in names})
    except LaddersmithError as error:
        log.error("%s\n%s", error, traceback.format_exc())
        sys.exit(f"{snakemake.rule}: {error}")
    except BaseException:
        log.error("%s", traceback.format_exc())
        raise
    own, programs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = (time.monotonic() - began, *(used.ru_utime + used.ru_stime for used in (own, programs)))
    log.info("took %.2f s; CPU seconds: own %.2f, programs %.2f", *seconds)
    log.info("done")
