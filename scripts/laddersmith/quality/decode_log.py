"""What ffmpeg's `showinfo` said of each decoded frame: the proof that two sides had the same frames."""

import re
from dataclasses import dataclass, field

from ..errors import ScoreError
from ..source.media import Colour
from .engine import Distorted, Reference
from .picture import check_colour, packed_format, subsampling_and_depth

DISTORTED, REFERENCE = "distorted", "reference"  # names of the two showinfo filters in the graph

_FRAME = re.compile(
    r"^\[showinfo@(\w+) @ 0x\w+\] n: *\d+ .*? fmt:(\S+) cl:(\S+) sar:(\d+/\d+) s:(\d+x\d+) ", re.MULTILINE
)
_COLOUR = re.compile(
    r"^\[showinfo@(\w+) @ 0x\w+\] color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)",
    re.MULTILINE,
)


@dataclass
class Side:
    """Frames decoded on one side, and every (format, siting, aspect, size) and colour that occurred."""

    frames: int = 0
    pictures: set[tuple[str, str, str, str]] = field(default_factory=set)
    colours: set[tuple[str, str, str, str]] = field(default_factory=set)


def read(stderr: str) -> dict[str, Side]:
    """Both sides' frames, out of ffmpeg's messages."""
    sides = {DISTORTED: Side(), REFERENCE: Side()}
    for line in _FRAME.finditer(stderr):
        side = sides[line[1]]
        side.frames += 1
        side.pictures.add((line[2], line[3], line[4], line[5]))
    for line in _COLOUR.finditer(stderr):
        sides[line[1]].colours.add((line[2], line[3], line[4], line[5]))
    return sides


def check(sides: dict[str, Side], reference: Reference, distorted: Distorted) -> None:
    """Refuse a comparison whose sides differ in frames, geometry, pixel format or colour.

    Raises
    ------
    ScoreError
        Naming both sides.
    """
    ours, theirs = sides[REFERENCE], sides[DISTORTED]
    fed = reference.before + reference.length + reference.after
    if theirs.frames != reference.length or ours.frames != fed:
        neighbours = f" (and {fed - reference.length} neighbours)" if fed > reference.length else ""
        raise ScoreError(
            f"{distorted.what}: the encode decodes to {theirs.frames} frames, the reference has {reference.length}"
            f"{neighbours}, of which {ours.frames} were read; encode it again from the same frames"
        )
    for pix_fmt, siting, aspect, size in sorted(theirs.pictures):
        if (size, packed_format(pix_fmt)) != (
            f"{distorted.width}x{distorted.height}",
            packed_format(distorted.pix_fmt),
        ):
            raise ScoreError(
                f"{distorted.what}: decodes to {size} {pix_fmt}, but it should be "
                f"{distorted.width}x{distorted.height} {distorted.pix_fmt}"
            )
        if aspect.replace("0/1", "1/1") != distorted.sample_aspect:
            raise ScoreError(
                f"{distorted.what}: has a sample aspect ratio of {aspect} instead of "
                f"{distorted.sample_aspect}; encode it again"
            )
        for range_, matrix, primaries, transfer in sorted(theirs.colours):
            colour = Colour(range_, matrix, primaries, transfer, siting)
            check_colour(reference.colour, colour, subsampling_and_depth(reference.pix_fmt)[0], distorted.what)
