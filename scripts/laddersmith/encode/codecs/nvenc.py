"""H.264, H.265 and AV1 by the encoders of NVIDIA's GPUs (NVENC)."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Settings, aimed, forced_keyframes
from .knobs import ONE_PASS

PRESETS = tuple(f"p{number}" for number in range(7, 0, -1))


def _options(settings: Settings) -> list[str]:
    quality = ["-tune", "hq", "-rc", "vbr", *aimed(settings, "-cq", settings.crf, "-b:v", "0")]
    return ["-preset", settings.preset, *quality, "-no-scenecut", "1", "-forced-idr", "1", *forced_keyframes(settings)]


def _low_latency(settings: Settings) -> list[str]:
    quality = ["-tune", "ull", "-rc", "vbr", "-cq", settings.crf, "-b:v", "0"]
    at_once = ["-bf", "0", "-rc-lookahead", "0", "-zerolatency", "1", "-delay", "0"]
    keyframes = ["-no-scenecut", "1", "-forced-idr", "1", *forced_keyframes(settings)]
    return ["-preset", settings.preset, *quality, *at_once, *keyframes]


LOW_LATENCY = LowLatency(
    PRESETS, _low_latency, "-tune ull, -bf 0, -rc-lookahead 0, -zerolatency 1, -delay 0: no B-frames, no lookahead"
)


def _facts(stitching: str, hdr: str, rfc6381: str) -> Facts:
    return Facts(
        maker="NVENC",
        stitching=stitching,
        keyframes="-g, -no-scenecut 1, -forced-idr 1 and a list of the keyframes: IDR",
        two_pass="none over files; -multipass within one run",
        statistics="-vstats_file: QP, size and type of every frame",
        hdr=hdr,
        roi="none through ffmpeg",
        rfc6381=rfc6381,
    )


H264_NVENC = Codec(
    name="h264_nvenc",
    encoder="h264_nvenc",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-cq", Decimal(1), Decimal(51), Decimal("0.25"), -1, ("19", "23", "27", "31", "35", "39")),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv444p"),
    min_side=50,
    max_width=4096,
    max_height=4096,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=6",
    parameter_sets=(7, 8),
    options=_options,
    low_latency=LOW_LATENCY,
    rates=ONE_PASS,
    threaded=False,
    tells=frozenset({"qp", "I", "P", "B"}),
    facts=_facts("SEI are removed; shots whose parameter sets differ are refused by name", "none", "avc1.PPCCLL"),
)

HEVC_NVENC = Codec(
    name="hevc_nvenc",
    encoder="hevc_nvenc",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-cq", Decimal(1), Decimal(51), Decimal("0.25"), -1, ("20", "24", "28", "32", "36", "40")),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le", "yuv444p"),
    min_side=50,
    max_width=8192,
    max_height=8192,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=39|40",
    parameter_sets=(32, 33, 34),
    options=_options,
    low_latency=LOW_LATENCY,
    rates=ONE_PASS,
    threaded=False,
    tells=frozenset({"qp", "I", "P", "B"}),
    handed={"yuv420p10le": "p010le"},
    facts=_facts(
        "SEI are removed; shots whose parameter sets differ are refused by name",
        "side data of the frames",
        "hvc1.P.C.TLL.B0",
    ),
)

AV1_NVENC = Codec(
    name="av1_nvenc",
    encoder="av1_nvenc",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob("-cq", Decimal(1), Decimal(63), Decimal("0.25"), -1, ("24", "30", "36", "42", "48", "54")),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=128,
    max_width=8192,
    max_height=8192,
    chroma_locations=("left",),
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_options,
    low_latency=LOW_LATENCY,
    rates=ONE_PASS,
    threaded=False,
    tells=frozenset({"qp", "I", "P", "B"}),
    handed={"yuv420p10le": "p010le"},
    facts=_facts(
        "the sequence header goes into the sample entry; shots whose headers differ are refused by name",
        "side data of the frames",
        "av01.P.LLT.DD",
    ),
)
