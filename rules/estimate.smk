import time


localrules:
    estimate,


# Whoever asks gets an estimate by what is known now: `asked` never is what it was.
rule estimate:
    output:
        estimated="results/estimate.json",
    log:
        "logs/estimate.log",
    benchmark:
        "benchmarks/estimate.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        asked=lambda wildcards: time.time_ns(),
        titles=[vars(title) for title in TITLES.values()],
        cores=lambda wildcards: workflow.cores,
    message:
        "what a run of these titles will take; nothing is probed or encoded"
    script:
        "../scripts/estimate.py"
