"""Trying settings on some shots of a title: encoded, scored, and never measured twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from .. import tables
from ..encode import box
from ..encode.points import encode_points
from ..hull import title_figures
from ..hull.title import POINT
from ..quality import score_encodes
from ..search import plan_rows
from ..source import Media
from ..store import Store

REASON = "preset trial"


@dataclass(frozen=True)
class Measured:
    """One setting on the shots tried, as one stream.

    Attributes
    ----------
    bitrate_kbps, quality : of the shots, pooled over their frames. encode_cpu_s : CPU seconds of their encodes.
    bytes : of their packets.
    """

    bitrate_kbps: float
    quality: float
    encode_cpu_s: float
    bytes: int


@dataclass
class Trials:
    """A codec's settings tried on shots of a title, at one height.

    Attributes
    ----------
    shots : the rows of tables.SHOTS that are tried.
    settings : the variant whose pixel format, threads and caps every trial has, and its codec.
    scoring : what `score_encodes` takes besides media, shots, encodes, title, folder, store and threads.
    encoding : what `encode_points` takes besides media, shots, plan, title, store, folder, variants and threads.
    known : what has been measured, by preset and CRF.
    """

    media: Media
    shots: pd.DataFrame
    title: str
    settings: Mapping[str, Any]
    height: int
    store: Store
    folder: Path
    pooling: str
    threads: int
    encoding: Mapping[str, Any]
    scoring: Mapping[str, Any]
    known: dict[tuple[str, str], Measured] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Seconds of the shots that are tried."""
        return self._part.duration_s

    @property
    def _part(self) -> Media:
        return replace(self.media, frames=int((self.shots["end"] - self.shots["start"]).sum()))

    def measure(self, wanted: Iterable[tuple[str, str]]) -> list[Measured]:
        """Each preset and CRF, in the order given.

        Raises
        ------
        EncodeError, ScoreError
            As `encode_points` and `score_encodes` say.
        """
        wanted = list(wanted)
        missing = [pair for pair in dict.fromkeys(wanted) if pair not in self.known]
        if missing:
            self.known |= self._tried(missing)
        return [self.known[pair] for pair in wanted]

    def _tried(self, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], Measured]:
        names = {f"{self.settings['codec']}-{preset}": preset for preset, _ in pairs}
        variants = {name: {**self.settings, "preset": preset} for name, preset in names.items()}
        boxes = {self.height: box(self.media.width, self.media.height, self.height)}
        points = [(f"{self.settings['codec']}-{preset}", self.height, crf, REASON) for preset, crf in pairs]
        plan = plan_rows(self.shots["shot"].tolist(), variants, boxes, points)
        common: dict[str, Any] = {"title": self.title, "store": self.store, "threads": self.threads}
        encodes = encode_points(
            self.media, self.shots, plan, folder=self.folder, variants=variants, **common, **self.encoding
        )
        scores, frames = score_encodes(
            self.media, self.shots, encodes, folder=lambda row: self.folder, **common, **self.scoring
        )
        figures = title_figures(scores, frames, self.pooling, self._part, by=POINT)
        figures = figures.join(scores.groupby(POINT)["encode_cpu_s"].sum(), on=POINT)
        return {
            (names[row.variant], row.crf): Measured(row.bitrate_kbps, row.quality, row.encode_cpu_s, int(row.bytes))
            for row in tables.rows(figures)
        }


def sample_shots(shots: pd.DataFrame, count: int | None) -> pd.DataFrame:
    """`count` shots spread evenly over how hard the title's shots are to encode; all where it is None or has no more.

    Shots are ordered by the product of spatial and temporal complexity and cut into `count` groups of equal size; the
    middle one of each is taken.

    Parameters
    ----------
    shots : rows of tables.SHOTS.
    """
    if count is None or count >= len(shots):
        return shots.reset_index(drop=True)
    effort = (shots["spatial_complexity"] * shots["temporal_complexity"]).sort_values(kind="stable")
    middles = [int((place + 0.5) * len(shots) / count) for place in range(count)]
    return shots.loc[effort.index[middles]].sort_values("shot").reset_index(drop=True)
