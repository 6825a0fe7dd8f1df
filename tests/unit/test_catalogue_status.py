"""How far a run is, read from made-up folders: finished, running, killed, failed, empty, in shards."""

import json
import os
import platform
import time
from pathlib import Path

import pandas as pd
import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith import pulse
from laddersmith.catalogue import status_command
from laddersmith.catalogue.flow import Job, title_jobs
from laddersmith.catalogue.progress import Progress, Took, progress
from laddersmith.catalogue.settings import Settings, read_settings
from laddersmith.catalogue.status import pace, status
from laddersmith.errors import ConfigError, RunError
from laddersmith.jsonfile import read_json, write_json

SCHEMA = json.loads((ROOT / "config" / "schemas" / "status.json").read_text())
STAMP = "2026-11-21 14:30:59,500 INFO"
HERE = f"{STAMP} {pulse.process_line()}\n"
GONE = f"{STAMP} process 4194304 on {platform.node()}, begun 17\n"
TOOK = f"{STAMP} took 10.00 s; CPU seconds: own 6.00, programs 12.00\n{STAMP} done\n"
CAUSE = "bikes, shot 1: the encoder crashed; see the log"
FAILED = f"2026-11-21 14:31:00,000 ERROR {CAUSE}\nTraceback (most recent call last):\n  ...\n"
NAMES = ("one", "two", "three")


def folder_of(tmp_path: Path) -> Settings:
    (tmp_path / "config").mkdir()
    variants = {"x264": {"codec": "x264", "preset": "medium", "crfs": [20, 30, 40]}}
    (tmp_path / "config" / "config.yaml").write_text(json.dumps({"heights": [270, 180], "variants": variants}))
    rows = "".join(f"{name}\tdemo:bikes\n" for name in NAMES)
    (tmp_path / "config" / "titles.tsv").write_text(f"title\tpath\n{rows}")
    return read_settings(tmp_path)


def jobs_of(settings: Settings, title: str) -> list[Job]:
    return title_jobs(settings.config, settings.titles[title])


def log(settings: Settings, job: Job, rest: str, *, process: str = HERE) -> Path:
    path = settings.folder / "logs" / job.log
    path.parent.mkdir(parents=True, exist_ok=True)
    marks = {"title": job.output.split("/")[0]}
    path.write_text(f"{STAMP} rule {job.rule} {marks}\n{process}{rest}")
    return path


def finish(settings: Settings, job: Job) -> None:
    """What a job that ended well leaves: its output and its log; of an encode a table of two points, one found."""
    path = settings.folder / "results" / job.output
    path.parent.mkdir(parents=True, exist_ok=True)
    told = ""
    if job.rule in ("plan", "choose"):
        path.with_suffix(".json").touch()
        pd.DataFrame({"shot": [0] * 4}).to_parquet(path.with_suffix(".parquet"))
    elif job.rule == "encode":
        keys = [f"{job.output}-{number}" for number in range(2)]
        table = pd.DataFrame({"key": keys, "variant": ["x264", "x264@145k"], "bytes": [10**9, 2 * 10**9]})
        table.to_parquet(path)
        told = f"{STAMP} one: 2 points, 1 of them in the store\n"
    else:
        path.touch()
    log(settings, job, told + TOOK)


def upto(settings: Settings, title: str, rule: str, number: int | None = None) -> Job:
    """Finish the title's jobs before the first of this rule and round; that job."""
    for job in jobs_of(settings, title):
        if job.rule == rule and number in (None, job.round):
            return job
        finish(settings, job)
    raise AssertionError(rule)


def asked(settings: Settings) -> dict:
    found = status(settings)
    Draft202012Validator(SCHEMA).validate(found)
    return found


def test_a_run_that_goes_on(tmp_path):
    settings = folder_of(tmp_path)
    for job in jobs_of(settings, "one"):
        finish(settings, job)
    encode = upto(settings, "two", "encode", 1)
    log(settings, encode, "")
    found = asked(settings)
    one, two, three = found["each"]
    assert found["running"] and found["titles"] == {
        "total": 3,
        "done": 1,
        "running": 1,
        "failed": 0,
        "begun": 0,
        "waiting": 1,
    }
    assert (one["state"], one["stage"], one["jobs_done"]) == ("done", None, one["jobs"])
    assert (two["state"], two["stage"], two["round"], two["running"]) == ("running", "encode", 1, [encode.name])
    assert (three["state"], three["stage"], three["encodes_done"]) == ("waiting", "probe", 0)
    # Each of the first title's four encode jobs has two points, one of them the fixed ladder's.
    assert (one["encodes_done"], one["encodes_expected"], one["encodes_distinct"]) == (8, 8, 4)
    assert two["encodes_done"] == 4 and found["encodes"]["made"] == found["encodes"]["found_in_store"] == 6
    assert found["gigabytes"]["encodes"] == 18.0  # six jobs of 1 and 2 GB
    jobs = found["jobs"]
    assert found["core_hours"]["spent"] == pytest.approx(jobs["done"] * 18 / 3600, rel=1e-3)
    assert jobs["running"] == 1 and found["gpu_hours"] == 0
    left = found["core_hours"]["left"]
    assert 0 < left["low"] <= left["expected"] <= left["high"]
    assert three["core_hours_left"]["expected"] > two["core_hours_left"]["expected"] > 0 and not one["core_hours_left"]
    text = status_command.table(found)
    assert "3: 1 done, 1 running, 1 waiting" in text and "encode, round 1" in text


