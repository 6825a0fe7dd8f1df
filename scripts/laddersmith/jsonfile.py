"""Files of text and JSON: written at once or not at all; JSON sorted, indented, with finite numbers only."""

import json
import os
from pathlib import Path
from typing import Any

from .errors import FileError
from .ffmpeg import temporary_beside


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` under a temporary name, then rename it to `path`.

    Raises
    ------
    ValueError
        If a number is not finite: NaN is not JSON.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 under a temporary name, then rename it to `path`.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written; the error names `path`.
    """
    partial = temporary_beside(path)
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: str | Path) -> Any:
    """The value of a JSON file, which is UTF-8 whatever the machine's own encoding.

    Raises
    ------
    FileError
        If it holds no JSON. OSError if it is not there or cannot be read.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileError(f"{path}: is empty or damaged, no JSON ({error}); delete it and run again") from error
