"""What the rest of the house needs to know of a probed source to read its frames."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import SourceError
from ..jsonfile import read_json


@dataclass(frozen=True)
class Colour:
    """Colour description in ffmpeg's words ("tv", "bt709", "left", ...); "unknown" where the source does not say."""

    range: str = "unknown"
    matrix: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    chroma_location: str = "unknown"


@dataclass(frozen=True)
class Media:
    """A file that reads as constant-rate, progressive, square-pixel frames.

    Attributes
    ----------
    path : the file that is read: the source, or the mezzanine made of it.
    width, height : of the picture used, after the crop, in pixels.
    pix_fmt, bit_depth : ffmpeg's name, and bits per sample.
    frame_rate : frames per second, exact.
    frames : decoded frames, after edit lists.
    crop_x, crop_y : left and upper offset of the picture used within the file's picture, in pixels.
    video_stream : which of the file's video streams it is.
    first_pts : time stamp of the first frame, in the stream's time base; None: where the stream says it starts.
    seekable : whether a seek to a keyframe gives the pictures that decoding from the start gives (`probe` tries it).
    """

    path: str
    width: int
    height: int
    pix_fmt: str
    bit_depth: int
    frame_rate: Fraction
    frames: int
    colour: Colour = Colour()
    crop_x: int = 0
    crop_y: int = 0
    video_stream: int = 0
    first_pts: int | None = None
    seekable: bool = True

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame's start to the last one's end."""
        return float(self.frames / self.frame_rate)

    def to_json(self) -> dict:
        return asdict(self) | {"frame_rate": f"{self.frame_rate.numerator}/{self.frame_rate.denominator}"}

    @classmethod
    def from_json(cls, fields: dict) -> "Media":
        return cls(
            **{k: v for k, v in fields.items() if k not in ("frame_rate", "colour")},
            frame_rate=Fraction(fields["frame_rate"]),
            colour=Colour(**fields["colour"]),
        )


def load_media(source_json: str | Path) -> Media:
    """The `media` of a `source.json`.

    Raises
    ------
    SourceError
        If the file is not a probed source.
    """
    try:
        return Media.from_json(read_json(source_json)["media"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{source_json}: not a probed source ({error!r}); delete it and run again") from error


def display_size(media: Media, display: str) -> tuple[int, int]:
    """Width and height at which every score of a title is taken: the source's own, or those of "WIDTHxHEIGHT".

    Raises
    ------
    SourceError
        As `check_display` says.
    """
    if display == "source":
        return media.width, media.height
    width, height = map(int, display.split("x"))
    check_display(media.width, media.height, (width, height), media.path)
    return width, height


def check_display(width: int, height: int, display: tuple[int, int], what: str) -> None:
    """Refuse a display on which the picture would be stretched by more than the rounding to even sides, or is odd.

    Raises
    ------
    SourceError
        Naming a size that fits.
    """
    across, down = display
    if across % 2 or down % 2 or abs(across * height - down * width) > 2 * max(width, height):
        ratio = min(across / width, down / height)
        fitting = f"{2 * round(width * ratio / 2)}x{2 * round(height * ratio / 2)}"
        raise SourceError(f"{what}: a display of {across}x{down} would distort its {width}x{height}; set {fitting}")
