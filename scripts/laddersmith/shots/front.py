"""The public front of the room: shots of a file, with no workflow in sight."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ..errors import ShotsError
from ..schema import nearest
from ..source import Media, probe
from .find import find_shots
from .settings import Settings

PROBE_TIMEOUT_S = 6 * 3600.0


def detect(source: str | Path, *, detector: str = "transnetv2", **settings: Any) -> pd.DataFrame:
    """The shots of a video file: one row per shot with shot, start, end (frames `[start, end)`) and transition.

    `transition` is how the shot begins: "start" for the first, else as `detector.Cut` says. The settings are those of
    `Settings`. A source that is no constant-rate, progressive, square-pixel video is made so in a temporary folder
    first, as the workflow does it; its frames are numbered as they stand there.

    Raises
    ------
    SourceError
        If the file cannot be used as a source.
    ShotsError
        As `find_shots` says, or for a setting that there is none of.
    """
    known = Settings.__dataclass_fields__
    for name in settings:
        if name not in known:
            raise ShotsError(f"shot detection has no setting {name!r}{nearest(name, known)}")
    with TemporaryDirectory(prefix="laddersmith-") as folder:
        facts = probe(
            source,
            title=Path(source).stem,
            normalise=True,
            crop_bars=False,
            mezzanine=Path(folder) / "mezzanine.mov",
            timeout_s=PROBE_TIMEOUT_S,
        )
        shots = find_shots(Media.from_json(facts["media"]), Settings(detector=detector, **settings))
    return shots[["shot", "start", "end", "transition"]]
