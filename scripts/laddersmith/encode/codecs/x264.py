"""H.264 by x264."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Regions, Settings, aimed, pairs


def _options(settings: Settings) -> list[str]:
    # stitchable: x264 leaves CRF out of the picture parameter set, so that every shot has the same one.
    own = pairs(stitchable=1, scenecut=0, open_gop=0, keyint=settings.keyint, min_keyint=1, threads=settings.threads)
    # Its range of vectors goes by the level, and that by the bitrate: this is the range of all levels from 2.1 to 3.
    own += ":mvrange=256" if settings.unbounded else ""
    return ["-preset", settings.preset, *aimed(settings, "-crf", settings.crf), "-x264-params", own]


def _low_latency(settings: Settings) -> list[str]:
    # The tune turns B-frames, lookahead and macroblock-tree off, and gives threads slices of one frame.
    return ["-tune", "zerolatency", *_options(settings)]


PRESETS = (
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
)

X264 = Codec(
    name="x264",
    encoder="libx264",
    decoded_as="h264",
    sample_entry="avc1",
    knob=Knob("-crf", Decimal(1), Decimal(51), Decimal("0.1"), -1, ("19", "23", "27", "31", "35", "39")),
    presets=PRESETS,
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
    level_filter="h264_metadata=level=auto",
    parameter_sets=(7, 8),
    options=_options,
    regions=Regions(not_at=("ultrafast",)),
    low_latency=LowLatency(PRESETS, _low_latency, "-tune zerolatency: no B-frames, no lookahead, slices for threads"),
    tells=frozenset({"qp", "I", "P", "B"}),
    account="-x264-params",
    facts=Facts(
        maker="x264",
        stitching="stitchable=1: parameter sets without CRF, the same in every shot; the settings SEI is removed",
        keyframes="keyint, min_keyint=1, scenecut=0, open_gop=0: IDR",
        two_pass="-pass 1 and 2 with -passlogfile, for a bitrate",
        statistics="-vstats_file: QP, size and type of every frame; pass=1: bits of texture, motion; shares of blocks",
        hdr="mastering-display and cll in -x264-params, as SEI",
        roi="addroi side data, but for the preset ultrafast",
        rfc6381="avc1.PPCCLL",
    ),
)
