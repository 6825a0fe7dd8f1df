"""The encoders, by the names that the config uses. Standard library only: every dry run imports this."""

from collections.abc import Mapping
from typing import Any

from .amf import AV1_AMF, H264_AMF, HEVC_AMF
from .base import LOW, Codec, Facts, LowLatency, Settings
from .knobs import AVERAGE, QUALITY, RATES, TWO_PASS, Knob
from .libaom import LIBAOM
from .nvenc import AV1_NVENC, H264_NVENC, HEVC_NVENC
from .qsv import AV1_QSV, H264_QSV, HEVC_QSV
from .rav1e import RAV1E
from .svtav1 import SVTAV1
from .videotoolbox import H264_VIDEOTOOLBOX, HEVC_VIDEOTOOLBOX
from .vp9 import VP9
from .vvenc import VVENC
from .x264 import X264
from .x265 import X265

SOFTWARE = (X264, X265, SVTAV1, LIBAOM, RAV1E, VP9, VVENC)
NVENC = (H264_NVENC, HEVC_NVENC, AV1_NVENC)
QSV = (H264_QSV, HEVC_QSV, AV1_QSV)
AMF = (H264_AMF, HEVC_AMF, AV1_AMF)
VIDEOTOOLBOX = (H264_VIDEOTOOLBOX, HEVC_VIDEOTOOLBOX)
CODECS: dict[str, Codec] = {codec.name: codec for codec in (*SOFTWARE, *NVENC, *QSV, *AMF, *VIDEOTOOLBOX)}

__all__ = [
    "AVERAGE",
    "CODECS",
    "LOW",
    "QUALITY",
    "RATES",
    "SOFTWARE",
    "TWO_PASS",
    "Codec",
    "Facts",
    "Knob",
    "LowLatency",
    "Settings",
    "knob_of",
    "start_values",
    "variant_knob",
]


def knob_of(codec: str, rate: str) -> Knob:
    """What is turned in a codec's encodes at this `rate`, one of RATES."""
    return CODECS[codec].knob_for(rate)


def variant_knob(variant: Mapping[str, Any]) -> Knob:
    """What is turned in a variant's encodes."""
    return knob_of(variant["codec"], variant.get("rate", QUALITY))


def start_values(variant: Mapping[str, Any]) -> list[Any]:
    """The values of its knob that a search of a checked variant starts from: its CRFs, or its bitrates."""
    return list(variant["crfs" if variant.get("rate", QUALITY) == QUALITY else "kbps"])
