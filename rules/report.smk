rule report:
    input:
        source=source_of,
        facts=rules.probe.output.facts,
        mezzanine=rules.probe.output.mezzanine,
        shots=rules.detect_shots.output.shots,
        points=rules.hull.output.points,
        hull=rules.hull.output.hull,
        ladder=rules.ladder.output.ladder,
        verdicts=title_verdicts,
        package=rules.package.output.package,
        frames=every_frame,
    output:
        page=report(
            "results/{title}/report.html",
            category="Titles",
            labels={"title": "{title}"},
        ),
    log:
        "logs/{title}/report.log",
    benchmark:
        "benchmarks/{title}/report.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=limit(frame_seconds),
    params:
        chroma_alarm_db=config["quality"]["chroma_alarm_db"],
        version=stage_version("report"),
    message:
        "{wildcards.title}: the report"
    script:
        "../scripts/report.py"


rule gate:
    input:
        verdicts=title_verdicts,
        package=rules.package.output.package,
        report=rules.report.output.page,
    output:
        gate="results/{title}/gate.json",
    log:
        "logs/{title}/gate.log",
    benchmark:
        "benchmarks/{title}/gate.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("gate"),
    message:
        "{wildcards.title}: are the promises kept?"
    script:
        "../scripts/gate.py"


rule summary:
    input:
        packages=expand("results/{title}/package", title=TITLES),
    output:
        page=report("results/summary.html", category="Summary"),
        facts="results/summary.json",
    log:
        "logs/summary.log",
    benchmark:
        "benchmarks/summary.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        version=stage_version("report"),
    message:
        "summary over the titles"
    script:
        "../scripts/summary.py"
