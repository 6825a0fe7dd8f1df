"""What SLURM costs: the arithmetic over what Snakemake and the logs tell, its guards, and the page of the facts."""

import json
from datetime import datetime, timedelta

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import slurm as bench
from laddersmith.bench import slurm_here, slurm_page
from laddersmith.bench.workflow import Ran
from laddersmith.catalogue.scaling import USUAL
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ToolError

FACTS = ROOT / "docs" / "benchmarks" / "slurm.json"
SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_slurm.json").read_text())
SAID = """[Sat Nov  7 09:59:58 2026]
Job 4: t180: encodes, batch 0, round 1, x264 180p
Reason: Missing output files
Job 4 has been submitted with SLURM jobid 17 (log: /w/.snakemake/slurm_logs/rule_encode/t180_0_1/17.log).
[Sat Nov  7 10:00:00 2026]
Job 5: t160: points of round 1
[Sat Nov  7 10:00:01 2026]
Finished jobid: 5 (Rule: plan)
[Sat Nov  7 10:00:13 2026]
Finished jobid: 4 (Rule: encode)
1 of 2 steps (50%) done
"""


def test_jobs_are_read_from_what_snakemake_says():
    told = bench.jobs_told(SAID)
    assert set(told) == {"4", "5"} and dict(bench.SENT.findall(SAID)) == {"4": "17"}
    assert told["4"].what == "t180: encodes, batch 0, round 1, x264 180p"
    assert told["4"].began == datetime(2026, 11, 7, 9, 59, 58)
    assert told["4"].ended - told["4"].began == timedelta(seconds=15)


def test_the_librarys_time_is_read_from_the_logs(tmp_path):
    (tmp_path / "logs" / "t").mkdir(parents=True)
    lines = "2026-11-07 10:00:0{},250 INFO rule {} {{}}\n2026-11-07 10:00:0{},750 INFO done\n"
    (tmp_path / "logs" / "t" / "a.log").write_text(lines.format(1, "encode", 3))
    (tmp_path / "logs" / "b.log").write_text(lines.format(1, "score", 5))
    assert sorted(bench.library(tmp_path)) == [2.5, 4.5]
    assert bench.library(tmp_path, "score") == [4.5]
    (tmp_path / "logs" / "c.log").write_text("")
    with pytest.raises(ToolError, match=r"c\.log: no first line that names the rule; the job did not end well"):
        bench.library(tmp_path)


def test_a_job_of_slurm_is_of_the_rule_that_its_output_names():
    assert bench._rule({"JobId": "7", "StdOut": "/w/.snakemake/slurm_logs/rule_detect_shots/t/7.log"}) == "detect_shots"
    with pytest.raises(ToolError, match=r"job 7 of SLURM writes to /dev/null, which names no rule"):
        bench._rule({"JobId": "7", "StdOut": "/dev/null"})


def test_jobs_that_slurm_has_forgotten_end_the_measuring(tmp_path):
    with pytest.raises(ToolError, match="SLURM tells of 0 jobs, Snakemake of 1; the run cannot be measured"):
        bench._of_slurm(2, tmp_path, Ran(SAID, 60.0, 0.0, 0.0), [])


def test_a_machine_without_slurm_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slurm_here, "SBIN", ())
    assert slurm_here.missing() == list(slurm_here.PROGRAMS)
    with (
        pytest.raises(
            ToolError, match=r"no SLURM on this machine \(slurmctld, .* not found\); install Debian's packages"
        ),
        slurm_here.slurm_here(tmp_path / "slurm"),
    ):
        pass
    assert not (tmp_path / "slurm").exists()


def test_the_benchmarks_own_settings_are_a_config_whose_second_round_is_empty():
    config = validate(bench._settings(validate({}, CODECS)), CODECS)
    low, high = config["variants"]["x264"]["crfs"]
    assert high - low == config["search"]["crf_step"] and config["search"]["max_rounds"] == 2
    assert config["quality"]["kernel_cache"].endswith("store/kernels")


