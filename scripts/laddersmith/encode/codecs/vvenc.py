"""H.266 by VVenC."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, aimed, bits, pairs
from .knobs import QUALITY


def _options(settings: Settings) -> list[str]:
    # ffmpeg's wrapper counts the step in seconds; the encoder's own parameter counts frames.
    own = pairs(DecodingRefreshType="idr_no_radl") + f":IntraPeriod={settings.keyint}"
    if settings.rate != QUALITY:
        # Left to itself it states a level and a decoder's buffer that go by the bitrate: every shot would have its own.
        own += ":HrdParametersPresent=0:Level=6.2"
    quality = aimed(settings, "-qp", settings.crf)
    return ["-preset", settings.preset, *quality, "-threads", str(settings.threads), "-vvenc-params", own]


def _caps(settings: Settings) -> list[str]:
    """VVenC bounds the rate of a constant quality by its greatest value alone; its buffer is its own."""
    assert settings.maxrate_kbps is not None
    return ["-maxrate", bits(settings.maxrate_kbps)]


VVENC = Codec(
    name="vvenc",
    encoder="libvvenc",
    decoded_as="vvc",
    sample_entry="vvc1",
    knob=Knob("-qp", Decimal(1), Decimal(63), Decimal(1), -1, ("22", "26", "30", "34", "38", "42")),
    presets=("slower", "slow", "medium", "fast", "faster"),
    pix_fmts=("yuv420p10le",),
    min_side=32,
    max_width=8192,
    max_height=4320,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=13|14|15|16|20|23|24",
    parameter_sets=(13, 14, 15, 16),
    options=_options,
    low_latency="without reordering it makes no keyframe but the first",
    caps=_caps,
    target_caps=None,
    full_range=False,
    facts=Facts(
        maker="VVenC",
        stitching="parameter sets are the same in every shot, at every QP, and stand in the sample entry alone; no SEI",
        keyframes="IntraPeriod, DecodingRefreshType=idr_no_radl: IDR without leading pictures",
        two_pass="-pass 1 and 2 with -passlogfile, for a bitrate",
        statistics="none: the QP that ffmpeg tells is not its own",
        hdr="MasteringDisplayColourVolume and MaxContentLightLevel in -vvenc-params, as SEI",
        roi="none through ffmpeg",
        rfc6381="vvc1.P.TLL",
    ),
    unpackaged="Shaka Packager does not read H.266",
)
