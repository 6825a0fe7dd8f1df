rule plan:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        scores=earlier_scores,
        frames=earlier_frames,
        looks=earlier_looks,
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
        search=search_settings(),
        variants=searched_variants,
        heights=searched_heights,
        limits=height_limits,
        pooling=config["quality"]["pooling"],
        display=display_of,
        version=stage_version("plan"),
    message:
        "{wildcards.title}: points of round {wildcards.round}"
    script:
        "../scripts/plan.py"


# The file of known shots is no output and its path no parameter: it grows with every title, and that reruns nothing.
rule remember:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        scores=every_score,
        ladder="results/{title}/ladder.json",
    output:
        remembered="results/{title}/remembered.json",
    log:
        "logs/{title}/remember.log",
    benchmark:
        "benchmarks/{title}/remember.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt
        * max(1000, int(12 * input.size_mb)),
    params:
        variants=searched_variants,
        heights=searched_heights,
        crf_step=config["search"]["crf_step"],
        version=stage_version("remember"),
    message:
        "{wildcards.title}: its shots join the known ones"
    script:
        "../scripts/remember.py"
