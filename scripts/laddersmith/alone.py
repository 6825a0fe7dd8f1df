"""One catalogue to a working folder: a lock that the kernel lets go of when its holder ends, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import IO

from .errors import RunError

LOCK = "results/catalogue/lock"
MARK = "LADDERSMITH_CATALOGUE"  # in the environment of the Snakemakes that a catalogue begins


def hold(folder: Path) -> IO[str]:
    """Take the folder's lock and keep it while the file is open, here or in a program that it was handed to.

    Raises
    ------
    RunError
        If another holds it.
    """
    path = folder / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise RunError(f"{path}: {_told()}") from None
    return file


def check_alone(folder: Path = Path()) -> None:
    """Nothing, for whoever a catalogue began, or where none is at work.

    Raises
    ------
    RunError
        If one is.
    """
    path = folder / LOCK
    if MARK in os.environ or not path.exists():
        return
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{path}: {_told()}") from None


def check_no_run(folder: Path) -> None:
    """Look for a Snakemake, or for a job that one left behind, at work in this folder on this machine.

    Raises
    ------
    RunError
        If there is one.
    """
    process = at_work(folder)
    if process is not None:
        raise RunError(
            f"{folder.resolve()}: Snakemake or one of its jobs (process {process}) is still at work in this folder; "
            "wait for it, or stop it, and run again"
        )


def at_work(folder: Path) -> int | None:
    """The process of a Snakemake, or of a job of one, at work in this folder on this machine; None without such."""
    here = folder.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() != here:
                continue
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")[:3]
        except OSError:
            continue
        if any(Path(word).name == "snakemake" or ".snakemake/scripts/" in word for word in words):
            return int(process.name)
    return None


def _told() -> str:
    return (
        "a catalogue, or a Snakemake that one began, is at work in this folder; `python -m laddersmith status` tells "
        "how far it is: wait for it, or stop it, and run again"
    )
