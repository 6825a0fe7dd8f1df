"""Finding a title's shots, what identifies them and how busy they are, in one pass over its frames."""

import numpy as np
import pandas as pd

from ..source import Media, frames
from ..tables import SHOTS, conform
from .complexity import measured_size, shot_means, spatial_information, temporal_information
from .detector import Cut, make_detector
from .identity import context_sha256, frame_digest, frames_sha256
from .pictures import Pictures
from .tiling import shortest_frames, spaced, tile


def find_shots(
    media: Media, *, detector: str = "adaptive", threshold: float = 3.0, min_length_s: float = 0.4
) -> pd.DataFrame:
    """The shots of a title: a table of the schema `tables.SHOTS`, one row per shot, decoded once.

    Parameters
    ----------
    detector : a name in `detector.MODULES`.
    threshold : in the detector's own unit; higher finds fewer cuts.
    min_length_s : the shortest time from one cut to the next (see `tiling.spaced`).

    Raises
    ------
    ShotsError
        If the detector or a setting is none that there is.
    SourceError
        If the title cannot be decoded, or has other than `media.frames` frames.
    """
    shortest = shortest_frames(min_length_s, media.frame_rate)
    finder = make_detector(detector, threshold, media)
    pictures = Pictures(media)
    wanted, measured = finder.picture_size(media.width, media.height), measured_size(media.width, media.height)

    digests: list[bytes] = []
    cuts: list[Cut] = []
    spatial, temporal = np.zeros(media.frames), np.zeros(media.frames)
    before = None
    for index, packed in enumerate(frames(media)):
        digests.append(frame_digest(packed))
        cuts += finder.see(pictures.bgr(packed, *wanted) if wanted else None)
        luma = pictures.luma(packed, *measured)
        spatial[index] = spatial_information(luma)
        temporal[index] = 0.0 if before is None else temporal_information(luma, before)
        before = luma
    cuts += finder.finish()

    shots = tile(spaced(cuts, shortest), media.frames)
    starts, ends = shots["start"].to_numpy(np.intp), shots["end"].to_numpy(np.intp)
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    shots["start_s"] = [float(start / media.frame_rate) for start, _ in spans]
    shots["end_s"] = [float(end / media.frame_rate) for _, end in spans]
    shots["detector"] = finder.label
    shots["spatial_complexity"], shots["temporal_complexity"] = shot_means(spatial, temporal, starts, ends)
    shots["frames_sha256"] = [frames_sha256(media, digests, *span) for span in spans]
    shots["context_sha256"] = [context_sha256(media, digests, *span) for span in spans]
    return conform(shots, SHOTS, media.path)
