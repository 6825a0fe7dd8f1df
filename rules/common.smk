import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from laddersmith import ffmpeg, registry
from laddersmith.config import (
    all_variants,
    codecs_of,
    heights_of,
    read_titles,
    search_rounds,
    validate,
)
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError, ToolError
from laddersmith.provenance import stage_version

try:
    config.update(validate(config, CODECS))
    TITLES = read_titles(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

VARIANTS = all_variants(config)
LAST = search_rounds(config)  # rounds 0..LAST-1 search, round LAST encodes the choice
LOOKS = ("score_every", "window_s")  # what stands for a shot in the rounds of search


def check_encoders():
    """Ends the run if an encoder that a title asks for cannot be used here.

    Where jobs run on other machines, whose hardware is not known here, only what ffmpeg was built with is checked.
    """
    from laddersmith.encode.usable import refusals

    asked = {
        codec: None for title in TITLES.values() for codec in codecs_of(config, title)
    }
    try:
        refused = refusals(config["ffmpeg"], asked, devices=workflow.local_exec)
    except ToolError as error:
        raise WorkflowError(str(error)) from None
    if refused:
        raise WorkflowError("\n".join(f"codec {sentence}" for sentence in refused))


def encoder_version():
    """What decides an encode's bits besides its settings: the stage's version, and a user's own ffmpeg."""
    own = config["ffmpeg"]
    if own is None:
        return stage_version("encode")
    try:
        return f"{stage_version('encode')} ffmpeg-{ffmpeg.version(own)}"
    except ToolError as error:
        raise WorkflowError(str(error)) from None


def source_of(wildcards):
    return TITLES[wildcards.title].path


def cuts_file_of(wildcards):
    """The list of cuts, where that is what says where a shot begins."""
    shots = config["shots"]
    if shots["detector"] != "file":
        return []
    return shots["cuts_file"].replace("{title}", wildcards.title)


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


def display_of(wildcards):
    return TITLES[wildcards.title].display or config["display"]


def batches_of(wildcards):
    return TITLES[wildcards.title].batches


def title_codecs(wildcards):
    return codecs_of(config, TITLES[wildcards.title])


def title_heights(wildcards):
    return heights_of(config, TITLES[wildcards.title])


def searched_heights(wildcards):
    """The title's heights at which a rung may stand."""
    low, high = config["ladder"]["min_height"], config["ladder"]["max_height"]
    return [height for height in title_heights(wildcards) if low <= height <= high]


def chosen_heights(wildcards):
    """The title's heights at which a rung may stand, or one of the fixed ladder does."""
    fixed = {
        rung["height"] for rungs in fixed_rungs(wildcards).values() for rung in rungs
    }
    searched = searched_heights(wildcards)
    return [
        height
        for height in title_heights(wildcards)
        if height in fixed or height in searched
    ]


def searched_variants(wildcards):
    """The configured variants of the title's codecs, with their CRFs."""
    return {
        name: VARIANTS[name]
        for name in config["variants"]
        if VARIANTS[name]["codec"] in title_codecs(wildcards)
    }


def every_variant(wildcards):
    """Also the capped variants of the fixed ladder."""
    return {
        name: settings
        for name, settings in VARIANTS.items()
        if settings["codec"] in title_codecs(wildcards)
    }


def fixed_rungs(wildcards):
    """The fixed ladder of the title's codecs."""
    rungs = config["fixed_ladder"]["rungs"]
    return {codec: rungs[codec] for codec in title_codecs(wildcards) if codec in rungs}


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


def asked_for(mode):
    """What a target named after a mode of search makes of every title, if it is the config's."""
    if config["search"]["mode"] == mode:
        return [
            f"results/{title}/{name}"
            for title in TITLES
            for name in ("ladder.json", "package", "report.html", "gate.json")
        ]

    def refuse(wildcards):
        raise WorkflowError(
            f"search.mode is {config['search']['mode']}: for the target {mode} set search.mode: {mode} in the config"
        )

    return refuse


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
    return ladder_settings("rungs", "spacing", "min_step", *limits, *shares)


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
    """What decides an encode's bits besides its plan: the settings of the codec's variants, without their CRFs."""
    return {
        name: {key: value for key, value in settings.items() if key != "crfs"}
        for name, settings in VARIANTS.items()
        if settings["codec"] == wildcards.codec
    }


def plan_of(wildcards):
    name = "choice" if int(wildcards.round) == LAST else "plan"
    return f"results/{wildcards.title}/r{wildcards.round}/{name}.parquet"


def per_batch(wildcards, name, rounds):
    return expand(
        "results/{title}/b{batch}/r{round}/{name}",
        title=wildcards.title,
        batch=range(batches_of(wildcards)),
        round=rounds,
        name=name,
    )


def earlier_scores(wildcards):
    return per_batch(wildcards, "scores.parquet", range(int(wildcards.round)))


def earlier_frames(wildcards):
    return per_batch(wildcards, "frames.parquet", range(int(wildcards.round)))


def searched_scores(wildcards):
    return per_batch(wildcards, "scores.parquet", range(LAST))


def searched_frames(wildcards):
    return per_batch(wildcards, "frames.parquet", range(LAST))


def earlier_looks(wildcards):
    return per_batch(wildcards, "looks.parquet", range(int(wildcards.round)))


def searched_looks(wildcards):
    return per_batch(wildcards, "looks.parquet", range(LAST))


def every_score(wildcards):
    return per_batch(wildcards, "scores.parquet", range(LAST + 1))


def every_frame(wildcards):
    return per_batch(wildcards, "frames.parquet", range(LAST + 1))


def encodes_of(wildcards, batches, round, codecs, suffix=""):
    return expand(
        "results/{title}/b{batch}/r{round}/{codec}/{height}p{suffix}",
        title=wildcards.title,
        batch=batches,
        round=round,
        codec=codecs,
        height=title_heights(wildcards),
        suffix=suffix,
    )


def batch_streams(wildcards):
    return encodes_of(
        wildcards, [wildcards.batch], wildcards.round, title_codecs(wildcards)
    )


def batch_tables(wildcards):
    return encodes_of(
        wildcards,
        [wildcards.batch],
        wildcards.round,
        title_codecs(wildcards),
        ".parquet",
    )


def answering_rounds():
    """The rounds of which the rungs' encodes are: a target is answered with whatever was measured."""
    return range(LAST + 1) if target_settings() else [LAST]


def chosen_tables(wildcards):
    return encodes_of(
        wildcards,
        range(batches_of(wildcards)),
        answering_rounds(),
        title_codecs(wildcards),
        ".parquet",
    )


def chosen_streams(wildcards):
    return encodes_of(
        wildcards, range(batches_of(wildcards)), answering_rounds(), [wildcards.codec]
    )


def title_renditions(wildcards):
    return expand(
        "results/{title}/renditions/{codec}",
        title=wildcards.title,
        codec=title_codecs(wildcards),
    )


def title_verdicts(wildcards):
    return expand(
        "results/{title}/verify/{codec}.json",
        title=wildcards.title,
        codec=title_codecs(wildcards),
    )


def tried_presets(wildcards):
    """Per codec of the title: its first variant, and the presets that are tried, slow to fast, its own among them."""
    first = {}
    for name, settings in searched_variants(wildcards).items():
        first.setdefault(settings["codec"], settings)
    tried = config["compare"]["presets"]["tried"]
    return {
        codec: {
            "settings": settings,
            "presets": [
                preset
                for preset in CODECS[codec].presets
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


def every_core():
    """All cores that this run may use, so that nothing runs beside; 1 where jobs go to other machines."""
    return workflow.resource_settings.cores or 1


def remembered_titles():
    """Every title's mark that its shots are among the known ones, where the config names a file for them."""
    return of_titles("remembered.json") if config["search"]["known_shots"] else []


def of_titles(name):
    return expand("results/{title}/{name}", title=TITLES, name=name)
