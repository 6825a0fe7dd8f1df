import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from laddersmith.config import (
    all_variants,
    codecs_of,
    heights_of,
    read_titles,
    rules_of,
    search_rounds,
    validate,
)
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError
from laddersmith.provenance import stage_version
from laddersmith.roi import codecs_asking, mask_files, sets_asked
from laddersmith.titles import in_storage

try:
    config.update(validate(config, CODECS))
    # A source that went missing under way fails its own title; jobs elsewhere read this file anew.
    TITLES = read_titles(config, check_files=workflow.is_main_process)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

# Where results are kept elsewhere, a ladder that is not here is no ladder that is gone.
config["results_elsewhere"] = bool(workflow.storage_settings.default_storage_provider)
if config["results_elsewhere"] and config["store"]["keep"] == "ladder":
    raise WorkflowError(
        "store.keep: ladder removes encodes from the folder results, and --default-storage-provider keeps the results "
        "elsewhere: set store.keep: all, and delete there what is not wanted"
    )
VARIANTS = all_variants(config)
LAST = search_rounds(config)  # rounds 0..LAST-1 search, round LAST encodes the choice


def source_of(wildcards):
    return from_outside(TITLES[wildcards.title].path)


def from_outside(path):
    """A file that is made nowhere here: an address is fetched by its storage plugin, a path is one of this machine's.

    So it stays a path where `--default-storage-provider` keeps the results elsewhere.
    """
    return storage(path) if in_storage(path) else local(path)


def cuts_file_of(wildcards):
    """The list of cuts, where that is what says where a shot begins."""
    shots = config["shots"]
    if shots["detector"] != "file":
        return []
    return from_outside(shots["cuts_file"].replace("{title}", wildcards.title))


def region_sets(wildcards):
    """The sets of regions that the title's variants ask for, without the paths of masks: those are inputs."""
    return sets_asked(config["roi"], searched_variants(wildcards))


def masks_of(wildcards):
    return mask_files(config["roi"], region_sets(wildcards), wildcards.title)


def regions_of(wildcards):
    """The title's regions, where one of its variants asks for some."""
    made = f"results/{wildcards.title}/regions.json"
    return [made] if region_sets(wildcards) else []


def codec_regions(wildcards):
    """The same for a job of one codec: they concern it where one of that codec's variants asks."""
    asking = codecs_asking(searched_variants(wildcards))
    return regions_of(wildcards) if wildcards.codec in asking else []


def roi_pages():
    """The pages of the titles whose variants ask for regions; asking for them without such a variant ends the run."""
    asking = codecs_asking(config["variants"])
    pages = [
        f"results/{name}/roi.html"
        for name, title in TITLES.items()
        if asking & set(codecs_of(config, title))
    ]

    def refuse(wildcards):
        raise WorkflowError(
            "no variant of any title has regions: name a set of the section roi in a variant's key roi"
        )

    return pages or refuse


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
    kept = codec_heights(wildcards).values()
    return [h for h in title_heights(wildcards) if any(h in own for own in kept)]


def codec_heights(wildcards):
    """By codec, the title's heights at which it may have a rung."""
    limits = {
        codec: rules_of(config["ladder"], codec) for codec in title_codecs(wildcards)
    }
    return {
        codec: [
            height
            for height in title_heights(wildcards)
            if own["min_height"] <= height <= own["max_height"]
        ]
        for codec, own in limits.items()
    }


def height_limits(wildcards):
    """The same, where codecs differ in it; else nothing."""
    own = codec_heights(wildcards)
    return own if any(h != searched_heights(wildcards) for h in own.values()) else None


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


def every_core():
    """All cores that this run may use, so that nothing runs beside; 1 where jobs go to other machines."""
    return workflow.resource_settings.cores or 1


def chosen_rungs_streams(wildcards):
    """Every encode that a rung may be made of, whatever its codec."""
    return encodes_of(
        wildcards,
        range(batches_of(wildcards)),
        answering_rounds(),
        title_codecs(wildcards),
    )


def tidied_titles():
    """Every title's mark that the encodes which its ladder does not name are gone, where the config wants that."""
    return of_titles("tidied.json") if config["store"]["keep"] == "ladder" else []


def remembered_titles():
    """Every title's mark that its shots are among the known ones, where the config names a file for them."""
    return of_titles("remembered.json") if config["search"]["known_shots"] else []


def of_titles(name):
    return expand("results/{title}/{name}", title=TITLES, name=name)
