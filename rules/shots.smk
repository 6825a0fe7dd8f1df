rule detect_shots:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        cuts=cuts_file_of,
    output:
        shots="results/{title}/shots.parquet",
    log:
        "logs/{title}/detect_shots.log",
    benchmark:
        "benchmarks/{title}/detect_shots.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=limit(look_seconds),
    params:
        settings=shot_settings(),
        segment_s=fixed_segment_s(),
        model=shot_model(),
        version=stage_version("detect_shots"),
    message:
        "{wildcards.title}: shots"
    script:
        "../scripts/detect_shots.py"
