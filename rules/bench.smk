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


rule bench_scoring:
    output:
        facts="results/bench/scoring.json",
        picture="results/bench/scoring.svg",
    log:
        "logs/bench/scoring.log",
    benchmark:
        "benchmarks/bench/scoring.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "what scoring takes beside ffmpeg's libvmaf, and how far from it the scores are"
    script:
        "../scripts/bench_scoring.py"


rule bench_shots:
    output:
        facts="results/bench/shots.json",
    log:
        "logs/bench/shots.log",
    benchmark:
        "benchmarks/bench/shots.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    message:
        "how well and how fast cuts are found, on titles of which every transition is known"
    script:
        "../scripts/bench_shots.py"


rule bench_allocation:
    output:
        facts="results/bench/allocation.json",
    log:
        "logs/bench/allocation.log",
    benchmark:
        "benchmarks/bench/allocation.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "what a CRF for every shot saves against one for all, and against the fixed ladder"
    script:
        "../scripts/bench_allocation.py"


rule bench_rates:
    output:
        facts="results/bench/rates.json",
    log:
        "logs/bench/rates.log",
    benchmark:
        "benchmarks/bench/rates.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "what this config's encoders, its engine and all other jobs take, for estimates"
    script:
        "../scripts/bench_rates.py"


rule bench_exhaustive:
    output:
        table="results/bench/exhaustive.parquet",
        streams=temp(directory("results/bench/exhaustive")),
    log:
        "logs/bench/exhaustive.log",
    benchmark:
        "benchmarks/bench/exhaustive.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    params:
        store=config["store"],
    message:
        "every CRF at every height of real shots"
    script:
        "../scripts/bench_exhaustive.py"


rule bench_search:
    input:
        table=rules.bench_exhaustive.output.table,
    output:
        facts="results/bench/search.json",
        plot="results/bench/search.svg",
    log:
        "logs/bench/search.log",
    benchmark:
        "benchmarks/bench/search.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
    message:
        "what each strategy of search finds, and at which cost, against every point"
    script:
        "../scripts/bench_search.py"
