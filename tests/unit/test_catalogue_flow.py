"""The jobs of a title as reckoned here, against those that Snakemake plans for the real Snakefile."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from clips import ROOT
from laddersmith.catalogue.flow import LOCAL, THREADS, count_jobs, title_jobs
from laddersmith.config import read_titles, validate
from laddersmith.encode.codecs import CODECS

X264 = {"codec": "x264", "preset": "veryfast"}
SVTAV1 = {"codec": "svtav1", "preset": "10"}
CASES = {
    "rounds, codecs, known shots, few encodes kept": {
        "variants": {"x264": X264, "svtav1": SVTAV1},
        "heights": [270, 180],
        "search": {"strategy": "refine", "max_rounds": 3, "known_shots": "known.parquet"},
        "store": {"keep": "ladder"},
    },
    "a floor": {"variants": {"x264": X264, "svtav1": SVTAV1}, "heights": [180], "search": {"mode": "quality_floor"}},
}
TABLE = "title\tpath\tbatches\nfilm\tdemo:bikes\t2\n"


def planned(folder: Path) -> tuple[Counter, Counter]:
    """Jobs by rule, and edges by the rules of their ends, of a dry run."""
    command = [sys.executable, "-m", "snakemake", "titles", "--snakefile", str(ROOT / "Snakefile"), "--directory"]
    done = subprocess.run([*command, str(folder), "--dag"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', done.stdout, re.MULTILINE))
    edges = re.findall(r"^\s*(\d+) -> (\d+)", done.stdout, re.MULTILINE)
    jobs = Counter(rules.values())
    pairs = Counter((rules[one], rules[other]) for one, other in edges if rules[other] != "titles")
    del jobs["titles"]
    return jobs, pairs


@pytest.mark.parametrize("case", CASES)
def test_the_jobs_and_what_they_wait_for_are_those_of_the_rules(tmp_path, case):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump(CASES[case]))
    (tmp_path / "config" / "titles.tsv").write_text(TABLE)
    config = validate(json.loads(json.dumps(CASES[case])), CODECS)
    [title] = read_titles(config, root=tmp_path).values()
    mine = title_jobs(config, title)
    jobs, edges = planned(tmp_path)
    assert Counter(job.rule for job in mine) == jobs
    assert Counter((mine[need].rule, job.rule) for job in mine for need in job.needs) == edges
    assert count_jobs(config, title) == len(mine) == sum(jobs.values())
    assert all(need < place for place, job in enumerate(mine) for need in job.needs)
    assert len({job.output for job in mine}) == len({job.log for job in mine}) == len(mine)


def test_cores_and_local_rules_are_those_of_the_rules():
    threads, logs = {}, {}
    for file in (ROOT / "rules").glob("*.smk"):
        for name, body in re.findall(r"^rule (\w+):\n((?:[ \t]+.*\n|\n)*)", file.read_text() + "\n", re.MULTILINE):
            found = re.search(r"^    threads: (\d+)$", body, re.MULTILINE)
            threads[name] = int(found[1]) if found else 1
            logs[name] = re.search(r'^    log:\n\s+"logs/\{title\}/(.*)",', body, re.MULTILINE)
    config = validate(CASES["rounds, codecs, known shots, few encodes kept"], CODECS)
    title = next(iter(read_titles(validate({"source": "demo:bikes"}, CODECS)).values()))
    jobs = title_jobs(config, title)
    assert {job.rule: job.threads for job in jobs} == {job.rule: threads[job.rule] for job in jobs}
    assert {rule: threads[rule] for rule in THREADS} == THREADS
    listed = re.search(r"^localrules:\n((?: +\w+,\n)+)", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    assert listed
    local = set(re.findall(r"\w+", listed[1]))
    assert {job.rule for job in jobs if job.local} == {job.rule for job in jobs} & local == {*LOCAL}
    for job in jobs:
        marks = {"batch": job.batch, "round": job.round, "codec": job.codec, "height": job.height}
        name = logs[job.rule]
        assert name and job.log == f"bikes/{name[1].format(**marks)}"
