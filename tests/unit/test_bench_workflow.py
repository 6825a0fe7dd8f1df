"""What the workflow costs: the arithmetic over logs, its guards, and the committed figures against the pages."""

import json
import platform
import re
from pathlib import Path

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith import machine
from laddersmith.bench import workflow as bench
from laddersmith.errors import ToolError

WORKFLOW = json.loads((ROOT / "docs" / "benchmarks" / "workflow.json").read_text())
DEMO = json.loads((ROOT / "docs" / "benchmarks" / "demo.json").read_text())


def text(name: str) -> str:
    """A page with its lines joined, so that a sentence is found wherever it was broken."""
    return re.sub(r"\s+", " ", (ROOT / name).read_text())


def job(place: Path, name: str, log: str, threads: int | None = 1) -> Path:
    """A job's log and benchmark table, as Snakemake and a door leave them."""
    file = place / "logs" / f"{name}.log"
    table = place / "benchmarks" / f"{name}.tsv"
    for path in (file, table):
        path.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(log)
    columns = ("", "") if threads is None else ("\tthreads", f"\t{threads}")
    table.write_text(f"s{columns[0]}\tcpu_time\n99{columns[1]}\t3\n")
    return file


ENCODE = """2026-11-21 14:30:59,500 INFO rule encode {'title': 'bikes', 'batch': '0'}
2026-11-21 14:31:00,000 INFO a line in between,
of which a part looks like nothing
2026-11-21 14:31:09,500 INFO done
"""
SCORE = "2026-12-31 23:59:50,000 INFO rule score {}\n2027-01-01 00:00:10,250 INFO done\n"


def test_overhead_is_what_the_cores_did_outside_the_library(tmp_path):
    job(tmp_path, "bikes/b0/r0/x264-270p", ENCODE)
    job(tmp_path, "bikes/b0/r0/score", SCORE, threads=2)
    jobs = bench.read_jobs(tmp_path)
    assert sorted(jobs, key=lambda one: one.rule) == [bench.Job("encode", 10.0, 1), bench.Job("score", 20.25, 2)]
    # 10 + 2 x 20.25 core seconds of 2 x 30.
    assert bench.overhead_pct(jobs, 30.0, 2) == pytest.approx(100 * (1 - 50.5 / 60))
    assert bench.by_rule(jobs)[0] == {
        "case": "demo, rule score",
        "jobs": 1,
        "threads": 2,
        "library_s": 20.2,
        "library_core_s": 40.5,
    }


@pytest.mark.parametrize(
    ("log", "threads", "message"),
    [
        (ENCODE.splitlines()[0], 1, "the job did not end well"),
        (
            "2026-11-21 14:30:59,500 INFO hello\n2026-11-21 14:31:09,500 INFO done\n",
            1,
            "no first line that names the rule",
        ),
        ("", 1, "the job did not end well"),
        (ENCODE, None, "no threads in it; run Snakemake with --benchmark-extended"),
    ],
)
def test_a_job_that_cannot_be_measured_is_an_error(tmp_path, log, threads, message):
    job(tmp_path, "a", log, threads)
    with pytest.raises(ToolError, match=message):
        bench.read_jobs(tmp_path)


def test_the_total_of_a_dry_run_is_read_from_its_table():
    assert bench.total_of("job   count\n----- -----\nencode   28\ntotal    60\n\ntotal    60\n") == 60
    with pytest.raises(ToolError, match="lists no total of jobs"):
        bench.total_of("Nothing to be done.")


def test_a_failing_snakemake_is_told_with_its_own_words(tmp_path):
    place = bench.workplace(tmp_path / "work", "heights: [7]\n", "title\tpath\na\tdemo:bikes\n")
    with pytest.raises(ToolError, match=r"snakemake --dry-run ended with 1:\n(.|\n)*heights"):
        bench.run_snakemake(place, "--dry-run")


def test_the_snakefile_loads_nothing_heavy_and_the_probe_would_tell(tmp_path, monkeypatch):
    place = bench.workplace(tmp_path / "work", "", "title\tpath\na\tdemo:bikes\n")
    assert bench.imported(place) == []
    (tmp_path / "Snakefile").write_text("import cv2\nrule all:\n    default_target: True\n")
    monkeypatch.setattr(bench, "SNAKEFILE", tmp_path / "Snakefile")
    assert bench.imported(place) == ["cv2", "numpy"]  # numpy by way of cv2, though Snakemake had it before


