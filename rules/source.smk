rule probe:
    input:
        source=source_of,
    output:
        facts="results/{title}/source.json",
        mezzanine=directory("results/{title}/mezzanine"),
    log:
        "logs/{title}/probe.log",
    benchmark:
        "benchmarks/{title}/probe.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 6500 * attempt,
        runtime=lambda wildcards, attempt: attempt
        * (needs.LEAST_MIN + config["probe"]["timeout_s"] // 60),
    params:
        normalise=config["probe"]["normalise"],
        crop_bars=config["probe"]["crop_bars"],
        version=stage_version("probe"),
    message:
        "{wildcards.title}: what the source is"
    script:
        "../scripts/probe.py"
