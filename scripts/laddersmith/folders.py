"""Whether a run can write where it must. Standard library only: the Snakefile asks it before any job."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def unwritable(folders: Iterable[str | Path]) -> str:
    """A sentence on the first of these folders in which no file can be made; "" where all can be written.

    Of a missing one the nearest folder above it is asked. Nothing is left behind.
    """
    for folder in map(Path, folders):
        try:
            there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return (
                f"{folder}: cannot be written ({why}); give the user who runs this the permission, free space, or work "
                "in another folder (for the store: store.path in the config)"
            )
    return ""
