rule choose:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        points=rules.hull.output.points,
        hull=rules.hull.output.hull,
        looks=searched_looks,
    output:
        plan=f"results/{{title}}/r{LAST}/choice.parquet",
        choice=f"results/{{title}}/r{LAST}/choice.json",
    log:
        "logs/{title}/choose.log",
    benchmark:
        "benchmarks/{title}/choose.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        rules=rung_settings(),
        search=choice_settings,
        pooling=config["quality"]["pooling"],
        variants=every_variant,
        fixed=fixed_rungs,
        heights=chosen_heights,
        display=display_of,
        segments=capped_segments(),
        limits=height_limits,
        version=stage_version("choose"),
    message:
        "{wildcards.title}: rungs chosen from the hull"
    script:
        "../scripts/choose.py"


rule ladder:
    input:
        facts=rules.probe.output.facts,
        choice=rules.choose.output.choice,
        hull=rules.hull.output.hull,
        scores=every_score,
        frames=every_frame,
        encodes=chosen_tables,
        streams=chosen_rungs_streams,
    output:
        ladder="results/{title}/ladder.json",
    log:
        "logs/{title}/ladder.log",
    benchmark:
        "benchmarks/{title}/ladder.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt
        * max(1000, int(12 * input.size_mb)),
    params:
        rules=ladder_settings(
            "min_step",
            "min_quality",
            "min_kbps",
            "max_kbps",
            "min_height",
            "max_height",
            "min_shot_quality",
            "max_jump",
            "max_peak_ratio",
            "max_buffer_s",
            "codecs",
        ),
        pooling=config["quality"]["pooling"],
        display=display_of,
        segment_s=config["package"]["segment_s"],
        segments=config["package"]["segments"],
        model=config["quality"]["model"],
        engine=config["quality"]["engine"],
        version=stage_version("ladder"),
    message:
        "{wildcards.title}: the ladder"
    script:
        "../scripts/ladder.py"
