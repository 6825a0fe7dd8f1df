"""H.264 by x264."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, pairs


def _options(settings: Settings) -> list[str]:
    # stitchable: x264 leaves CRF out of the picture parameter set, so that every shot has the same one.
    own = pairs(stitchable=1, scenecut=0, open_gop=0, keyint=settings.keyint, min_keyint=1, threads=settings.threads)
    return ["-preset", settings.preset, "-crf", settings.crf, "-x264-params", own]


X264 = Codec(
    name="x264",
    encoder="libx264",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-crf", Decimal(1), Decimal(51), Decimal("0.1"), -1, ("19", "23", "27", "31", "35", "39")),
    presets=(
        "placebo",
        "veryslow",
        "slower",
        "slow",
        "medium",
        "fast",
        "faster",
        "veryfast",
        "superfast",
        "ultrafast",
    ),
    pix_fmts=(
        "yuv420p",
        "yuv420p10le",
        "yuv422p",
        "yuv422p10le",
        "yuv444p",
        "yuv444p10le",
    ),
    min_side=4,
    max_width=16384,
    max_height=16384,
    chroma_locations=("left", "center", "topleft", "top", "bottomleft", "bottom"),
    bitstream_filter="filter_units=remove_types=6",
    parameter_sets=(7, 8),
    options=_options,
    facts=Facts(
        maker="x264",
        stitching="stitchable=1: parameter sets without CRF, the same in every shot; the settings SEI is removed",
        keyframes="keyint, min_keyint=1, scenecut=0, open_gop=0: IDR",
        two_pass="-pass 1 and 2 with -passlogfile, for a target bitrate",
        statistics="-vstats_file: QP, size and type of every frame",
        hdr="mastering-display and cll in -x264-params, as SEI",
        roi="addroi side data",
        rfc6381="avc1.PPCCLL",
    ),
)
