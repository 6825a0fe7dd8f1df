"""Scoring files as they are, outside the workflow."""

import os
import re
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pandas as pd

from .. import ffmpeg
from ..errors import ScoreError, ToolError
from ..source import Media, probe
from ..source.frames import OPTIONS, url
from ..source.media import Colour
from . import decode_log
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
    engine: str = "libvmaf",
    display: str | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Score whole files against a reference file, frame by frame.

    Parameters
    ----------
    reference, distorted : video files of equal frame count, of any size; one that is named twice is scored once.
    model, engine : names, as in the config.
    display : "WxH" at which scores are taken; None for the reference's own size.
    threads : files scored side by side.

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
    scorer = engine_named(engine)
    scorer.context(model)
    media = Media.from_json(_probed(reference)["media"])
    against = title_reference(media, _display(display, media), what=str(reference))
    distorted = list(dict.fromkeys(distorted))
    others = [_distorted(path, (against.width, against.height)) for path in distorted]
    results = scorer.score(against, others, model=model, threads=threads, timeout_s=TIMEOUT_S)
    tables = [frames.assign(distorted=other.what) for other, frames in zip(others, results, strict=True)]
    if not tables:
        raise ScoreError("there is nothing to score: name at least one distorted file")
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
    media, aspect = _decoded(Path(path))
    across, down = display
    shown = media.width * Fraction(aspect)
    if abs(shown * down - media.height * across) > 2 * max(display):
        raise ScoreError(
            f"{path}: its picture of {media.width}x{media.height} (sample aspect ratio {aspect}) has another shape "
            f"than the display of {across}x{down}; crop or scale one of them first"
        )
    return Distorted(str(path), Path(path), media.width, media.height, media.pix_fmt, aspect)


def _decoded(path: Path) -> tuple[Media, str]:
    """What the file decodes to, and its sample aspect ratio."""
    what = str(path)
    if not path.is_file():
        raise ScoreError(f"{what}: there is no such file")
    with tempfile.TemporaryDirectory(prefix="laddersmith-") as folder:
        log = Path(folder) / "decoded.txt"
        show = ["-an", "-sn", "-dn", "-vf", f"{decode_log.SHOW},{decode_log.counter(log)}", "-fps_mode", "passthrough"]
        arguments = ["-v", "info", *ffmpeg.SAFE_INPUT, "-i", url(path), *show, "-f", "null", "-"]
        try:
            done = ffmpeg.run(arguments, what=what, timeout_s=TIMEOUT_S)
        except ToolError as error:
            raise ScoreError(f"{what}: cannot be decoded as video ({error})") from error
        frames = decode_log.counted(log)
    try:
        with av.open(url(path), options=OPTIONS) as container:
            stream = container.streams.video[0]
            rate = stream.guessed_rate or stream.average_rate
            pix_fmt = next(container.decode(stream)).format.name
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise ScoreError(f"{what}: cannot be decoded as video ({error})") from error
    side = decode_log.seen(done.stderr)
    if len(side.pictures) != 1 or len(side.colours) != 1:
        raise ScoreError(f"{what}: its picture or colour description changes on the way; make it one of a kind first")
    [(_, siting, aspect, size)], [(range_, matrix, primaries, transfer)] = side.pictures, side.colours
    colour = Colour(range_, matrix, primaries, transfer, siting)
    width, height = map(int, size.split("x"))
    _, depth = subsampling_and_depth(pix_fmt)
    media = Media(what, width, height, pix_fmt, depth, Fraction(rate or 25), frames, colour)
    return media, aspect.replace("0/1", "1/1")
