"""Shots: the stretches between two cuts, what identifies each, and how they are shared out in batches."""

from .batches import batch_of
from .detector import Cut, Detector, make_detector
from .find import find_shots
from .front import detect
from .looks import window_frames, with_looks
from .settings import Settings
from .tiling import check_tiling
from .whole import with_whole_title

__all__ = [
    "Cut",
    "Detector",
    "Settings",
    "batch_of",
    "check_tiling",
    "detect",
    "find_shots",
    "make_detector",
    "window_frames",
    "with_looks",
    "with_whole_title",
]
