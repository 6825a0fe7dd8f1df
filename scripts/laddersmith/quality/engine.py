"""What an engine is given, and what it gives back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import ScoreError
from ..source.media import Colour

Progress = Callable[[int], None]
Scored = tuple[int, pd.DataFrame]
"""An encode's place among those that were given, and its frame table."""


@dataclass(frozen=True)
class Reference:
    """The frames against which encodes are scored, at display size.

    Attributes
    ----------
    what : where in the work this is, for messages ("bikes, shot 3").
    width, height : display size, in pixels.
    pix_fmt, bit_depth : planar YUV in which `read` packs frames, and bits per sample.
    start, length : the title's index of the first frame that is scored, and how many are.
    before, after : neighbour frames of the title that `read` yields ahead of them and behind.
    read : starts anew at every call; yields `before + length + after` frames, packed as `source.frames` packs them.
    """

    what: str
    width: int
    height: int
    pix_fmt: str
    bit_depth: int
    frame_rate: Fraction
    colour: Colour
    start: int
    length: int
    before: int
    after: int
    read: Callable[[], Iterable[bytes]]

    def scored(self, frame_step: int) -> NDArray[np.int32]:
        """The title's indices of the frames that are scored when every `frame_step`-th is, the first included.

        Raises
        ------
        ScoreError
            If the step is less than 1.
        """
        if frame_step < 1:
            raise ScoreError(f"{self.what}: every {frame_step}-th frame cannot be scored; set a step of 1 or more")
        return np.arange(self.start, self.start + self.length, frame_step, dtype=np.int32)


@dataclass(frozen=True)
class Distorted:
    """An encode: its name for messages, its file, the size in pixels and the pixel format that it must decode to.

    `sample_aspect` is the one that it must have, as a fraction ("1/1": square pixels).
    """

    what: str
    path: Path
    width: int
    height: int
    pix_fmt: str
    sample_aspect: str = "1/1"


class Engine(Protocol):
    """Computes scores and features of encodes against one reference."""

    name: str
    reads_often: bool  # reads the reference anew for each encode, so that it should be kept when it fits in memory

    def version(self, model: str) -> str:
        """All that decides this engine's numbers with `model`, as one string; a part of every score's key.

        Raises
        ------
        ScoreError
            If this engine does not have the model.
        """

    def context(self, model: str) -> int:
        """How many neighbour frames on each side the temporal features of `model` look at.

        Raises
        ------
        ScoreError
            If this engine does not have the model.
        """

    def score(
        self,
        reference: Reference,
        distorted: Sequence[Distorted],
        *,
        model: str,
        threads: int,
        timeout_s: float,
        frame_step: int = 1,
        progress: Progress | None = None,
    ) -> Iterator[Scored]:
        """Score each encode.

        Parameters
        ----------
        threads : workers; the scores do not depend on their number.
        timeout_s : wall seconds allowed for each encode.
        frame_step : every how many frames one is scored, the first included; it has the scores that it has among all.
        progress : told, from any thread but one at a time, how many frames of encodes were scored since it was told
            last; all that `reference.scored` names, of every encode, in the end.

        Yields
        ------
        The place of each encode in `distorted` and its table, as soon as it is there: a row for each frame scored, with
        frame (the title's index), vmaf, psnr_cb, psnr_cr (dB) and the model's features, all finite.

        Raises
        ------
        ScoreError
            If frame counts, geometry or colour of an encode and the reference disagree, or a score is missing.
        """
