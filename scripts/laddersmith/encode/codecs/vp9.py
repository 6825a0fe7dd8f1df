"""VP9 by libvpx."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Regions, Settings, aimed, caps_by_constant, caps_by_target


def _options(settings: Settings) -> list[str]:
    uncapped = ["-b:v", "0"] if settings.maxrate_kbps is None else []
    # Equal steps, greatest and least, turn the encoder's own choice of keyframes off.
    keyframes = ["-keyint_min", str(settings.keyint)]
    shared = ["-deadline", "good", "-row-mt", "0", "-threads", str(settings.threads)]
    quality = aimed(settings, "-crf", settings.crf, *uncapped)
    return ["-cpu-used", settings.preset, *quality, *keyframes, *shared]


def _low_latency(settings: Settings) -> list[str]:
    # Here a quality hardly tells beside a cap: the encoder keeps the rate, with a quantizer never below a least one.
    quality = ["-qmin", settings.crf, "-qmax", "63", "-keyint_min", str(settings.keyint)]
    shared = ["-deadline", "realtime", "-lag-in-frames", "0", "-row-mt", "0", "-threads", str(settings.threads)]
    return ["-cpu-used", settings.preset, *quality, *shared]


VP9 = Codec(
    name="vp9",
    encoder="libvpx-vp9",
    decoded_as="vp9",
    sample_entry="vp09",
    knob=Knob("-crf", Decimal(1), Decimal(63), Decimal(1), -1, ("24", "30", "36", "42", "48", "54")),
    presets=tuple(str(number) for number in range(6)),  # 6 and more are 5 by another name under this deadline
    pix_fmts=("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    min_side=2,
    max_width=16384,
    max_height=8704,
    chroma_locations=("left", "topleft"),
    bitstream_filter="",
    parameter_sets=(),
    options=_options,
    low_latency=LowLatency(
        tuple(str(number) for number in range(5, 9)),  # less is 5 by another name
        _low_latency,
        "-deadline realtime, -lag-in-frames 0; a constant bitrate, the cap, with the CRF as its least quantizer",
        caps=caps_by_constant,
    ),
    caps=caps_by_target,
    regions=Regions(low_latency_only=True, offsets=7),
    tells=frozenset({"qp", "I", "P"}),
    facts=Facts(
        maker="libvpx",
        stitching="nothing to share: every picture has its own header; hidden pictures are within a shown one's packet",
        keyframes="-g and -keyint_min the same: every keyframe resets all references",
        two_pass="-pass 1 and 2 with -passlogfile, for a quality or a bitrate; alternate references need it",
        statistics="-vstats_file: QP, size and type of every frame; errors and motion of a first pass",
        hdr="none in the bitstream",
        roi="addroi side data, in encodes of low latency alone, with at most 7 different offsets",
        rfc6381="vp09.PP.LL.DD.CC.PP.TT.MM.FF",
    ),
)
