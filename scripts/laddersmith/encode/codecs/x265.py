"""H.265 by x265."""

from decimal import Decimal

from .base import Codec, Facts, Knob, LowLatency, Regions, Settings, aimed, pairs


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
        frame_threads=1 if settings.low_latency else min(settings.threads, 4),
        log_level="error",
    )
    own += ":high-tier=0" if settings.unbounded else ""
    quality = aimed(settings, "-crf", settings.crf)
    return ["-preset", settings.preset, *quality, "-forced-idr", "1", "-x265-params", own]


def _low_latency(settings: Settings) -> list[str]:
    # The tune turns B-frames, lookahead and cu-tree off; frames side by side would wait for one another.
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

X265 = Codec(
    name="x265",
    encoder="libx265",
    decoded_as="hevc",
    sample_entry="hvc1",
    knob=Knob("-crf", Decimal(1), Decimal(51), Decimal("0.1"), -1, ("20", "24", "28", "32", "36", "40")),
    presets=PRESETS,
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
    level_filter="hevc_metadata=level=auto",
    parameter_sets=(32, 33, 34),
    options=_options,
    regions=Regions(not_at=("superfast", "ultrafast")),
    low_latency=LowLatency(PRESETS, _low_latency, "-tune zerolatency: no B-frames, no lookahead; one frame at a time"),
    tells=frozenset({"qp", "I", "P", "B"}),
    account="-x265-params",
    facts=Facts(
        maker="x265",
        stitching="info=0, repeat_headers=0: parameter sets are the same in every shot; SEI are removed",
        keyframes="keyint=min_keyint, scenecut=0, open_gop=0, -forced-idr 1: IDR",
        two_pass="-pass 1 and 2 with -passlogfile, for a bitrate",
        statistics="-vstats_file: QP, size and type of every frame; pass=1: bits of texture, motion; shares of blocks",
        hdr="master-display and max-cll in -x265-params, as SEI",
        roi="addroi side data, but for the presets superfast and ultrafast",
        rfc6381="hvc1.P.C.TLL.B0",
    ),
)
