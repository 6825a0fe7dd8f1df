rule bench_workflow:
    input:
        settings="config/config.yaml",
        titles="config/titles.tsv",
    output:
        facts="results/bench/workflow.json",
    log:
        "logs/bench/workflow.log",
    benchmark:
        "benchmarks/bench/workflow.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "what the workflow itself costs: a dry run of many titles, and the demo from an empty store"
    script:
        "../scripts/bench_workflow.py"
