"""What an encoder adapter says about its encoder. A codec is one file: its facts, and its arguments for one encode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import EncodeError
from ..regions import Region
from .knobs import KBPS, QUALITY, RATES, Knob

LOW = "low"  # the key `latency` of a variant, where it is not offline


@dataclass(frozen=True)
class Settings:
    """Everything that decides one encode's bits, besides its frames.

    Attributes
    ----------
    crf : the knob's value: a quality, or by `rate` the kbit/s that the encoder keeps.
    keyint : frames from one keyframe to the next.
    threads : the encoder's own threads. They change the bits of some encoders, and so belong to a point's key.
    frame_rate : "num/den" frames per second, which rate control goes by.
    maxrate_kbps, bufsize_kbps : caps of the rate over a decoder's buffer; both or none.
    low_latency : whether every frame is coded as it comes (`LowLatency`).
    rate : what the knob is, one of RATES.
    turn : 1 or 2 for the first and the second pass of an encode that has two, else 0.
    regions : parts of the picture that are to have another quality; the first that holds a block decides.
    """

    preset: str
    pix_fmt: str
    crf: str
    keyint: int
    threads: int
    frame_rate: str
    maxrate_kbps: float | None = None
    bufsize_kbps: float | None = None
    low_latency: bool = False
    rate: str = QUALITY
    turn: int = 0
    regions: tuple[Region, ...] = ()

    @property
    def unbounded(self) -> bool:
        """Whether a bitrate is kept without a cap: encoders would state a level that goes by it."""
        return self.rate != QUALITY and self.maxrate_kbps is None


def aimed(settings: Settings, *quality: str) -> list[str]:
    """The arguments `quality` of a constant quality, or ffmpeg's of a bitrate to keep, and of the pass."""
    if settings.rate == QUALITY:
        return list(quality)
    return ["-b:v", bits(float(settings.crf)), *(["-pass", str(settings.turn)] if settings.turn else [])]


def caps_by_buffer(settings: Settings) -> list[str]:
    """ffmpeg's arguments that cap the rate over a decoder's buffer, beside a quality or a bitrate."""
    assert settings.maxrate_kbps is not None and settings.bufsize_kbps is not None
    return ["-maxrate", bits(settings.maxrate_kbps), "-bufsize", bits(settings.bufsize_kbps)]


def caps_by_target(settings: Settings) -> list[str]:
    """The same for encoders whose quality is the best that they give while they keep an average rate: it is the cap."""
    assert settings.maxrate_kbps is not None
    return ["-b:v", bits(settings.maxrate_kbps), *caps_by_buffer(settings)]


def caps_by_constant(settings: Settings) -> list[str]:
    """The same for encoders that keep a constant bitrate, the cap, unless a least quantizer takes fewer bits anyway."""
    assert settings.maxrate_kbps is not None
    return ["-minrate", bits(settings.maxrate_kbps), *caps_by_target(settings)]


@dataclass(frozen=True)
class LowLatency:
    """How an encoder works where nothing may wait: each frame is coded as it comes, from those before it.

    Attributes
    ----------
    presets : those that it has then, slow to fast.
    options : the encoder's own arguments of one such encode, in place of `Codec.options`.
    how : for people, what makes it so.
    caps : arguments of the cap on the rate, in place of `Codec.caps`; such an encode always has one.
    knob : in place of `Codec.knob`, where it is another.
    """

    presets: tuple[str, ...]
    options: Callable[[Settings], list[str]]
    how: str
    caps: Callable[[Settings], list[str]] = caps_by_buffer
    knob: Knob | None = None


