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


rule bench_rate_control:
    output:
        facts="results/bench/rate_control.json",
    log:
        "logs/bench/rate_control.log",
    benchmark:
        "benchmarks/bench/rate_control.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    message:
        "how near encoders come to a bitrate that they keep, and what that costs"
    script:
        "../scripts/bench_rate_control.py"


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


rule bench_codecs:
    output:
        facts="results/bench/codecs.json",
    log:
        "logs/bench/codecs.log",
    benchmark:
        "benchmarks/bench/codecs.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    params:
        store=config["store"],
    message:
        "every codec proved by a whole ladder, codecs compared on real clips, presets against every setting"
    script:
        "../scripts/bench_codecs.py"


rule bench_latency:
    output:
        facts="results/bench/latency.json",
    log:
        "logs/bench/latency.log",
    benchmark:
        "benchmarks/bench/latency.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
    message:
        "what low latency costs each codec against its own offline encodes"
    script:
        "../scripts/bench_latency.py"


rule bench_demo_search:
    input:
        settings="config/config.yaml",
        titles="config/titles.tsv",
    output:
        facts="results/bench/demo_search.json",
    log:
        "logs/bench/demo_search.log",
    benchmark:
        "benchmarks/bench/demo_search.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "the demo searched by grid and by adaptive, from an empty store"
    script:
        "../scripts/bench_demo_search.py"


rule bench_dag:
    output:
        facts="results/bench/dag.json",
    log:
        "logs/bench/dag.log",
    benchmark:
        "benchmarks/bench/dag.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    message:
        "what planning takes: 1, 100 and 1,000 titles at once, and a shard of 20,000 jobs"
    script:
        "../scripts/bench_dag.py"


rule bench_scale:
    output:
        facts="results/bench/scale.json",
        picture="results/bench/scale.svg",
    log:
        "logs/bench/scale.log",
    benchmark:
        "benchmarks/bench/scale.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    message:
        "1,000 and 10,000 titles played over 2 to 1,000 nodes, by measured times"
    script:
        "../scripts/bench_scale.py"


rule bench_encoders:
    output:
        facts="results/bench/encoders.json",
    log:
        "logs/bench/encoders.log",
    benchmark:
        "benchmarks/bench/encoders.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    message:
        "what every software encoder takes at each preset, for the limits of jobs"
    script:
        "../scripts/bench_encoders.py"


rule bench_slurm:
    output:
        facts="results/bench/slurm.json",
    log:
        "logs/bench/slurm.log",
    benchmark:
        "benchmarks/bench/slurm.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    message:
        "what SLURM costs beside a run on this machine, by a SLURM of its own"
    script:
        "../scripts/bench_slurm.py"


rule bench_faults:
    output:
        facts="results/bench/faults.json",
    log:
        "logs/bench/faults.log",
    benchmark:
        "benchmarks/bench/faults.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    message:
        "runs that are killed at random moments and started again, against one that is not"
    script:
        "../scripts/bench_faults.py"


rule bench_fuzz:
    output:
        facts="results/bench/fuzz.json",
    log:
        "logs/bench/fuzz.log",
    benchmark:
        "benchmarks/bench/fuzz.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
    message:
        "damaged and lying files, through probe, shots, decode and score"
    script:
        "../scripts/bench_fuzz.py"
