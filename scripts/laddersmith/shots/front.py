"""The public front of the room: shots of a file, with no workflow in sight."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ..source import Media, probe
from .find import find_shots

PROBE_TIMEOUT_S = 6 * 3600.0


def detect(
    source: str | Path, *, detector: str = "adaptive", threshold: float = 3.0, min_length_s: float = 0.4
) -> pd.DataFrame:
    """The shots of a video file: one row per shot with shot, start, end (frames `[start, end)`) and transition.

    `transition` is how the shot begins: "start" for the first, "cut" after a hard cut. The settings are those of
    `find_shots`. A source that is no constant-rate, progressive, square-pixel video is made so in a temporary folder
    first, as the workflow does it; its frames are numbered as they stand there.

    Raises
    ------
    SourceError
        If the file cannot be used as a source.
    ShotsError
        As `find_shots` says.
    """
    with TemporaryDirectory(prefix="laddersmith-") as folder:
        facts = probe(
            source,
            title=Path(source).stem,
            normalise=True,
            crop_bars=False,
            mezzanine=Path(folder) / "mezzanine.mov",
            timeout_s=PROBE_TIMEOUT_S,
        )
        media = Media.from_json(facts["media"])
        shots = find_shots(media, detector=detector, threshold=threshold, min_length_s=min_length_s)
    return shots[["shot", "start", "end", "transition"]]
