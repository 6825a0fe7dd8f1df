rule hull:
    input:
        facts=rules.probe.output.facts,
        scores=searched_scores,
        frames=searched_frames,
    output:
        points="results/{title}/points.parquet",
        hull="results/{title}/hull.parquet",
    log:
        "logs/{title}/hull.log",
    benchmark:
        "benchmarks/{title}/hull.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt
        * max(1000, int(12 * input.size_mb)),
        runtime=limit(frame_seconds),
    params:
        pooling=config["quality"]["pooling"],
        rules=ladder_settings("allocation", "min_shot_quality", "max_jump"),
        version=stage_version("hull"),
    message:
        "{wildcards.title}: convex hulls of every measured point"
    script:
        "../scripts/hull.py"
