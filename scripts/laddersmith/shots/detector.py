"""What a shot detector is, and the detectors there are: one file each, loaded when asked for by name."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ShotsError
from ..source import Media

# A name in the config, and the module of this room that answers to it with a function `make(name, threshold, media)`.
MODULES = {"adaptive": "pyscenedetect", "content": "pyscenedetect"}


class Cut(NamedTuple):
    """`frame` is the first one of a new shot; `transition` says how the shot before it gave way to it."""

    frame: int
    transition: str = "cut"


class Detector(ABC):
    """Looks at the pictures of one title, each once and in order, and names the cuts.

    `label` (its name and the version of what does the work) goes into the table of shots.
    """

    label: str

    @abstractmethod
    def picture_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height of the pictures it wants of a title of `width` x `height`; None when it wants none."""

    @abstractmethod
    def see(self, picture: NDArray[np.uint8] | None) -> list[Cut]:
        """Take the next picture, (height, width, 3) in BGR order and full range; give the cuts that are now certain."""

    def finish(self) -> list[Cut]:
        """The cuts that only the end of the title made certain."""
        return []


def make_detector(name: str, threshold: float, media: Media) -> Detector:
    """A fresh detector for one title.

    Raises
    ------
    ShotsError
        If there is no detector of this name, or it does not take this threshold.
    """
    if name not in MODULES:
        raise ShotsError(f"no shot detector is called {name!r}; set shots.detector to one of {', '.join(MODULES)}")
    return import_module(f".{MODULES[name]}", __package__).make(name, threshold, media)
