rule regions:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        masks=masks_of,
    output:
        regions="results/{title}/regions.json",
    log:
        "logs/{title}/regions.log",
    benchmark:
        "benchmarks/{title}/regions.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        sets=region_sets,
        version=stage_version("regions"),
    message:
        "{wildcards.title}: regions of another quality"
    script:
        "../scripts/regions.py"


rule title_roi:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        regions=rules.regions.output.regions,
    output:
        found="results/{title}/roi.json",
        text="results/{title}/roi.md",
        page=report(
            "results/{title}/roi.html",
            category="Regions",
            labels={"title": "{title}"},
        ),
    log:
        "logs/{title}/roi.log",
    benchmark:
        "benchmarks/{title}/roi.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt
        * (1000 + config["encode"]["frame_cache_mb"] + 1500 * threads),
    params:
        variants=searched_variants,
        heights=searched_heights,
        settings=config["compare"]["roi"],
        keyframe_s=config["encode"]["keyframe_s"],
        encoder=encoder_version(),
        version=stage_version("roi"),
    message:
        "{wildcards.title}: what regions change inside and outside"
    script:
        "../scripts/roi.py"


rule roi:
    input:
        roi_pages(),
