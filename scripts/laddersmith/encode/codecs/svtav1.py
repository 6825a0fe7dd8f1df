"""AV1 by SVT-AV1."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Settings, aimed, caps_by_constant, pairs
from .knobs import QUALITY


def _options(settings: Settings) -> list[str]:
    own = pairs(lp=settings.threads, scd=0, irefresh_type=2)
    # ffmpeg's -crf takes whole numbers only; the encoder's own parameter takes quarters.
    quality = pairs(crf=settings.crf) + ":" if settings.rate == QUALITY else ""
    return ["-preset", settings.preset, *aimed(settings), "-svtav1-params", quality + own]


def _low_latency(settings: Settings) -> list[str]:
    # It caps the rate beside a CRF only where it looks ahead. At low delay it keeps a rate, that of the cap, with a
    # quantizer that never goes below a least one.
    own = pairs(lp=settings.threads, scd=0, irefresh_type=2, pred_struct=1, min_qp=settings.crf)
    return ["-preset", settings.preset, "-svtav1-params", own]


PRESETS = tuple(str(number) for number in range(12))
CRFS = ("23", "30", "37", "44", "51", "58")

SVTAV1 = Codec(
    name="svtav1",
    encoder="libsvtav1",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob("crf in -svtav1-params", Decimal(1), Decimal(70), Decimal("0.25"), -1, CRFS),
    presets=PRESETS,
    pix_fmts=("yuv420p", "yuv420p10le"),
    min_side=4,
    max_width=16384,
    max_height=8704,
    chroma_locations=("left", "topleft"),
    # SVT-AV1 gives out one header before the first frame and codes by another: the sample entry takes the latter.
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_options,
    target_caps=None,
    low_latency=LowLatency(
        PRESETS,
        _low_latency,
        "pred-struct=1: low delay; a constant bitrate, the cap, with the CRF as its least quantizer",
        caps=caps_by_constant,
        knob=Knob("min-qp in -svtav1-params", Decimal(1), Decimal(63), Decimal(1), -1, CRFS),
    ),
    tells=frozenset({"qp", "I", "P"}),
    facts=Facts(
        maker="SVT-AV1",
        stitching="the sequence header of the coded pictures is put into the sample entry; every shot has the same",
        keyframes="irefresh_type=2 (closed groups), scd=0, -g",
        two_pass="-pass 1 and 2 with -passlogfile, for a bitrate",
        statistics="-vstats_file: QP, size and type of every frame",
        hdr="mastering-display and content-light in -svtav1-params, as metadata OBUs",
        roi="none through ffmpeg",
        rfc6381="av01.P.LLT.DD",
    ),
)
