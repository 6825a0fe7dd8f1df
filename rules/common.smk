import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from laddersmith import registry
from laddersmith.config import (
    all_variants,
    codecs_of,
    heights_of,
    read_titles,
    search_rounds,
    validate,
)
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError
from laddersmith.provenance import stage_version

try:
    config.update(validate(config, CODECS))
    TITLES = read_titles(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

VARIANTS = all_variants(config)
LAST = search_rounds(config)  # rounds 0..LAST-1 search, round LAST encodes the choice


def source_of(wildcards):
    return TITLES[wildcards.title].path


def cuts_file_of(wildcards):
    """The list of cuts, where that is what says where a shot begins."""
    shots = config["shots"]
    if shots["detector"] != "file":
        return []
    return shots["cuts_file"].replace("{title}", wildcards.title)


def shot_settings():
    """What decides where a title is cut: no path, and no choice of a machine's parts."""
    return {
        key: value
        for key, value in config["shots"].items()
        if key not in ("cuts_file", "device")
    }


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


def chosen_tables(wildcards):
    return encodes_of(
        wildcards,
        range(batches_of(wildcards)),
        LAST,
        title_codecs(wildcards),
        ".parquet",
    )


def chosen_streams(wildcards):
    return encodes_of(wildcards, range(batches_of(wildcards)), LAST, [wildcards.codec])


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
