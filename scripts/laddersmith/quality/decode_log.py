"""What ffmpeg's filters said of each decoded frame: the proof that two sides had the same frames."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import ScoreError
from ..source.media import Colour
from .engine import Distorted, Reference
from .picture import check_colour, packed_format, subsampling_and_depth

# Another thread of ffmpeg may write into the middle of a line: a line that is not whole is passed over, so that what
# these find is true, yet no count.
SHOW = "showinfo=checksum=0"
_FRAME = re.compile(r"n: *\d+ .*? fmt:(\S+) cl:(\S+) sar:(\d+/\d+) s:(\d+x\d+) ")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+) *$", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """Every (format, siting, aspect, size) and every colour that occurred in the frames of a file."""

    pictures: set[tuple[str, ...]]
    colours: set[tuple[str, ...]]


def seen(stderr: str) -> Seen:
    """What the one `SHOW` filter of an ffmpeg run wrote."""
    return Seen({m.groups() for m in _FRAME.finditer(stderr)}, {m.groups() for m in _COLOUR.finditer(stderr)})


def escaped(value: str) -> str:
    """`value` as an option of a filter within a filter graph: escaped for the option, then for the graph."""
    once = re.sub(r"([\\':])", r"\\\1", value)
    return re.sub(r"([\\'\[\],;])", r"\\\1", once)


def counter(log: Path) -> str:
    """Filters that write a line to a file of their own for each frame that passes."""
    return f"metadata=mode=add:key=passed:value=1,metadata=mode=print:key=passed:file={escaped(str(log))}"


def counted(log: Path) -> int:
    """Frames that passed a `counter`."""
    if not log.exists():
        return 0
    with log.open() as lines:
        return sum(line.startswith("frame:") for line in lines)


def check(stderr: str, decoded: int, read: int, reference: Reference, distorted: Distorted) -> None:
    """Refuse a comparison whose sides differ in frames, geometry, pixel format or colour.

    Parameters
    ----------
    stderr : of ffmpeg, with a `SHOW` on the encode. decoded, read : frames counted of the encode and of the reference.

    Raises
    ------
    ScoreError
        Naming both sides.
    """
    check_counts(decoded, read, reference, distorted)
    check_pictures(seen(stderr), reference, distorted)


def check_counts(decoded: int, read: int, reference: Reference, distorted: Distorted) -> None:
    """Refuse an encode that has not one frame for each of the reference's, all of which were read.

    Raises
    ------
    ScoreError
        Naming both counts.
    """
    fed = reference.before + reference.length + reference.after
    if decoded != reference.length or read != fed:
        neighbours = f" (and {fed - reference.length} neighbours)" if fed > reference.length else ""
        raise ScoreError(
            f"{distorted.what}: the encode decodes to {decoded} frames, the reference has {reference.length}"
            f"{neighbours}, of which {read} were read; encode it again from the same frames"
        )


def check_pictures(theirs: Seen, reference: Reference, distorted: Distorted) -> None:
    """Refuse an encode in whose frames geometry, pixel format or colour is not as it must be.

    Raises
    ------
    ScoreError
        Naming both sides.
    """
    if not theirs.pictures or not theirs.colours:
        raise ScoreError(f"{distorted.what}: ffmpeg did not say how it decodes; run again, and report it if it recurs")
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
