rule compare:
    input:
        sources=of_titles("source.json"),
        points=of_titles("points.parquet"),
        hulls=of_titles("hull.parquet"),
        decoding=of_titles("decoding.json"),
    output:
        facts="results/compare.json",
        text="results/compare.md",
        page=report("results/compare.html", category="Comparison"),
    log:
        "logs/compare.log",
    benchmark:
        "benchmarks/compare.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        titles=list(TITLES),
        anchor=config["compare"]["anchor"] or next(iter(config["variants"])),
        targets=config["compare"]["targets"],
        confidence=config["compare"]["confidence"],
        model=config["quality"]["model"],
        pooling=config["quality"]["pooling"],
        version=stage_version("compare"),
    message:
        "codecs and presets compared over the titles"
    script:
        "../scripts/compare.py"


rule time_decoding:
    input:
        ladder=rules.ladder.output.ladder,
        renditions=title_renditions,
    output:
        decoding="results/{title}/decoding.json",
    log:
        "logs/{title}/time_decoding.log",
    benchmark:
        "benchmarks/{title}/time_decoding.tsv"
    conda:
        "../envs/environment.yaml"
    # The decoder has one thread; the other cores are kept idle, so that nothing of this run slows it.
    threads: every_core()
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        slurm_extra="'--exclusive'",
    params:
        quality=config["compare"]["targets"][0],
        version=stage_version("decode"),
    message:
        "{wildcards.title}: how fast each codec decodes, the machine to itself"
    script:
        "../scripts/time_decoding.py"


rule title_presets:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        regions=regions_of,
    output:
        found="results/{title}/presets.json",
        text="results/{title}/presets.md",
        page=report(
            "results/{title}/presets.html",
            category="Presets",
            labels={"title": "{title}"},
        ),
    log:
        "logs/{title}/presets.log",
    benchmark:
        "benchmarks/{title}/presets.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt
        * (1000 + config["encode"]["frame_cache_mb"] + 1500 * threads),
    params:
        tried=tried_presets,
        settings=preset_settings(),
        heights=searched_heights,
        crf_step=config["search"]["crf_step"],
        keyframe_s=config["encode"]["keyframe_s"],
        display=display_of,
        model=config["quality"]["model"],
        engine=config["quality"]["engine"],
        neighbours=config["quality"]["neighbours"],
        pooling=config["quality"]["pooling"],
        encoder=encoder_version(),
        scorer=stage_version("score"),
        version=stage_version("presets"),
    message:
        "{wildcards.title}: presets tried"
    script:
        "../scripts/presets.py"


rule presets:
    input:
        of_titles("presets.html"),


rule title_pareto:
    input:
        points=rules.hull.output.points,
        hull=rules.hull.output.hull,
    output:
        facts="results/{title}/pareto.json",
        picture=report(
            "results/{title}/pareto.svg",
            category="Pareto sets",
            labels={"title": "{title}"},
        ),
    log:
        "logs/{title}/pareto.log",
    benchmark:
        "benchmarks/{title}/pareto.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("pareto"),
    message:
        "{wildcards.title}: the points that none beats in bitrate, time and quality"
    script:
        "../scripts/pareto.py"


rule pareto:
    input:
        of_titles("pareto.json"),