@dataclass(frozen=True)
class Regions:
    """When an encoder heeds regions of another quality that come with the frames (`laddersmith.encode.regions`).

    Attributes
    ----------
    not_at : presets at which it does not.
    low_latency_only : whether it does in encodes of low latency alone.
    offsets : how many different offsets it tells apart at most; None: any number.
    """

    not_at: tuple[str, ...] = ()
    low_latency_only: bool = False
    offsets: int | None = None


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
    rates : what its knob may be, out of RATES.
    target_caps : as `caps`, beside a bitrate to keep.
    level_filter : ffmpeg's filter behind `bitstream_filter` that makes shots of different bitrates state one level.
    low_latency : its encodes of low latency, without B-frames, lookahead or delay, which keep a cap on the rate and
        have keyframes; or why it has none.
    regions : when it heeds regions of another quality; None: never.
    tells : what ffmpeg's log of frames (`-vstats_file`) truly says of its encodes: "qp", and the types of frames that
        it tells apart; for one that has no "B", "P" is every frame that is predicted from others.
    account : the option of its parameters that take `pass=1` and `stats=` without a change of any bit, in an encode by
        quality, and have it note where bits and blocks went; "" where there is none.
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
    rates: tuple[str, ...] = RATES
    target_caps: Callable[[Settings], list[str]] | None = caps_by_buffer
    level_filter: str = ""
    low_latency: LowLatency | str = "it cannot cap the rate beside a quality"
    regions: Regions | None = None
    tells: frozenset[str] = frozenset()
    account: str = ""
    full_range: bool = True
    threaded: bool = True
    handed: Mapping[str, str] = field(default_factory=dict)
    flags: str = ""
    unpackaged: str = ""

    def knob_for(self, rate: str) -> Knob:
        """The knob of an encode at this `rate`, one of RATES."""
        return self.knob if rate == QUALITY else KBPS

    def caps_for(self, rate: str) -> Callable[[Settings], list[str]] | None:
        """What caps an encode at this `rate`; none where the encoder cannot."""
        return self.caps if rate == QUALITY else self.target_caps

    def caps_fault(self, rate: str) -> str:
        """Why it cannot cap an encode at this `rate`, to follow its name; "" where it can."""
        if self.caps_for(rate) is not None:
            return ""
        beside = "a quality" if rate == QUALITY else "a bitrate that it keeps"
        return f"cannot cap the rate beside {beside}; leave out maxrate_kbps and bufsize_kbps"

    def arguments(self, settings: Settings) -> list[str]:
        """ffmpeg's output arguments of one encode; those of colour and muxing, common to all, are not here.

        Raises
        ------
        EncodeError
            If the encoder does not have this `rate`, or the rate is to be capped and the encoder cannot, or latency is
            to be low and it is not capped or cannot.
        """
        if settings.rate not in self.rates:
            raise EncodeError(f"{self.name} has no rate {settings.rate}; the choices are {', '.join(self.rates)}")
        options, capping = self.options, self.caps_for(settings.rate)
        if settings.low_latency:
            if isinstance(self.low_latency, str):
                raise EncodeError(f"{self.name} has no encodes of low latency, for {self.low_latency}")
            if settings.rate != QUALITY or settings.maxrate_kbps is None:
                raise EncodeError(f"{self.name}: low latency goes by a quality under a cap; set maxrate_kbps")
            options, capping = self.low_latency.options, self.low_latency.caps
        caps = []
        if settings.maxrate_kbps is not None and settings.bufsize_kbps is not None:
            if capping is None:
                raise EncodeError(f"{self.name} {self.caps_fault(settings.rate)}")
            caps = capping(settings)
        pix_fmt = self.handed.get(settings.pix_fmt, settings.pix_fmt)
        shared = ["-c:v", self.encoder, "-pix_fmt", pix_fmt, "-g", str(settings.keyint), *caps]
        filters = [self.bitstream_filter, self.level_filter if settings.unbounded else ""]
        filtered = ["-bsf:v", ",".join(filter(None, filters))] if any(filters) else []
        return [*shared, *options(settings), *filtered, "-tag:v", self.sample_entry]

    def presets_for(self, latency: str) -> tuple[str, ...]:
        """The presets of encodes of "low" or of any other latency, slow to fast."""
        if latency == LOW and isinstance(self.low_latency, LowLatency):
            return self.low_latency.presets
        return self.presets

    def regions_fault(self, preset: str, low_latency: bool, offsets: int) -> str:
        """Why it would not heed regions of so many offsets, in words that follow its name; "" where it does."""
        if self.regions is None:
            return "ignores regions of another quality; leave roi out, or take a codec that heeds them (docs/roi.md)"
        if preset in self.regions.not_at:
            return f"ignores regions at the preset {preset}, which has no adaptive quantization; take a slower preset"
        if self.regions.low_latency_only and not low_latency:
            return "ignores regions but in encodes of low latency; set latency: low"
        if self.regions.offsets is not None and offsets > self.regions.offsets:
            return (
                f"tells {self.regions.offsets} different offsets apart, and the regions have {offsets}; give them fewer"
            )
        return ""

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
