"""What an encoder adapter says about its encoder. A codec is one file: its facts, and its arguments for one encode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from ...errors import EncodeError


@dataclass(frozen=True)
class Knob:
    """The encoder's quality setting, called CRF throughout, as decimal strings ("23", "31.5").

    Attributes
    ----------
    option : the encoder's or ffmpeg's own name of it.
    low, high, step : the range, ends included, and the finest step that the encoder heeds.
    direction : -1 where a greater value means fewer bits, +1 where it means more.
    default_crfs : a coarse grid over the useful range, from most bits to fewest.
    """

    option: str
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


def caps_by_buffer(settings: Settings) -> list[str]:
    """ffmpeg's arguments that cap the rate over a decoder's buffer, for encoders that cap beside a quality."""
    assert settings.maxrate_kbps is not None and settings.bufsize_kbps is not None
    return ["-maxrate", bits(settings.maxrate_kbps), "-bufsize", bits(settings.bufsize_kbps)]


def caps_by_target(settings: Settings) -> list[str]:
    """The same for encoders whose quality is the best that they give while they keep an average rate: it is the cap."""
    assert settings.maxrate_kbps is not None
    return ["-b:v", bits(settings.maxrate_kbps), *caps_by_buffer(settings)]


@dataclass(frozen=True)
class Facts:
    """What people who choose an encoder want to know of it, each a phrase for the listing of encoders and its page.

    Attributes
    ----------
    maker : the library or the hardware, as its makers write it.
    stitching : what makes its shots fit for one stream.
    keyframes : what sets its keyframes.
    two_pass : how it takes the statistics of a first pass; "none" where it takes none.
    statistics : what it tells of its own work beside the packets.
    hdr : how it writes mastering display and content light level; PQ and HLG are colour tags, which every encode has.
    roi : how regions of a picture can be given another quality.
    rfc6381 : the form of its streams' `codecs` string.
    """

    maker: str
    stitching: str
    keyframes: str
    two_pass: str
    statistics: str
    hdr: str
    roi: str
    rfc6381: str


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
        bytes are counted, and the sample entry has the very parameter sets by which the pictures are coded. "" where
        there is neither.
    parameter_sets : NAL unit types, or OBU types, of what the sample entry holds for all packets.
    options : the encoder's own arguments for one encode.
    facts : for people.
    caps : arguments for an encode with capped rate; none where the encoder cannot cap the rate beside a quality.
    full_range : whether its bitstream can state full range.
    threaded : whether it has threads of its own.
    handed : by pixel format, the layout of the same samples that the encoder wants them in, where it is another.
    flags : ffmpeg's codec flags, "+cgop" for instance.
    unpackaged : why the packager cannot make CMAF segments of its streams; "" where it can.
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
    facts: Facts
    caps: Callable[[Settings], list[str]] | None = caps_by_buffer
    full_range: bool = True
    threaded: bool = True
    handed: Mapping[str, str] = field(default_factory=dict)
    flags: str = ""
    unpackaged: str = ""

    def arguments(self, settings: Settings) -> list[str]:
        """ffmpeg's output arguments of one encode; those of colour and muxing, common to all, are not here.

        Raises
        ------
        EncodeError
            If the rate is to be capped and the encoder cannot.
        """
        caps = []
        if settings.maxrate_kbps is not None and settings.bufsize_kbps is not None:
            if self.caps is None:
                raise EncodeError(
                    f"{self.name} cannot cap the rate beside a quality; leave out maxrate_kbps and bufsize_kbps"
                )
            caps = self.caps(settings)
        pix_fmt = self.handed.get(settings.pix_fmt, settings.pix_fmt)
        shared = ["-c:v", self.encoder, "-pix_fmt", pix_fmt, "-g", str(settings.keyint), *caps]
        filtered = ["-bsf:v", self.bitstream_filter] if self.bitstream_filter else []
        return [*shared, *self.options(settings), *filtered, "-tag:v", self.sample_entry]

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


def forced_keyframes(settings: Settings) -> list[str]:
    """ffmpeg's argument that asks for the keyframes one by one, for hardware that takes the step as a hint."""
    return ["-force_key_frames", f"expr:not(mod(n,{settings.keyint}))"]
