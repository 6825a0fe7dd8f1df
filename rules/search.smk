rule plan:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        scores=earlier_scores,
        frames=earlier_frames,
    output:
        plan="results/{title}/r{round}/plan.parquet",
    log:
        "logs/{title}/r{round}/plan.log",
    benchmark:
        "benchmarks/{title}/r{round}/plan.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        strategy=config["search"]["strategy"],
        crf_step=config["search"]["crf_step"],
        variants=searched_variants,
        heights=searched_heights,
        pooling=config["quality"]["pooling"],
        display=display_of,
        version=stage_version("plan"),
    message:
        "{wildcards.title}: points of round {wildcards.round}"
    script:
        "../scripts/plan.py"
