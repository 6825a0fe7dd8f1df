"""VP9 by libvpx."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, caps_by_target


def _options(settings: Settings) -> list[str]:
    uncapped = ["-b:v", "0"] if settings.maxrate_kbps is None else []
    # Equal steps, greatest and least, turn the encoder's own choice of keyframes off.
    keyframes = ["-keyint_min", str(settings.keyint)]
    shared = ["-deadline", "good", "-row-mt", "0", "-threads", str(settings.threads)]
    return ["-cpu-used", settings.preset, "-crf", settings.crf, *uncapped, *keyframes, *shared]


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
    caps=caps_by_target,
    facts=Facts(
        maker="libvpx",
        stitching="nothing to share: every picture has its own header; hidden pictures are within a shown one's packet",
        keyframes="-g and -keyint_min the same: every keyframe resets all references",
        two_pass="-pass 1 and 2 with -passlogfile, for a quality or a target bitrate; alternate references need it",
        statistics="-vstats_file: QP, size and type of every frame",
        hdr="none in the bitstream",
        roi="addroi side data, with -deadline realtime, -cpu-used 5 or more and -aq-mode 0 alone",
        rfc6381="vp09.PP.LL.DD.CC.PP.TT.MM.FF",
    ),
)
