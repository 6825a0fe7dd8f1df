"""What an engine is given, and what it gives back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import pandas as pd

from ..source.media import Colour

Progress = Callable[[int], None]


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
        progress: Progress | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Score each encode, in order.

        Parameters
        ----------
        threads : workers; the scores do not depend on their number.
        timeout_s : wall seconds allowed for each encode.
        progress : told, from any thread but one at a time, how many frames of encodes were scored since it was told
            last; `reference.length` times the encodes in the end.

        Yields
        ------
        A table of `reference.length` rows per encode: frame (the title's index), vmaf, psnr_cb, psnr_cr (dB) and the
        model's features, all finite.

        Raises
        ------
        ScoreError
            If frame counts, geometry or colour of an encode and the reference disagree, or a score is missing.
        """
