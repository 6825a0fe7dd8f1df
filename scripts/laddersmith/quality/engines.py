"""The engines, by name."""

import difflib

from ..errors import ScoreError
from .engine import Engine
from .libvmaf import Libvmaf

ENGINES: dict[str, type[Engine]] = {"libvmaf": Libvmaf}


def engine_named(name: str) -> Engine:
    """The engine of this name.

    Raises
    ------
    ScoreError
        If there is none.
    """
    if name not in ENGINES:
        near = difflib.get_close_matches(name, ENGINES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ScoreError(f"no scoring engine is called {name!r}{hint} (there are: {', '.join(ENGINES)})")
    return ENGINES[name]()
