"""What a shot detector is, and the detectors there are: one file each, loaded when asked for by name."""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ShotsError
from ..source import Media
from .settings import Settings

# A name in the config, and the module of this room that answers to it with a function `make(settings, media)`.
MODULES = {
    "transnetv2": "transnetv2",
    "adaptive": "pyscenedetect",
    "content": "pyscenedetect",
    "fixed": "fixed",
    "file": "cutlists",
}


class Cut(NamedTuple):
    """`frame` is the first one of a new shot; `transition` says how the shot before it gave way to it.

    Transitions: "cut", hard; "fade", through a flat picture; "wipe", along an edge; "gradual", a dissolve or the like;
    "split", none at all: a long shot is parted there. `strength`, 0 to 1, is how sure the detector is.
    """

    frame: int
    transition: str = "cut"
    strength: float = 1.0


class Detector(ABC):
    """Looks at the pictures of one title, each once and in order, and names the cuts.

    `label` (its name and the version of what does the work) goes into the table of shots. `form` is how it wants its
    pictures, always in full range: "bgr" averaged over areas, or "rgb" shrunk by ffmpeg's bicubic filter in one step.
    """

    label: str
    form: Literal["bgr", "rgb"] = "bgr"

    @abstractmethod
    def picture_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height of the pictures it wants of a title of `width` x `height`; None when it wants none."""

    @abstractmethod
    def see(self, picture: NDArray[np.uint8] | None) -> list[Cut]:
        """Take the next picture, (height, width, 3); give the cuts that are now certain."""

    def finish(self) -> list[Cut]:
        """The cuts that only the end of the title made certain."""
        return []


def make_detector(settings: Settings, media: Media) -> Detector:
    """A fresh detector for one title.

    Raises
    ------
    ShotsError
        If there is no detector of this name, or it does not take these settings.
    """
    name = settings.detector
    if name not in MODULES:
        raise ShotsError(f"no shot detector is called {name!r}; set shots.detector to one of {', '.join(MODULES)}")
    made: Detector = import_module(f".{MODULES[name]}", __package__).make(settings, media)
    return made


def threshold_of(settings: Settings, least: float, most: float, usual: float) -> float:
    """The threshold asked for, or the usual one.

    Raises
    ------
    ShotsError
        If it lies outside what the detector takes.
    """
    asked = usual if settings.threshold is None else settings.threshold
    if not least <= asked <= most:
        raise ShotsError(
            f"shot detector {settings.detector} takes a threshold from {least:g} to {most:g} ({usual:g} is usual), "
            f"not {asked:g}; set shots.threshold"
        )
    return asked
