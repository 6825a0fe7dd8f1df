"""H.264, H.265 and AV1 by the encoders of AMD's GPUs (AMF)."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, aimed, forced_keyframes
from .knobs import ONE_PASS, QUALITY

PRESETS = ("high_quality", "quality", "balanced", "speed")
HANDED = {"yuv420p": "nv12", "yuv420p10le": "p010le"}


def _quantizers(settings: Settings, *kinds: str) -> list[str]:
    """The same constant quantizer for all kinds of frames, or a bitrate to keep."""
    control = "cqp" if settings.rate == QUALITY else "vbr_peak"
    quality = aimed(settings, *(word for kind in kinds for word in (f"-qp_{kind}", settings.crf)))
    shared = ["-usage", "transcoding", "-preset", settings.preset, "-rc", control, *quality]
    return [*shared, "-forced_idr", "1", *forced_keyframes(settings)]


def _h264_options(settings: Settings) -> list[str]:
    return _quantizers(settings, "i", "p", "b")


def _hevc_options(settings: Settings) -> list[str]:
    return [*_quantizers(settings, "i", "p"), "-gops_per_idr", "1"]


def _av1_options(settings: Settings) -> list[str]:
    return [*_quantizers(settings, "i", "p", "b"), "-align", "none"]


def _facts(keyframes: str, stitching: str, rfc6381: str) -> Facts:
    return Facts(
        maker="AMF",
        stitching=stitching,
        keyframes=keyframes,
        two_pass="none over files; -preencode within one run",
        statistics="none through ffmpeg",
        hdr="side data of the frames",
        roi="none through ffmpeg",
        rfc6381=rfc6381,
    )


H264_AMF = Codec(
    name="h264_amf",
    encoder="h264_amf",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-qp_i, -qp_p, -qp_b", Decimal(1), Decimal(51), Decimal(1), -1, ("18", "22", "26", "30", "34", "38")),
    presets=PRESETS,
    pix_fmts=("yuv420p",),
    min_side=128,
    max_width=4096,
    max_height=4096,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=6",
    parameter_sets=(7, 8),
    options=_h264_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed=HANDED,
    facts=_facts(
        "-g, -forced_idr 1 and a list of the keyframes: IDR",
        "SEI are removed; shots whose parameter sets differ are refused by name",
        "avc1.PPCCLL",
    ),
)

HEVC_AMF = Codec(
    name="hevc_amf",
    encoder="hevc_amf",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-qp_i, -qp_p", Decimal(1), Decimal(51), Decimal(1), -1, ("18", "22", "26", "30", "34", "38")),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=128,
    max_width=7680,
    max_height=4320,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=39|40",
    parameter_sets=(32, 33, 34),
    options=_hevc_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed=HANDED,
    facts=_facts(
        "-g, -gops_per_idr 1, -forced_idr 1 and a list of the keyframes: IDR",
        "SEI are removed; shots whose parameter sets differ are refused by name",
        "hvc1.P.C.TLL.B0",
    ),
)

AV1_AMF = Codec(
    name="av1_amf",
    encoder="av1_amf",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob(
        "-qp_i, -qp_p, -qp_b", Decimal(1), Decimal(255), Decimal(1), -1, ("60", "90", "120", "150", "180", "210")
    ),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=128,
    max_width=7680,
    max_height=4320,
    chroma_locations=("left",),
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_av1_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed=HANDED,
    facts=_facts(
        "-g, -forced_idr 1 and a list of the keyframes",
        "the sequence header goes into the sample entry; shots whose headers differ are refused by name",
        "av01.P.LLT.DD",
    ),
)
