rule score:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        streams=batch_streams,
        tables=batch_tables,
    output:
        scores="results/{title}/b{batch}/r{round}/scores.parquet",
        frames="results/{title}/b{batch}/r{round}/frames.parquet",
        looks="results/{title}/b{batch}/r{round}/looks.parquet",
    log:
        "logs/{title}/b{batch}/r{round}/score.log",
    benchmark:
        "benchmarks/{title}/b{batch}/r{round}/score.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 8
    resources:
        mem_mb=score_mb,
        runtime=limit(score_seconds),
    params:
        display=display_of,
        model=config["quality"]["model"],
        engine=config["quality"]["engine"],
        neighbours=config["quality"]["neighbours"],
        looking=look_settings(*LOOKS),
        version=stage_version("score"),
    message:
        "{wildcards.title}: scores, batch {wildcards.batch}, round {wildcards.round}"
    script:
        "../scripts/score.py"


rule verify:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        ladder="results/{title}/ladder.json",
        renditions="results/{title}/renditions/{codec}",
        frames=every_frame,
    output:
        verdict="results/{title}/verify/{codec}.json",
    log:
        "logs/{title}/verify-{codec}.log",
    benchmark:
        "benchmarks/{title}/verify-{codec}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt * (1000 + 600 * threads),
        runtime=limit(verify_seconds),
    params:
        bars=config["verify"],
        version=stage_version("verify"),
    message:
        "{wildcards.title}: {wildcards.codec} renditions against the source"
    script:
        "../scripts/verify.py"