def test_the_machine_is_described_and_not_named():
    found = machine.machine()
    assert found["cores"] >= 1 and found["memory_gb"] > 0
    assert platform.node() not in found["cpu"]


def test_the_committed_facts_keep_to_the_schema():
    schema = json.loads((ROOT / "config" / "schemas" / "bench_workflow.json").read_text())
    Draft202012Validator(schema).validate(WORKFLOW)
    assert not re.search(r"/(home|tmp|work|root)\b", json.dumps([WORKFLOW, DEMO]))


def test_the_summary_follows_from_the_rows():
    dry, demo, *rules = WORKFLOW["rows"]
    found = WORKFLOW["summary"]
    assert (found["dry_run_jobs"], found["dry_run_s"], found["dry_run_mb"]) == (
        dry["jobs"],
        dry["wall_s"],
        dry["peak_mb"],
    )
    assert (found["demo_jobs"], found["demo_wall_s"]) == (demo["jobs"], demo["wall_s"])
    assert sum(row["jobs"] for row in rules) == demo["jobs"]
    overhead = 100 * (1 - demo["library_core_s"] / (demo["wall_s"] * demo["cores"]))
    # Seconds are rounded to tenths before this division, the figure itself was not.
    assert found["demo_overhead_pct"] == pytest.approx(overhead, abs=0.1)


def test_the_page_of_the_workflow_has_the_figures_of_its_facts():
    page, machine, found = text("docs/benchmarks/workflow.md"), WORKFLOW["machine"], WORKFLOW["summary"]
    dry, demo, *rules = WORKFLOW["rows"]
    assert dry["heavy_imports"] == [] and "no heavy package" in page
    for sentence in (
        f"{machine['cores']} cores of an {machine['cpu']}, {machine['memory_gb']} GiB of memory",
        f"{found['dry_run_jobs']:,} jobs in {found['dry_run_s']} s and {found['dry_run_mb']} MiB",
        f"{found['demo_jobs']} jobs in {found['demo_wall_s']} s",
        f"{demo['library_core_s']} core seconds",
        f"{found['demo_overhead_pct']} %",
        *(f"| {r['case'].split()[-1]} | {r['jobs']} | {r['threads']} | {r['library_core_s']} |" for r in rules),
    ):
        assert re.sub(r"^\| (\w+)", r"| `\1`", sentence) in page, sentence


def test_the_readme_has_the_figures_of_the_demo():
    page, found = text("README.md"), DEMO["summary"]
    assert f"two cores of an {DEMO['machine']['cpu']}" in page and DEMO["machine"]["cores"] == 2
    assert f"takes {WORKFLOW['summary']['demo_wall_s'] / 60:.1f} minutes" in page
    rungs = [rung for row in DEMO["rows"] for rung in row["rungs"]]
    assert f"Its {len(rungs)} rungs" in page and len(rungs) == found["rungs"]
    assert all(rung["verified"]["ok"] for rung in rungs)
    gaps = [max(rung["verified"][gap] for rung in rungs) for gap in ("gap_mean", "gap_frame")]
    assert gaps == [found["worst_gap_mean"], found["worst_gap_frame"]]
    assert f"is {gaps[0]:.2f} in a shot's mean and {gaps[1]:.2f} in any frame" in page
    for row in DEMO["rows"]:
        x264, svtav1 = (row["savings"][codec]["bd_rate_pct"] for codec in ("x264", "svtav1"))
        assert re.search(rf"\| {row['title']}, [^|]*\| {x264:.1f} % \| {svtav1:.1f} % \|", page)
    loose = [rung for row in DEMO["rows"] for rung in row["fixed"] if rung["name"].startswith("360p_svtav1@145k")]
    low, high = sorted(round(rung["bitrate_kbps"]) for rung in loose)
    assert f"capped to 145 kbit/s come out at {low} and {high}" in page


def test_the_picture_has_a_ground_of_its_own_and_no_path():
    picture = (ROOT / "docs" / "ladder-bikes.svg").read_text()
    assert re.match(r'<svg [^>]*><rect [^>]*fill="white"', picture)
    assert (
        not re.search(r"/(home|tmp|work|root)\b", picture)
        and "docs/ladder-bikes.svg" in (ROOT / "README.md").read_text()
    )
