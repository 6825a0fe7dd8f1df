"""H.264 and H.265 by the encoders of Apple's chips (VideoToolbox)."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, aimed, forced_keyframes
from .knobs import ONE_PASS

PRESETS = ("quality", "speed")
# The one knob here by which more is better.
GRID = ("80", "70", "60", "50", "40", "30")


def _options(settings: Settings) -> list[str]:
    speed = ["-prio_speed", str(PRESETS.index(settings.preset))]
    quality = aimed(settings, "-q:v", settings.crf)
    return [*quality, *speed, "-realtime", "0", "-allow_sw", "0", *forced_keyframes(settings)]


def _facts(hdr: str, rfc6381: str) -> Facts:
    return Facts(
        maker="VideoToolbox",
        stitching="SEI are removed; shots whose parameter sets differ are refused by name",
        keyframes="-g, closed groups and a list of the keyframes: IDR",
        two_pass="none through ffmpeg",
        statistics="none through ffmpeg",
        hdr=hdr,
        roi="none through ffmpeg",
        rfc6381=rfc6381,
    )


H264_VIDEOTOOLBOX = Codec(
    name="h264_videotoolbox",
    encoder="h264_videotoolbox",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-q:v", Decimal(1), Decimal(100), Decimal(1), +1, GRID),
    presets=PRESETS,
    pix_fmts=("yuv420p",),
    min_side=16,
    max_width=4096,
    max_height=2304,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=6",
    parameter_sets=(7, 8),
    options=_options,
    caps=None,
    rates=ONE_PASS,
    target_caps=None,
    threaded=False,
    handed={"yuv420p": "nv12"},
    flags="+cgop",
    facts=_facts("none", "avc1.PPCCLL"),
)

HEVC_VIDEOTOOLBOX = Codec(
    name="hevc_videotoolbox",
    encoder="hevc_videotoolbox",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-q:v", Decimal(1), Decimal(100), Decimal(1), +1, GRID),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=16,
    max_width=8192,
    max_height=4320,
    chroma_locations=("left",),
    bitstream_filter="filter_units=remove_types=39|40",
    parameter_sets=(32, 33, 34),
    options=_options,
    caps=None,
    rates=ONE_PASS,
    target_caps=None,
    threaded=False,
    handed={"yuv420p": "nv12", "yuv420p10le": "p010le"},
    flags="+cgop",
    facts=_facts("side data of the frames, as SEI", "hvc1.P.C.TLL.B0"),
)
