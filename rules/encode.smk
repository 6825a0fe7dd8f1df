rule encode:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        plan=plan_of,
        regions=codec_regions,
    output:
        streams=directory("results/{title}/b{batch}/r{round}/{codec}/{height}p"),
        table="results/{title}/b{batch}/r{round}/{codec}/{height}p.parquet",
    log:
        "logs/{title}/b{batch}/r{round}/{codec}-{height}p.log",
    benchmark:
        "benchmarks/{title}/b{batch}/r{round}/{codec}-{height}p.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=encode_mb,
        runtime=limit(encode_seconds),
    params:
        batches=batches_of,
        variants=encoder_settings,
        keyframe_s=config["encode"]["keyframe_s"],
        looks=look_settings("window_s"),
        version=encoder_version(),
    message:
        "{wildcards.title}: encodes, batch {wildcards.batch}, round {wildcards.round}, {wildcards.codec} {wildcards.height}p"
    script:
        "../scripts/encode.py"
