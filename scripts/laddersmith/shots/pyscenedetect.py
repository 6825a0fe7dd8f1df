"""PySceneDetect's detectors of hard cuts, fed with pictures of ours."""

import numpy as np
import scenedetect
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

from ..source import Media
from .detector import Cut, Detector, threshold_of
from .settings import Settings

WIDTH = 256  # The width that PySceneDetect itself shrinks pictures to before it compares them.
THRESHOLDS = {"adaptive": (1.0, 255.0, 3.0), "content": (5.0, 255.0, 27.0)}  # least, most, usual


class PySceneDetect(Detector):
    """A change of hue, saturation and brightness from one picture to the next (mean absolute difference, 0 to 255).

    `content` cuts where that change reaches the threshold. `adaptive` cuts where it is at least 15 and
    the threshold times its mean over the two pictures before and the two after, which a fast camera does
    not reach; for want of neighbours it sees no cut at frame 1 nor in the last two frames.
    """

    def __init__(self, settings: Settings, media: Media) -> None:
        name = settings.detector
        threshold = threshold_of(settings, *THRESHOLDS[name])
        self.label = f"{name} (PySceneDetect {scenedetect.__version__})"
        # How short a shot may be is one rule for all detectors (tiling.spaced), so theirs is off.
        self._detector = (
            AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=0)
            if name == "adaptive"
            else ContentDetector(threshold=threshold, min_scene_len=0)
        )
        self._rate = media.frame_rate
        self._seen = 0

    def picture_size(self, width: int, height: int) -> tuple[int, int]:
        return min(WIDTH, width), max(1, round(height * min(WIDTH, width) / width))

    def see(self, picture: NDArray[np.uint8] | None) -> list[Cut]:
        assert picture is not None
        cuts = self._detector.process_frame(FrameTimecode(self._seen, fps=self._rate), picture)
        self._seen += 1
        return [Cut(cut.frame_num) for cut in cuts]


def make(settings: Settings, media: Media) -> Detector:
    """The detector `adaptive` or `content` for one title."""
    return PySceneDetect(settings, media)
