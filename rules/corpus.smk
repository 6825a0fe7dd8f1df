rule title_corpus:
    input:
        facts=rules.probe.output.facts,
        shots=rules.detect_shots.output.shots,
        scores=every_score,
        frames=every_frame,
    output:
        rows="results/{title}/corpus.parquet",
    log:
        "logs/{title}/corpus.log",
    benchmark:
        "benchmarks/{title}/corpus.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, input, attempt: attempt
        * max(1000, int(12 * input.size_mb)),
    params:
        variants=every_variant,
        display=display_of,
        encoder=encoder_version(),
        version=stage_version("corpus"),
    message:
        "{wildcards.title}: rows of the corpus"
    script:
        "../scripts/title_corpus.py"


rule corpus:
    input:
        rows=of_titles("corpus.parquet"),
    output:
        parquet="results/corpus/corpus.parquet",
        lines="results/corpus/corpus.jsonl",
    log:
        "logs/corpus.log",
    benchmark:
        "benchmarks/corpus.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("corpus"),
    message:
        "the corpus of all titles"
    script:
        "../scripts/corpus.py"
