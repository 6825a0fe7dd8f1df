"""H.265 by x265."""

from decimal import Decimal

from .base import Codec, Facts, Knob, Settings, pairs


def _options(settings: Settings) -> list[str]:
    # Threads are named in full: left to itself, x265 chooses by the machine's cores, and its bits change with them.
    own = pairs(
        info=0,
        repeat_headers=0,
        open_gop=0,
        scenecut=0,
        keyint=settings.keyint,
        min_keyint=settings.keyint,
        pools=settings.threads,
        frame_threads=min(settings.threads, 4),
        log_level="error",
    )
    return ["-preset", settings.preset, "-crf", settings.crf, "-forced-idr", "1", "-x265-params", own]


X265 = Codec(
    name="x265",
    encoder="libx265",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-crf", Decimal(1), Decimal(51), Decimal("0.1"), -1, ("20", "24", "28", "32", "36", "40")),
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
    min_side=16,
    max_width=8192,
    max_height=8192,
    chroma_locations=("left", "center", "topleft", "top", "bottomleft", "bottom"),
    bitstream_filter="filter_units=remove_types=39|40",
    parameter_sets=(32, 33, 34),
    options=_options,
    facts=Facts(
        maker="x265",
        stitching="info=0, repeat_headers=0: parameter sets are the same in every shot; SEI are removed",
        keyframes="keyint=min_keyint, scenecut=0, open_gop=0, -forced-idr 1: IDR",
        two_pass="-pass 1 and 2 with -passlogfile, for a target bitrate",
        statistics="-vstats_file: QP, size and type of every frame; block sizes and skips by csv in -x265-params",
        hdr="master-display and max-cll in -x265-params, as SEI",
        roi="addroi side data",
        rfc6381="hvc1.P.C.TLL.B0",
    ),
)
