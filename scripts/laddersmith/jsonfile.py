"""JSON files: sorted, indented, finite numbers only, written at once or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from .ffmpeg import temporary_beside


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` under a temporary name, then rename it to `path`.

    Raises
    ------
    ValueError
        If a number is not finite: NaN is not JSON.
    """
    partial = temporary_beside(path)
    partial.write_text(
        json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    os.replace(partial, path)