def test_a_round_that_is_not_empty_is_no_empty_round(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for height in bench.HEIGHTS:
        plan = tmp_path / "results" / f"t{height}" / "r1" / "plan.parquet"
        plan.parent.mkdir(parents=True)
        pq.write_table(pa.table({"shot": pa.array([], pa.int64())}), plan)
    began = datetime(2026, 11, 7, 10)
    told = {
        str(number): bench.Told(f"t{height}: scores, batch 0, round 1", began, began + timedelta(seconds=number))
        for number, height in enumerate(bench.HEIGHTS, 10)
    }
    assert bench._empty_round_s(tmp_path, told) == 11.0
    pq.write_table(pa.table({"shot": pa.array([0], pa.int64())}), plan)
    with pytest.raises(ToolError, match=r"plan\.parquet: has rows, and the benchmark is of an empty round"):
        bench._empty_round_s(tmp_path, told)


def facts() -> dict:
    """Facts of the schema's form, of no machine."""
    ran = Ran("", 61.23, 0.0, 0.0)
    rows = [bench._row("local, 2 cores", ran, 9, 1.0, 2.0)]
    rows += [
        bench._row(f"SLURM, {nodes} node{'s' * (nodes > 1)}", ran, 8, 1.0, 9.0)
        | {
            "nodes": nodes,
            "queue_s": 3.0,
            "queue_least_s": 1.0,
            "start_s": 5.0,
            "empty_round_jobs": 2,
            "empty_round_s": 25.0,
        }
        for nodes in (1, 2)
    ]
    summary = {"jobs": 8, "overhead_s_per_job": 9.0, "local_overhead_s_per_job": 2.0}
    return {
        "schema": bench.SCHEMA,
        "machine": {"cpu": "CPU of no name", "cores": 2, "memory_gb": 8.0},
        "versions": {"laddersmith": "0"},
        "titles": 3,
        "first_look_s": 5,
        "rows": rows,
        "summary": summary | {"speedup_2_nodes": 1.0, "empty_round_s": 25.0},
    }


def test_facts_have_the_form_of_the_schema_and_make_a_page():
    Draft202012Validator(SCHEMA).validate(facts())
    page = slurm_page.page(facts())
    assert "| SLURM, 2 nodes | 8 | 61.2 s | 1.0 s | 9.0 s | 3.0 s |" in page and "| local, 2 cores |" in page
    assert "costs 9.0 s beside its work, 2.0 s without: of a job of ten minutes 1.5 %" in page


def test_the_committed_run_keeps_to_the_schema_and_its_page():
    found = json.loads(FACTS.read_text())
    Draft202012Validator(SCHEMA).validate(found)
    assert FACTS.with_suffix(".md").read_text() == slurm_page.page(found)
    local, one, two = found["rows"]
    assert (one["nodes"], two["nodes"]) == (1, 2) and one["jobs"] == two["jobs"] == found["summary"]["jobs"]
    # Rounded to a hundredth.
    assert found["summary"]["speedup_2_nodes"] == pytest.approx(one["wall_s"] / two["wall_s"], abs=0.01)
    assert found["summary"]["overhead_s_per_job"] == two["overhead_s"] > local["overhead_s"]


def test_the_simulation_goes_by_what_was_measured():
    local, _, two = json.loads(FACTS.read_text())["rows"]
    assert (USUAL.start_s, USUAL.local_start_s) == (two["start_s"], local["overhead_s"])
    dag = json.loads(FACTS.with_name("dag.json").read_text())["summary"]
    assert pytest.approx(dag["ms_per_job"] / 1000, abs=5e-5) == USUAL.plan_s  # rounded to a tenth of a millisecond
    # SLURM's own time is more than the least, by a clock of whole seconds, and less than that with the wait for a core.
    assert two["queue_least_s"] <= USUAL.queue_s <= two["queue_s"]
