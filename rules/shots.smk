rule detect_shots:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
    output:
        shots="results/{title}/shots.parquet",
    log:
        "logs/{title}/detect_shots.log",
    benchmark:
        "benchmarks/{title}/detect_shots.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        detector=config["shots"]["detector"],
        threshold=config["shots"]["threshold"],
        min_length_s=config["shots"]["min_length_s"],
        version=stage_version("detect_shots"),
    message:
        "{wildcards.title}: shots"
    script:
        "../scripts/detect_shots.py"
