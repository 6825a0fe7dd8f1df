"""Finding a title's shots, what identifies them and how busy they are, in one pass over its frames."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import av
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..source import Media, pack, pictures
from ..tables import SHOTS, conform
from .complexity import measured_size, shot_means, spatial_information, temporal_information
from .detector import Cut, Detector, make_detector
from .identity import context_sha256, frame_digest, frames_sha256
from .pictures import Pictures, Shrinker
from .segments import boundaries, with_boundaries
from .settings import Settings
from .tiling import ruled, tile, whole_frames

USUAL = Settings()
WAITING = 8  # frames that may wait to be hashed and measured


def find_shots(media: Media, settings: Settings = USUAL, *, segment_s: float | None = None) -> pd.DataFrame:
    """The shots of a title: a table of the schema `tables.SHOTS`, one row per shot, decoded once.

    With `segment_s` they are cut wherever a segment of so many seconds begins (see `segments.with_boundaries`).

    Raises
    ------
    ShotsError
        If the detector or a setting is none that there is.
    SourceError
        If the title cannot be decoded, or has other than `media.frames` frames.
    """
    finder, seen = make_detector(settings, media), _Seen(media)
    with ThreadPoolExecutor(1) as aside:
        waiting: deque[Future[None]] = deque()

        def measured(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
            for index, frame in enumerate(frames):
                waiting.append(aside.submit(seen.take, index, frame))
                if len(waiting) > WAITING:
                    waiting.popleft().result()
                yield frame

        cuts = cuts_of(finder, media, measured(pictures(media, 0, media.frames)))
        for one in waiting:
            one.result()

    shots = tile(_at_segments(ruled(cuts, settings, media), settings, media, segment_s), media.frames)
    starts, ends = shots["start"].to_numpy(np.intp), shots["end"].to_numpy(np.intp)
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    shots["start_s"] = [float(start / media.frame_rate) for start, _ in spans]
    shots["end_s"] = [float(end / media.frame_rate) for _, end in spans]
    shots["detector"] = finder.label
    shots["spatial_complexity"], shots["temporal_complexity"] = shot_means(seen.spatial, seen.temporal, starts, ends)
    shots["frames_sha256"] = [frames_sha256(media, seen.digests, *span) for span in spans]
    shots["context_sha256"] = [context_sha256(media, seen.digests, *span) for span in spans]
    return conform(shots, SHOTS, media.path)


def _at_segments(cuts: list[Cut], settings: Settings, media: Media, segment_s: float | None) -> list[Cut]:
    if segment_s is None:
        return cuts
    shortest = whole_frames(settings.min_length_s, media.frame_rate, "shots.min_length_s")
    return with_boundaries(cuts, boundaries(segment_s, media.frame_rate, media.frames), shortest)


def cuts_of(finder: Detector, media: Media, frames: Iterator[av.VideoFrame]) -> list[Cut]:
    """What a fresh detector finds in a title's frames, before any rule on the length of shots."""
    shown = _shown(finder, media)
    cuts = [cut for frame in frames for cut in finder.see(shown(frame))]
    return cuts + finder.finish()


def _shown(finder: Detector, media: Media) -> Callable[[av.VideoFrame], NDArray[np.uint8] | None]:
    """What makes of a frame the picture that the detector wants."""
    size = finder.picture_size(media.width, media.height)
    if size is None:
        return lambda frame: None
    if finder.form == "rgb":
        return Shrinker(*size)
    areas = Pictures(media)
    return lambda frame: areas.bgr(pack(frame), *size)


class _Seen:
    """The hash of every frame, and how busy it is."""

    def __init__(self, media: Media) -> None:
        self.digests: list[bytes] = []
        self.spatial, self.temporal = np.zeros(media.frames), np.zeros(media.frames)
        self._pictures, self._size = Pictures(media), measured_size(media.width, media.height)
        self._before: NDArray[np.float32] | None = None

    def take(self, index: int, frame: av.VideoFrame) -> None:
        """The next frame, in order."""
        packed = pack(frame)
        self.digests.append(frame_digest(packed))
        luma = self._pictures.luma(packed, *self._size)
        self.spatial[index] = spatial_information(luma)
        if self._before is not None:
            self.temporal[index] = temporal_information(luma, self._before)
        self._before = luma