def test_a_killed_run_has_jobs_that_ended_without_a_word(tmp_path):
    settings = folder_of(tmp_path)
    encode = upto(settings, "one", "encode", 1)
    log(settings, encode, "", process=GONE)
    found = asked(settings)
    assert not found["running"] and found["hours_left"] is None
    one = found["each"][0]
    assert (one["state"], one["ended_without_a_word"], one["failed"]) == ("begun", [encode.name], None)
    assert found["jobs"]["ended_without_a_word"] == 1
    assert "1 jobs ended without a word" in status_command.table(found)
    assert "nothing is at work here" in status_command.table(found)


def test_a_failed_title_is_told_with_its_cause_until_its_job_goes_on(tmp_path):
    settings = folder_of(tmp_path)
    encode = upto(settings, "one", "encode", 1)
    log(settings, encode, FAILED)
    one = asked(settings)["each"][0]
    assert one["state"] == "failed"
    assert one["failed"] == {"rule": "encode", "cause": CAUSE, "log": f"logs/{encode.log}"}
    assert f"one, encode: {CAUSE}" in status_command.table(asked(settings))
    log(settings, encode, "")
    assert asked(settings)["each"][0]["state"] == "running"
    finish(settings, encode)
    assert asked(settings)["each"][0]["state"] == "begun"


def test_hours_on_a_gpu_are_the_wall_hours_of_the_jobs_that_held_it(tmp_path):
    settings = folder_of(tmp_path)
    jobs = jobs_of(settings, "one")
    for job in jobs:
        finish(settings, job)
    found = progress(tmp_path, "one", jobs, on_gpu=["score"])
    assert sum(one.gpu_s for one in found.took) == 10.0 * found.count_by_rule["score"] == 20.0
    [score, *_] = [job for job in jobs if job.rule == "score"]
    log(settings, score, f"{STAMP[:-4]}WARNING one: engine cuda gives up, and numba scores in its place: x\n{TOOK}")
    assert sum(one.gpu_s for one in progress(tmp_path, "one", jobs, on_gpu=["score"]).took) == 10.0


def test_a_folder_without_anything_and_one_that_is_not_there(tmp_path, capsys):
    assert status_command.main([str(tmp_path)]) == 0
    assert "titles      0" in capsys.readouterr().out
    assert status_command.main([str(tmp_path), "--json", "-"]) == 0
    Draft202012Validator(SCHEMA).validate(json.loads(capsys.readouterr().out))
    with pytest.raises(RunError, match="no such folder; name the one in which Snakemake runs"):
        status_command.main([str(tmp_path / "none")])
    (tmp_path / "results").mkdir()
    with pytest.raises(ConfigError, match=r"titles\.tsv: cannot be read"):
        status_command.main([str(tmp_path)])


def test_a_source_that_is_gone_and_a_shard_that_failed_are_told_of(tmp_path, capsys):
    folder_of(tmp_path)
    (tmp_path / "config" / "titles.tsv").write_text("title\tpath\none\tgone.mp4\n")
    records = [{"state": state} for state in ("done", "failed", "waiting")]
    (tmp_path / "results" / "catalogue").mkdir(parents=True)
    write_json(tmp_path / "results" / "catalogue" / "catalogue.json", {"shards": records})
    assert status_command.main([str(tmp_path), "--json", str(tmp_path / "status.json")]) == 0
    text = capsys.readouterr().out
    assert "shards      3: 1 done, 1 failed, 1 waiting" in text
    assert "What is left of 1 titles is not known: no source of theirs can be read." in text
    found = read_json(tmp_path / "status.json")
    Draft202012Validator(SCHEMA).validate(found)
    assert found["core_hours"]["left"] is None and found["encodes"]["expected"] is None


def test_the_pace_is_that_of_the_last_hour():
    def took(begun: float, wall_s: float, cpu_s: float) -> Took:
        return Took("encode", begun, wall_s, cpu_s, 0.0, 0, 0)

    # From 1000 s to 2000 s two jobs: 1500 CPU seconds.
    assert pace([took(1000, 1000, 1000), took(1000, 500, 500)], 2000) == pytest.approx(1.5)
    # Of a job that began before the last hour the part in it counts: 3600 of 7200 s.
    assert pace([took(0, 7200, 7200 * 4)], 7200) == pytest.approx(4)
    assert pace([took(0, 10, 10)], 10_000) is None and pace([], 0) is None


def test_a_job_lives_while_its_process_does_or_its_log_is_fresh(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("")
    assert pulse.lives(path, HERE) and not pulse.lives(path, GONE)
    # A number that was given away anew: begun at another time.
    assert not pulse.lives(path, f"{STAMP} process {os.getpid()} on {platform.node()}, begun 1\n")
    elsewhere = f"{STAMP} process 1 on another-machine, begun 1\n"
    assert pulse.lives(path, elsewhere)
    old = time.time() - 2 * pulse.LOST_S
    os.utime(path, (old, old))
    assert not pulse.lives(path, elsewhere) and not pulse.lives(tmp_path / "none", elsewhere)
    pulse.beat(path, every_s=0.01)
    deadline = time.monotonic() + 30
    while not pulse.lives(path, elsewhere):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_files_that_are_cut_short_are_passed_over(tmp_path):
    settings = folder_of(tmp_path)
    encode = upto(settings, "one", "encode", 1)
    for name in ("b0/r0/x264/270p.parquet", "r0/plan.parquet"):
        (tmp_path / "results" / "one" / name).write_bytes(b"PAR1")
    found = progress(tmp_path, "one", jobs_of(settings, "one"))
    assert isinstance(found, Progress) and found.points == 2 and not found.all_planned
    assert found.stage == encode.rule
