rule probe:
    input:
        source=source_of,
    output:
        facts="results/{title}/source.json",
        mezzanine=directory("results/{title}/mezzanine"),
    params:
        normalise=config["probe"]["normalise"],
        crop_bars=config["probe"]["crop_bars"],
        version=stage_version("probe"),
    log:
        "logs/{title}/probe.log",
    benchmark:
        "benchmarks/{title}/probe.tsv"
    resources:
        mem_mb=lambda wildcards, attempt: 6500 * attempt,
    message:
        "{wildcards.title}: what the source is"
    script:
        "../scripts/probe.py"
