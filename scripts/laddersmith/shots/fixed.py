"""Shots of one length, whatever is seen: for studies, and for segments that stand at fixed times."""

import numpy as np
from numpy.typing import NDArray

from ..source import Media
from .detector import Cut, Detector
from .segments import boundaries
from .settings import Settings


class Fixed(Detector):
    """A cut at the first frame that starts at or after each multiple of the length."""

    def __init__(self, length_s: float, media: Media) -> None:
        self.label = f"fixed ({length_s:g} s)"
        self._places = boundaries(length_s, media.frame_rate, media.frames, "shots.fixed_length_s")

    def picture_size(self, width: int, height: int) -> None:
        return None

    def see(self, picture: NDArray[np.uint8] | None) -> list[Cut]:
        return []

    def finish(self) -> list[Cut]:
        return [Cut(frame, "split") for frame in self._places]


def make(settings: Settings, media: Media) -> Detector:
    """The detector `fixed` for one title."""
    return Fixed(settings.fixed_length_s, media)
