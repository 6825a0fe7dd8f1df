"""H.264, H.265 and AV1 by the encoders of Intel's GPUs (Quick Sync Video)."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Regions, Settings, aimed, forced_keyframes
from .knobs import ONE_PASS

PRESETS = ("veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast")
GRID = ("18", "22", "26", "30", "34", "38")


def _av1_options(settings: Settings) -> list[str]:
    # A quality without a rate is what ffmpeg takes for the intelligent constant quality (ICQ).
    quality = ["-preset", settings.preset, *aimed(settings, "-global_quality", settings.crf)]
    return [*quality, "-adaptive_i", "0", "-forced_idr", "1", *forced_keyframes(settings)]


def _options(settings: Settings) -> list[str]:
    return [*_av1_options(settings), "-idr_interval", "0"]


def _facts(stitching: str, hdr: str, rfc6381: str, roi: str = "addroi side data") -> Facts:
    return Facts(
        maker="Quick Sync Video",
        stitching=stitching,
        keyframes="-g, -adaptive_i 0, closed groups, -forced_idr 1 and a list of the keyframes: IDR",
        two_pass="none",
        statistics="none through ffmpeg",
        hdr=hdr,
        roi=roi,
        rfc6381=rfc6381,
    )


H264_QSV = Codec(
    name="h264_qsv",
    encoder="h264_qsv",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-global_quality", Decimal(1), Decimal(51), Decimal(1), -1, GRID),
    presets=PRESETS,
    pix_fmts=("yuv420p",),
    min_side=32,
    max_width=4096,
    max_height=4096,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=6",
    parameter_sets=(7, 8),
    options=_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed={"yuv420p": "nv12"},
    flags="+cgop",
    regions=Regions(),
    facts=_facts("SEI are removed; shots whose parameter sets differ are refused by name", "none", "avc1.PPCCLL"),
)

HEVC_QSV = Codec(
    name="hevc_qsv",
    encoder="hevc_qsv",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-global_quality", Decimal(1), Decimal(51), Decimal(1), -1, GRID),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=128,
    max_width=8192,
    max_height=8192,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=39|40",
    parameter_sets=(32, 33, 34),
    options=_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed={"yuv420p": "nv12", "yuv420p10le": "p010le"},
    flags="+cgop",
    regions=Regions(),
    facts=_facts(
        "SEI are removed; shots whose parameter sets differ are refused by name",
        "side data of the frames",
        "hvc1.P.C.TLL.B0",
    ),
)

AV1_QSV = Codec(
    name="av1_qsv",
    encoder="av1_qsv",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob("-global_quality", Decimal(1), Decimal(51), Decimal(1), -1, GRID),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=128,
    max_width=8192,
    max_height=8192,
    chroma_locations=("left",),
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_av1_options,
    caps=None,
    rates=ONE_PASS,
    threaded=False,
    handed={"yuv420p": "nv12", "yuv420p10le": "p010le"},
    flags="+cgop",
    facts=_facts(
        "the sequence header goes into the sample entry; shots whose headers differ are refused by name",
        "side data of the frames",
        "av01.P.LLT.DD",
        roi="none through ffmpeg",
    ),
)
