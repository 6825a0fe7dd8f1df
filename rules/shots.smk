rule detect_shots:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
    output:
        shots="results/{title}/shots.parquet",
    params:
        detector=config["shots"]["detector"],
        threshold=config["shots"]["threshold"],
        min_length_s=config["shots"]["min_length_s"],
        version=stage_version("detect_shots"),
    log:
        "logs/{title}/detect_shots.log",
    benchmark:
        "benchmarks/{title}/detect_shots.tsv"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    message:
        "{wildcards.title}: shots"
    script:
        "../scripts/detect_shots.py"
