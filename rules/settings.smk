# What stages read of the config, each no more than decides its result: a change of anything else reruns nothing.

from laddersmith import ffmpeg, registry
from laddersmith.errors import ToolError
from laddersmith.rates import without_bitrates

LOOKS = ("score_every", "window_s")  # what stands for a shot in the rounds of search


def encoder_version():
    """What decides an encode's bits besides its settings: the stage's version, and a user's own ffmpeg."""
    own = config["ffmpeg"]
    if own is None:
        return stage_version("encode")
    try:
        return f"{stage_version('encode')} ffmpeg-{ffmpeg.version(own)}"
    except ToolError as error:
        raise WorkflowError(str(error)) from None


def shot_settings():
    """What decides where a title is cut: what the detector reads, and the rules on length.

    No path, no choice of a machine's parts, and nothing that only other detectors read: a change of those reruns nothing.
    """
    shots = config["shots"]
    read = {
        "transnetv2": ("threshold", "first_look"),
        "adaptive": ("threshold",),
        "content": ("threshold",),
        "fixed": ("fixed_length_s",),
        "file": (),
    }[shots["detector"]]
    rules = ("min_length_s", "short", "max_length_s", "long")
    return {key: shots[key] for key in ("detector", *read, *rules)}


def fixed_segment_s():
    """Seconds of a segment, where segments are fixed and shots are cut for them; else none."""
    package = config["package"]
    return package["segment_s"] if package["segments"] == "fixed" else None


def shot_model():
    """The bytes of the detector's model, where it has one."""
    name = config["shots"]["detector"]
    return registry.entry(name).sha256 if name in registry.names("shots") else ""


def ladder_settings(*keys):
    """Of the config's `ladder`, what a stage reads: a change of anything else does not rerun it."""
    return {key: config["ladder"][key] for key in keys}


def target_settings():
    """The floor of quality or the budget of bits, where one is asked for in place of a ladder."""
    search = config["search"]
    if search["mode"] == "ladder":
        return None
    limits = {"quality_floor": "target_quality", "bitrate_budget": "target_kbps"}
    return {
        "mode": search["mode"],
        "limit": search[limits[search["mode"]]],
        "scope": search["target_scope"],
        "heights": search["target_heights"],
    }


def rung_settings():
    """What decides which rungs are chosen."""
    if target_settings():
        return ladder_settings("allocation")
    limits = [
        f"{end}_{what}"
        for what in ("quality", "kbps", "height")
        for end in ("min", "max")
    ]
    shares = ("allocation", "min_shot_quality", "max_jump", "max_peak_ratio")
    return ladder_settings("rungs", "spacing", "min_step", *limits, *shares, "codecs")


def search_settings():
    """What the strategy reads."""
    search = config["search"]
    settings = {key: search[key] for key in ("strategy", "crf_step")}
    if search["strategy"] == "adaptive":
        settings |= {key: search[key] for key in ("tolerance", "max_points", *LOOKS)}
        settings |= {
            "rules": rung_settings(),
            "target": target_settings(),
            "segments": capped_segments(),
            "prior": registry.entry("rate_quality").sha256,
        }
    return settings


def choice_settings(wildcards):
    """What the choice reads of the search: under adaptive it expects points by the same surfaces."""
    settings = {key: config["search"][key] for key in ("strategy", "crf_step")}
    settings["target"] = target_settings()
    if settings["strategy"] == "adaptive":
        settings["variants"] = searched_variants(wildcards)
        settings["heights"] = searched_heights(wildcards)
        settings["prior"] = registry.entry("rate_quality").sha256
    return settings


def look_settings(*keys):
    """Of what stands for a shot in the rounds of search, what a stage reads there; the last round knows no looks."""

    def settings(wildcards):
        if int(wildcards.round) == LAST:
            return {}
        return {key: config["search"][key] for key in keys}

    return settings


def capped_segments():
    """Where segments begin, if the choice of rungs goes by it."""
    if (
        config["ladder"]["max_peak_ratio"] is None
        or config["ladder"]["allocation"] == "single"
    ):
        return None
    package = config["package"]
    return {
        "segment_s": package["segment_s"],
        "segments": package["segments"],
        "keyframe_s": config["encode"]["keyframe_s"],
    }


def encoder_settings(wildcards):
    """What decides an encode's bits besides its plan: the settings of the codec's variants, without their knob's values."""
    return {
        name: {
            key: value for key, value in settings.items() if key not in ("crfs", "kbps")
        }
        for name, settings in VARIANTS.items()
        if settings["codec"] == wildcards.codec
    }


def tried_presets(wildcards):
    """Per codec of the title: its first variant of a quality, and the presets tried, slow to fast, its own among them."""
    first = {}
    for settings in without_bitrates(searched_variants(wildcards)).values():
        first.setdefault(settings["codec"], settings)
    lost = sorted(set(title_codecs(wildcards)) - set(first))
    if lost:
        raise WorkflowError(
            f"presets: every variant of {', '.join(lost)} keeps a bitrate, and presets are compared at CRFs; add a "
            f"variant with rate: quality, or leave the codec out of the title's codecs"
        )
    tried = config["compare"]["presets"]["tried"]
    return {
        codec: {
            "settings": settings,
            "presets": [
                preset
                for preset in CODECS[codec].presets_for(settings["latency"])
                if preset == settings["preset"]
                or preset in tried.get(codec, CODECS[codec].presets)
            ],
        }
        for codec, settings in first.items()
    }


def preset_settings():
    """What decides which presets are tried, recommended and searched."""
    return {
        key: value
        for key, value in config["compare"]["presets"].items()
        if key != "tried"
    }
