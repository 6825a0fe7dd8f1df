"""AV1 by rav1e."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, aimed, bits, pairs
from .knobs import ONE_PASS


def _options(settings: Settings) -> list[str]:
    # Equal steps, greatest and least, turn the encoder's own choice of keyframes off.
    keyframes = ["-keyint_min", str(settings.keyint)]
    # Where it keeps a rate this is the greatest quantizer, which would else be 100.
    greatest = "255" if settings.maxrate_kbps is not None else settings.crf
    quality = aimed(settings, "-qp", greatest)
    return ["-speed", settings.preset, *quality, *keyframes, "-threads", str(settings.threads)]


def _caps(settings: Settings) -> list[str]:
    """rav1e keeps an average rate with a quantizer that never goes below a least one; its buffer is its own."""
    assert settings.maxrate_kbps is not None
    return ["-rav1e-params", pairs(bitrate=bits(settings.maxrate_kbps)) + f":min_quantizer={settings.crf}"]


RAV1E = Codec(
    name="rav1e",
    encoder="librav1e",
    decoded_as="av1",
    sample_entry="av01",
    knob=Knob("-qp", Decimal(1), Decimal(255), Decimal(1), -1, ("60", "90", "120", "150", "180", "210")),
    presets=tuple(str(number) for number in range(11)),
    pix_fmts=("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    min_side=16,
    max_width=16384,
    max_height=8704,
    chroma_locations=("left", "topleft"),
    bitstream_filter="extract_extradata",
    parameter_sets=(1,),
    options=_options,
    low_latency="it keeps 13 frames or more to itself also when asked for that",
    caps=_caps,
    rates=ONE_PASS,
    target_caps=None,
    facts=Facts(
        maker="rav1e",
        stitching="the sequence header goes into the sample entry; every shot has the same",
        keyframes="-g and -keyint_min the same: every keyframe resets all references",
        two_pass="none: ffmpeg keeps nothing of the first pass",
        statistics="none: the QP that ffmpeg tells is not its own",
        hdr="side data of the frames, as metadata OBUs",
        roi="none through ffmpeg",
        rfc6381="av01.P.LLT.DD",
    ),
)
