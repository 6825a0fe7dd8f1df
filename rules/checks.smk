import os
import time

from laddersmith.alone import check_alone
from laddersmith.errors import LaddersmithError, RunError, ToolError
from laddersmith.folders import unwritable

STARTED = time.time()


def check_encoders():
    """Ends the run if an encoder that a title asks for cannot be used here.

    Where jobs run on other machines, whose hardware is not known here, only what ffmpeg was built with is checked.
    """
    from laddersmith.encode.usable import refusals

    asked = {
        codec: None for title in TITLES.values() for codec in codecs_of(config, title)
    }
    try:
        refused = refusals(config["ffmpeg"], asked, devices=workflow.local_exec)
    except ToolError as error:
        raise WorkflowError(str(error)) from None
    if refused:
        raise WorkflowError("\n".join(f"codec {sentence}" for sentence in refused))


def check_no_catalogue():
    """Ends the run if a catalogue is at work in this folder, unless that began it."""
    try:
        check_alone()
    except RunError as error:
        raise WorkflowError(str(error)) from None


def check_folders():
    """Ends the run if it cannot write where it must."""
    folders = ["results", "logs", "benchmarks", config["store"]["path"]]
    if sentence := unwritable(folders):
        raise WorkflowError(sentence)


def check_dates():
    """Ends the run if a source is dated in the future: Snakemake would drop all that is made of it."""
    latest = time.time() + 5
    ahead = [
        f"{title.title}: {title.path} is dated in the future; set the clock right, or touch the file"
        for title in TITLES.values()
        if os.path.isfile(title.path) and os.path.getmtime(title.path) > latest
    ]
    if ahead:
        raise WorkflowError("\n".join(ahead))


def tell_failures():
    """At the end of a run that failed: the summary of what there is, with the failed titles and why, here as well."""
    from laddersmith.report import summarise_what_is_there

    try:
        failed = summarise_what_is_there(Path(), TITLES, STARTED)
    except (OSError, LaddersmithError) as error:
        logger.error(f"the summary cannot be written: {error}")
        return
    lines = [f"  {one.title}, {one.rule}: {one.sentence}" for one in failed]
    if lines:
        count = f"{len(lines)} of {len(TITLES)} titles failed (results/summary.html):"
        logger.error("\n".join([count, *lines]))
