"""Scoring files as they are, outside the workflow."""

import os
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pandas as pd

from ..config import engine_for
from ..errors import ScoreError
from ..source import Media, probe
from ..source.frames import OPTIONS, url
from .engine import Distorted
from .engines import engine_named
from .picture import subsampling_and_depth
from .reference import title_reference

TIMEOUT_S = 24 * 3600.0


def score(
    reference: str | Path,
    distorted: Sequence[str | Path],
    *,
    model: str = "vmaf_v0.6.1",
    engine: str = "auto",
    display: str | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Score whole files against a reference file, frame by frame.

    Parameters
    ----------
    reference, distorted : video files of equal frame count, of any size; one that is named twice is scored once.
    model, engine : names, as in the config.
    display : "WxH" at which scores are taken; None for the reference's own size.
    threads : workers; they change no score.
    progress : told, as frames are scored, how many of all distorted frames are done, and how many there are.

    Returns
    -------
    Columns frame (from 0), distorted (the path as given), psnr_cb, psnr_cr (dB), the model's features, vmaf (0 to 100);
    one row per distorted file and frame.

    Raises
    ------
    ScoreError
        If a distorted file cannot be read, or it and the reference disagree in frames, shape or colour.
    SourceError
        If the reference is not a constant-rate, progressive, square-pixel video (see `source.probe`), or the display
        would distort it.
    """
    scorer = engine_named(engine_for(engine, model))
    scorer.context(model)
    media = Media.from_json(_probed(reference)["media"])
    against = title_reference(media, _display(display, media), what=str(reference), threads=threads)
    distorted = list(dict.fromkeys(distorted))
    others = [_distorted(path, (against.width, against.height)) for path in distorted]
    done, total = 0, against.length * len(others)

    def scored(frames: int) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(done, total)

    results = dict(scorer.score(against, others, model=model, threads=threads, timeout_s=TIMEOUT_S, progress=scored))
    if not results:
        raise ScoreError("there is nothing to score: name at least one distorted file")
    tables = [results[place].assign(distorted=other.what) for place, other in enumerate(others)]
    joined = pd.concat(tables, ignore_index=True)
    features = [name for name in joined.columns if name not in ("frame", "distorted", "vmaf")]
    return joined[["frame", "distorted", *features, "vmaf"]]


def _display(display: str | None, media: Media) -> tuple[int, int]:
    if display is None:
        return media.width, media.height
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", display)
    if not match:
        raise ScoreError(f"display {display!r} is not WIDTHxHEIGHT, 1920x1080 say")
    return int(match[1]), int(match[2])


def _probed(path: str | Path) -> dict:
    nowhere = Path(os.devnull)
    return probe(path, title=str(path), normalise=False, crop_bars=False, mezzanine=nowhere, timeout_s=TIMEOUT_S)


def _distorted(path: str | Path, display: tuple[int, int]) -> Distorted:
    """A file to be scored. Its pixels need not be square, but shown as they say they must fill the display."""
    what = str(path)
    width, height, pix_fmt, aspect = _first(Path(path))
    across, down = display
    ratio = f"{aspect.numerator}/{aspect.denominator}"
    if abs(width * aspect * down - height * across) > 2 * max(display):
        raise ScoreError(
            f"{what}: its picture of {width}x{height} (sample aspect ratio {ratio}) has another shape than "
            f"the display of {across}x{down}; crop or scale one of them first"
        )
    subsampling_and_depth(pix_fmt)
    return Distorted(what, Path(path), width, height, pix_fmt, ratio)


def _first(path: Path) -> tuple[int, int, str, Fraction]:
    """Width, height, pixel format and sample aspect ratio of the first frame; the engine holds all others to it."""
    if not path.is_file():
        raise ScoreError(f"{path}: there is no such file")
    try:
        with av.open(url(path), options=OPTIONS, metadata_errors="replace") as container:
            if not container.streams.video:
                raise ScoreError(f"{path}: has no video track; name a video file")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise ScoreError(f"{path}: its video is of no codec that is known here; transcode it losslessly first")
            stream.codec_context.thread_count = 1
            frame = next(container.decode(stream))
            aspect = stream.codec_context.sample_aspect_ratio
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise ScoreError(f"{path}: cannot be decoded as video ({error or 'it has no picture'})") from error
    if frame.rotation % 360:
        raise ScoreError(f"{path}: asks players to turn its picture by {frame.rotation} degrees; make it upright first")
    return frame.width, frame.height, frame.format.name, aspect or Fraction(1)
