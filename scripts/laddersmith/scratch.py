"""A folder on the machine's own disk, for files that are written here and kept elsewhere."""

import contextlib
import fcntl
import logging
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import StoreError

log = logging.getLogger(__name__)

PREFIX = "laddersmith-scratch-"
LOCK = ".lock"


@contextlib.contextmanager
def scratch_folder(setting: str | None) -> Iterator[Path | None]:
    """A new folder of this process's own in the one that the config's `scratch` names, gone afterwards; None for none.

    What killed jobs left behind is removed: each holds a lock in its folder, which the kernel drops with the process.

    Parameters
    ----------
    setting : a path, in which "$NAME" stands for a variable of this machine.

    Raises
    ------
    StoreError
        If a variable is not set here, or the folder cannot be written.
    """
    if setting is None:
        yield None
        return
    parent = Path(_expanded(setting)).expanduser()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))
        lock = (made / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = made.rename(parent / made.name.removeprefix("."))  # seen by others once it is locked
    except OSError as error:
        raise StoreError(
            f"scratch {parent} of {platform.node()} cannot be written ({error}); free space, or set scratch"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _expanded(setting: str) -> str:
    for name in re.findall(r"\$(\w+)", setting):
        if not os.environ.get(name):
            raise StoreError(
                f"scratch is {setting}, and the variable {name} is not set on {platform.node()}; set it there, or name "
                "a folder"
            )
    return os.path.expandvars(setting)


def _sweep(parent: Path) -> None:
    """Remove the folders whose process has ended."""
    for left in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (left / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            log.info("scratch: %s, which a killed job left, is removed", left)
            shutil.rmtree(left, ignore_errors=True)
