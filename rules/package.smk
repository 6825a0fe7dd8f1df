rule assemble:
    input:
        ladder=rules.ladder.output.ladder,
        streams=chosen_streams,
    output:
        renditions=directory("results/{title}/renditions/{codec}"),
    log:
        "logs/{title}/assemble-{codec}.log",
    benchmark:
        "benchmarks/{title}/assemble-{codec}.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("assemble"),
    message:
        "{wildcards.title}: {wildcards.codec} renditions stitched"
    script:
        "../scripts/assemble.py"


rule package:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        ladder=rules.ladder.output.ladder,
        verdicts=title_verdicts,
        renditions=title_renditions,
    output:
        package=directory("results/{title}/package"),
    log:
        "logs/{title}/package.log",
    benchmark:
        "benchmarks/{title}/package.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=limit(frame_seconds),
    params:
        segment_s=config["package"]["segment_s"],
        segments=config["package"]["segments"],
        audio_kbps=config["package"]["audio_kbps"],
        prefer=config["package"]["prefer"],
        version=stage_version("package"),
    message:
        "{wildcards.title}: HLS and DASH"
    script:
        "../scripts/package.py"


rule export:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        ladder=rules.ladder.output.ladder,
        regions=regions_of,
    output:
        exports=directory("results/{title}/exports"),
    log:
        "logs/{title}/export.log",
    benchmark:
        "benchmarks/{title}/export.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        variants=every_variant,
        keyframe_s=config["encode"]["keyframe_s"],
        version=stage_version("export"),
    message:
        "{wildcards.title}: settings for encoders elsewhere"
    script:
        "../scripts/export.py"


rule tidy:
    input:
        ladder=rules.ladder.output.ladder,
        renditions=title_renditions,
    output:
        tidied="results/{title}/tidied.json",
    log:
        "logs/{title}/tidy.log",
    benchmark:
        "benchmarks/{title}/tidy.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("tidy"),
    message:
        "{wildcards.title}: encodes that no rung is made of, removed"
    script:
        "../scripts/tidy.py"
