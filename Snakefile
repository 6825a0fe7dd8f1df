from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/settings.smk"
include: "rules/checks.smk"
include: "rules/needs.smk"


wildcard_constraints:
    title="|".join(map(re.escape, TITLES)),
    batch=r"\d+",
    round=r"\d+",
    codec="|".join(map(re.escape, CODECS)),
    height=r"\d+",


localrules:
    all,
    titles,
    ladders,
    quality_floor,
    bitrate_budget,
    plan,
    choose,
    ladder,
    remember,
    tidy,
    export,
    gate,
    summary,
    presets,
    roi,
    pareto,
    title_pareto,


onstart:
    if workflow.is_main_process:
        check_no_catalogue()
        check_dates()
        check_encoders()
        check_folders()


onerror:
    if workflow.is_main_process:
        tell_failures()


rule titles:
    input:
        expand("results/{title}/ladder.json", title=TITLES),
        expand("results/{title}/package", title=TITLES),
        expand("results/{title}/exports", title=TITLES),
        expand("results/{title}/report.html", title=TITLES),
        expand("results/{title}/gate.json", title=TITLES),
        remembered_titles(),
        tidied_titles(),


rule all:
    default_target: True
    input:
        rules.titles.input,
        "results/summary.html",


rule ladders:
    input:
        expand("results/{title}/ladder.json", title=TITLES),


rule quality_floor:
    input:
        asked_for("quality_floor"),


rule bitrate_budget:
    input:
        asked_for("bitrate_budget"),


include: "rules/source.smk"
include: "rules/shots.smk"
include: "rules/search.smk"
include: "rules/roi.smk"
include: "rules/encode.smk"
include: "rules/quality.smk"
include: "rules/hull.smk"
include: "rules/ladder.smk"
include: "rules/package.smk"
include: "rules/report.smk"
include: "rules/estimate.smk"
include: "rules/compare.smk"
include: "rules/corpus.smk"
include: "rules/bench.smk"
