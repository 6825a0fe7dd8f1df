"""AV1 by libaom."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Settings, aimed, caps_by_constant, caps_by_target


def _options(settings: Settings) -> list[str]:
    uncapped = ["-b:v", "0"] if settings.maxrate_kbps is None else []
    # Equal steps, greatest and least, turn the encoder's own choice of keyframes off.
    keyframes = ["-keyint_min", str(settings.keyint)]
    shared = ["-usage", "good", "-row-mt", "0", "-threads", str(settings.threads)]
    # A first pass of one frame would make the second one a still picture, whose header is another.
    video = ["-aom-params", "force-video-mode=1"] if settings.turn else []
    quality = [*aimed(settings, "-crf", settings.crf, *uncapped), *video]
    return ["-cpu-used", settings.preset, *quality, *keyframes, *shared]


def _low_latency(settings: Settings) -> list[str]:
    # Here a quality hardly tells beside a cap: the encoder keeps the rate, with a quantizer never below a least one.
    quality = ["-qmin", settings.crf, "-qmax", "63", "-keyint_min", str(settings.keyint)]
    shared = ["-usage", "realtime", "-lag-in-frames", "0", "-row-mt", "0", "-threads", str(settings.threads)]
    return ["-cpu-used", settings.preset, *quality, *shared]


LIBAOM = Codec(
    name="libaom",
    encoder="libaom-av1",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob("-crf", Decimal(1), Decimal(63), Decimal(1), -1, ("24", "31", "38", "45", "52", "59")),
    presets=tuple(str(number) for number in range(7)),  # 7 and 8 are 6 by another name
    pix_fmts=("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    min_side=2,
    max_width=16384,
    max_height=8704,
    chroma_locations=("left", "topleft"),
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_options,
    low_latency=LowLatency(
        tuple(str(number) for number in range(5, 9)),  # less is 5 by another name
        _low_latency,
        "-usage realtime, -lag-in-frames 0; a constant bitrate, the cap, with the CRF as its least quantizer",
        caps=caps_by_constant,
    ),
    caps=caps_by_target,
    tells=frozenset({"I", "P"}),
    facts=Facts(
        maker="libaom",
        stitching="the sequence header goes into the sample entry; every shot has the same",
        keyframes="-g and -keyint_min the same: every keyframe resets all references",
        two_pass="-pass 1 and 2 with -passlogfile, for a quality or a bitrate",
        statistics="-vstats_file: size and type of every frame; the QP there is not its own",
        hdr="none in the bitstream",
        roi="none through ffmpeg",
        rfc6381="av01.P.LLT.DD",
    ),
)
