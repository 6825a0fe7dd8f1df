"""The mezzanine: a lossless, constant-rate, progressive, square-pixel, even-sized twin of a source that is not.

Conventions, in the order in which they are applied:

- Pixel formats that are not planar YUV become it (see `pixels.readable`).
- Interlaced video goes through bwdif, one picture per frame (not per field): the frame rate stays. One
  interlaced frame makes a title interlaced.
- Odd sizes lose their last row or column, which keeps every chroma sample where it was.
- Pixels that are not square are made so by enlarging the shorter way (bicubic): wide pixels give a wider picture, tall
  ones a higher one. No sample is thrown away.
- A display rotation by a quarter turn or more is carried out. Chroma siting is then "unknown".
- A rate that is constant but for gaps stays, and a gap repeats the frame before it. Any other variable rate becomes the
  lowest usual rate at or above the average; each frame stands in the slot nearest to its time stamp (`rate.repeats`).
  Frames without usable time stamps follow each other at the container's rate.
- FFV1 level 3, intra only, in QuickTime with the rate's numerator as time scale: every time stamp is exact.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

from .. import ffmpeg
from ..errors import SourceError
from .limits import check_geometry
from .media import Colour
from .pixels import Planar, is_rgb, readable
from .rate import average_rate, constant_rate, gappy_rate, repeats, standard_rate
from .survey import Survey, every_frame


@dataclass(frozen=True)
class Work:
    """What has to be done to a source, and what comes out.

    Attributes
    ----------
    reasons : a phrase for each thing that is not as it should be; empty when the source is read as it is.
    frame_rate : of the result. `colour` : of the result.
    filters : ffmpeg's filters, one frame in, one frame out.
    shown : how often each frame is shown; None: once each.
    two_steps : filters look at neighbouring frames, so repeats are made in a second pass.
    """

    reasons: list[str]
    frame_rate: Fraction
    colour: Colour
    pix_fmt: str
    filters: list[str]
    shown: list[int] | None
    two_steps: bool


def plan_work(
    seen: Survey,
    *,
    tags: Colour,
    sample_aspect: Fraction,
    rotation: int,
    field_order: str,
) -> Work:
    """What makes a surveyed source readable by index.

    Parameters
    ----------
    sample_aspect : width over height of a pixel. rotation : 0, 90, 180 or 270 degrees, counter-clockwise.
    field_order : "tff", "bff" or "progressive", as the container and the first frame say.

    Raises
    ------
    SourceError
        If there is no frame rate to be had, or the result would be of absurd size.
    """
    reasons, filters = [], []
    pix_fmt = readable(seen.pix_fmt)
    if pix_fmt != seen.pix_fmt.replace("yuvj", "yuv"):
        reasons.append(f"pixel format {seen.pix_fmt} is not read by planes: brought to {pix_fmt}")
    interlaced = seen.interlaced > 0 or field_order != "progressive"
    if interlaced:
        order = "bff" if field_order == "bff" else "tff"
        reasons.append(f"interlaced ({order}): one progressive picture made of each frame")
        filters += [f"setfield={order}", "bwdif=mode=send_frame:parity=auto:deint=all"]
    width, height = seen.width - seen.width % 2, seen.height - seen.height % 2
    if (width, height) != (seen.width, seen.height):
        reasons.append(f"odd size {seen.width}x{seen.height}: cropped at the right and the bottom to {width}x{height}")
        filters.append(f"crop={width}:{height}:0:0")
    square = _square(width, height, sample_aspect)
    if square != (width, height):
        ratio = f"{sample_aspect.numerator}:{sample_aspect.denominator}"
        reasons.append(f"sample aspect ratio {ratio}: scaled from {width}x{height} to {square[0]}x{square[1]}")
        filters.append(f"scale={square[0]}:{square[1]}:flags=bicubic+accurate_rnd+full_chroma_int")
    check_geometry("after making pixels square", *square)
    if rotation:
        reasons.append(f"to be turned by {rotation} degrees for display: turned")
        filters += {90: ["transpose=cclock"], 180: ["hflip", "vflip"], 270: ["transpose=clock"]}[rotation]
    rate, shown, late = _timing(seen)
    return Work(
        reasons + late,
        rate,
        _colour_after(tags, seen.pix_fmt, rotation),
        pix_fmt,
        filters,
        shown,
        two_steps=interlaced and shown is not None,
    )


def write_mezzanine(path: str, video_stream: int, seen: Survey, work: Work, target: Path, timeout_s: float) -> None:
    """Write the mezzanine under a temporary name, then rename it to `target`.

    Raises
    ------
    SourceError, ToolError
        If the source cannot be decoded, or the encoder fails or takes too long.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, between = ffmpeg.temporary_beside(target), ffmpeg.temporary_beside(target.with_suffix(".once.mov"))
    planar = Planar(seen.pix_fmt)
    pictures = map(planar, every_frame(path, video_stream, timeout_s))
    first = _Step(work, (seen.width, seen.height), work.filters, f"{path}: mezzanine", timeout_s)
    try:
        if work.shown is None:
            _encode(pictures, first, partial)
        elif not work.two_steps:
            _encode(_repeated(pictures, work.shown), first, partial)
        else:
            _encode(pictures, first, between)
            once = every_frame(str(between), 0, timeout_s)
            head = next(once)
            kept = map(Planar(work.pix_fmt), chain([head], once))
            second = _Step(work, (head.width, head.height), [], f"{path}: mezzanine, frame rate", timeout_s)
            _encode(_repeated(kept, work.shown), second, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
        between.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Step:
    work: Work
    size: tuple[int, int]
    filters: list[str]
    what: str
    timeout_s: float


def _encode(pictures: Iterator[bytes], step: _Step, target: Path) -> None:
    rate, tags = step.work.frame_rate, step.work.colour
    # The range is not said here: FFV1 has no place for it, and ffmpeg would squeeze full-range samples to fit.
    said = f"colorspace={tags.matrix}:color_primaries={tags.primaries}:color_trc={tags.transfer}"
    timing = f"settb={rate.denominator}/{rate.numerator},setpts=N"
    graph = ",".join([*step.filters, "setsar=1", "setfield=prog", f"setparams={said}", timing])
    raw = ["-f", "rawvideo", "-pixel_format", step.work.pix_fmt, "-video_size", f"{step.size[0]}x{step.size[1]}"]
    lossless = ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4", "-slicecrc", "1", "-flags:v", "+bitexact"]
    container = [
        "-map_metadata",
        "-1",
        "-fflags",
        "+bitexact",
        "-video_track_timescale",
        str(rate.numerator),
        "-f",
        "mov",
    ]
    pace = ["-framerate", f"{rate.numerator}/{rate.denominator}"]
    ffmpeg.run(
        [*raw, *pace, "-i", "pipe:0", "-vf", graph, "-fps_mode", "passthrough", *lossless, *container, str(target)],
        what=step.what,
        frames=pictures,
        timeout_s=step.timeout_s,
    )


def _timing(seen: Survey) -> tuple[Fraction, list[int] | None, list[str]]:
    """Rate of the result, how often each frame is shown, and the reasons."""
    stamps = seen.stamps
    if stamps is None:
        declared = constant_rate([0], seen.time_base, [*seen.declared[1:], *seen.declared[:1]])
        if declared is None:
            raise SourceError("frames without usable time stamps, and the file declares no frame rate; put it into MP4")
        how = f"{declared.numerator}/{declared.denominator}"
        return declared, None, [f"missing or unordered time stamps: frames put at the declared rate of {how}"]
    rate = constant_rate(stamps, seen.time_base, seen.declared)
    if rate is not None:
        return rate, None, []
    if len(stamps) == 1:
        raise SourceError("a single frame, and the file declares no frame rate; put it into MP4")
    average = average_rate(stamps, seen.time_base)
    rate = gappy_rate(stamps, seen.time_base, seen.declared) or standard_rate(average)
    shown = repeats(stamps, seen.time_base, rate)
    twice, never = sum(n - 1 for n in shown if n > 1), shown.count(0)
    how = f"brought to {rate.numerator}/{rate.denominator}, {twice} frames repeated, {never} left out"
    return rate, shown, [f"variable frame rate ({float(average):.3f} on average): {how}"]


def _square(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Even size with square pixels; the size itself when rounding leaves nothing to do."""
    if aspect > 1:
        return 2 * round(width * aspect / 2), height
    return width, 2 * round(height / aspect / 2)


def _colour_after(tags: Colour, pix_fmt: str, rotation: int) -> Colour:
    if is_rgb(pix_fmt):
        tags = replace(tags, range="tv", matrix="bt709")
    return replace(tags, chroma_location="unknown") if rotation else tags


def _repeated(pictures: Iterator[bytes], shown: Sequence[int]) -> Iterator[bytes]:
    for picture, times in zip(pictures, shown, strict=True):
        yield from repeat(picture, times)
