"""What an encoder adapter says about its encoder. A codec is one file: its facts, and its arguments for one encode."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Knob:
    """The encoder's quality setting, called CRF throughout, as decimal strings ("23", "31.5").

    Attributes
    ----------
    low, high, step : the range, ends included, and the finest step that the encoder heeds.
    direction : -1 where a greater value means fewer bits, +1 where it means more.
    default_crfs : a coarse grid over the useful range, from most bits to fewest.
    """

    low: Decimal
    high: Decimal
    step: Decimal
    direction: int
    default_crfs: tuple[str, ...]

    def canonical(self, crf: str) -> str:
        """The one spelling of a value ("23" for "23.0"): file names and keys use it.

        Raises
        ------
        ValueError
            If the value is no number, lies outside the range or is not a multiple of the step.
        """
        try:
            value = Decimal(crf)
            inside = self.low <= value <= self.high
        except InvalidOperation as error:
            raise ValueError(f"CRF {crf!r} is not a decimal number") from error
        if not inside:
            raise ValueError(f"CRF {crf} lies outside {self.low} to {self.high}")
        if value % self.step:
            raise ValueError(f"CRF {crf} is not a multiple of {self.step}, the finest step that the encoder heeds")
        return f"{value.normalize():f}"


@dataclass(frozen=True)
class Settings:
    """Everything that decides one encode's bits, besides its frames.

    Attributes
    ----------
    keyint : frames from one keyframe to the next.
    threads : the encoder's own threads. They change the bits of some encoders, and so belong to a point's key.
    frame_rate : "num/den" frames per second, which rate control goes by.
    maxrate_kbps, bufsize_kbps : caps of the rate over a decoder's buffer; both or none.
    """

    preset: str
    pix_fmt: str
    crf: str
    keyint: int
    threads: int
    frame_rate: str
    maxrate_kbps: float | None = None
    bufsize_kbps: float | None = None


@dataclass(frozen=True)
class Codec:
    """An encoder as Laddersmith uses it.

    Attributes
    ----------
    name : in the config, the tables and the paths.
    encoder : ffmpeg's name of the encoder.
    decoded_as : the name that ffprobe and PyAV give to its streams.
    sample_entry : the MP4 sample entry; the kind that keeps parameter sets out of the samples.
    knob, presets : quality, and speed: the encoder's own names, slow to fast.
    pix_fmts : what it takes, 4:2:0 first.
    min_side, max_width, max_height : limits of the picture, in pixels, landscape or portrait.
    chroma_locations : the chroma siting that its bitstream can state; "unknown" is what it says of 4:4:4.
    bitstream_filter : ffmpeg's filter that makes the stream fit for stitching: the settings SEI is taken out, before
        bytes are counted, and the sample entry has the very parameter sets by which the pictures are coded.
    parameter_sets : NAL unit types, or OBU types, of what the sample entry holds for all packets.
    options : the encoder's own arguments for one encode.
    """

    name: str
    encoder: str
    decoded_as: str
    sample_entry: str
    knob: Knob
    presets: tuple[str, ...]
    pix_fmts: tuple[str, ...]
    min_side: int
    max_width: int
    max_height: int
    chroma_locations: tuple[str, ...]
    bitstream_filter: str
    parameter_sets: tuple[int, ...]
    options: Callable[[Settings], list[str]]

    def arguments(self, settings: Settings) -> list[str]:
        """ffmpeg's output arguments of one encode; those of colour and muxing, common to all, are not here."""
        caps = []
        if settings.maxrate_kbps is not None and settings.bufsize_kbps is not None:
            caps = ["-maxrate", bits(settings.maxrate_kbps), "-bufsize", bits(settings.bufsize_kbps)]
        shared = ["-c:v", self.encoder, "-pix_fmt", settings.pix_fmt, "-g", str(settings.keyint), *caps]
        return [*shared, *self.options(settings), "-bsf:v", self.bitstream_filter, "-tag:v", self.sample_entry]

    def fits(self, width: int, height: int) -> bool:
        """Whether the encoder takes a picture of this size."""
        long, short = max(width, height), min(width, height)
        return short >= self.min_side and long <= self.max_width and short <= self.max_height


def bits(kbps: float) -> str:
    """Whole bits per second, as ffmpeg's rate options read them."""
    return str(round(kbps * 1000))


def pairs(**values: object) -> str:
    """`key=value` pairs with colons between, underscores as hyphens: the form of every encoder's own parameters."""
    return ":".join(f"{key.replace('_', '-')}={value}" for key, value in values.items())
