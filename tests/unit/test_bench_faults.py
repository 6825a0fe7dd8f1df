"""The benches of faults and of hostile files: their bookkeeping, and the committed runs against their pages."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import faults, faults_page, fuzz, fuzz_page
from laddersmith.bench.faults import Place, differing
from laddersmith.errors import ToolError

FOLDER = ROOT / "docs" / "benchmarks"
FACTS = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("faults", "fuzz")}


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path / "work", tmp_path / "clip.mp4", {}, 1)


def test_results_are_equal_but_for_what_a_clock_measured(tmp_path):
    found = []
    for name, wall_s, rate in (("a", 1.0, 5.0), ("b", 2.0, 5.0), ("c", 1.0, 6.0)):
        one = Place(tmp_path / name, tmp_path / "clip.mp4", {}, 1)
        (one.path / "results" / "t").mkdir(parents=True)
        table = pd.DataFrame({"shot": [0], "encode_wall_s": [wall_s], "encode_cpu_s": [wall_s], "bitrate_kbps": [rate]})
        table.to_parquet(one.path / "results" / "t" / "scores.parquet")
        (one.path / "results" / "t" / "ladder.json").write_text("{}")
        (one.path / "results" / "t" / ".left.partial.mp4").touch()
        found.append(one.results())
    a, b, c = found
    assert set(a) == {"t/scores.parquet", "t/ladder.json"} and differing(a, b) == []
    assert differing(a, c) == ["t/scores.parquet"] and differing(a, {}) == sorted(a)


def test_an_encode_is_found_by_its_partial_file(place):
    folder = place.path / "results" / "t" / "b0" / "r0" / "x264"
    folder.mkdir(parents=True)
    pd.DataFrame({"file": ["s00000_x264_crf24.mp4"], "key": ["abc"]}).to_parquet(folder / "90p.parquet")
    partial = "results/t/b0/r0/x264/90p/.s00000_x264_crf24.12.345.partial.mp4"
    place.calls.write_text(f"7 {partial}\n8 {place.path}/{partial}\n")
    assert [pid for pid, _ in place.encoders()] == [7, 8]
    for _, target in place.encoders():
        assert place.keys() == {place.placed(target): "abc"}
    assert place.placed("elsewhere.mp4") == "elsewhere.mp4"


def test_the_process_that_is_meant_is_killed_and_no_other(place):
    # A job's script has such a name, and works in the run's folder.
    script = place.path / "tmp1.score.py"
    script.write_text("import time; time.sleep(60)")
    job = subprocess.Popen([sys.executable, str(script)], cwd=place.path)
    other = subprocess.Popen([sys.executable, str(script)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while place.processes(".score.py") != [job.pid] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert place.processes(".score.py") == [job.pid]
        assert not faults.kill_if(job.pid, "ffmpeg") and faults.kill_if(job.pid, ".score.py")
        assert job.wait() == -signal.SIGKILL and not faults.kill_if(job.pid, ".score.py")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_run_that_hangs_is_ended_and_told(monkeypatch):
    monkeypatch.setattr(faults, "RUN_S", 0.2)
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with pytest.raises(ToolError, match=r"a run did not end within 0.2 s"):
        faults.ended(process)
    assert process.wait() == -signal.SIGKILL


def test_only_an_encode_leaves_its_process_id(place):
    for arguments in (["-version"], ["-i", "pipe:0", "a b/.x.1.2.partial.mp4"]):
        environment = os.environ | {"PATH": "/usr/bin:/bin"}
        subprocess.run([str(place.path / "ffmpeg"), *arguments], env=environment, capture_output=True, input=b"")
    [(pid, target)] = place.encoders()
    assert pid > 0 and target == "a b/.x.1.2.partial.mp4"


@pytest.mark.parametrize("name", FACTS)
def test_the_committed_facts_keep_to_their_schema(name):
    Draft202012Validator(json.loads((ROOT / f"config/schemas/bench_{name}.json").read_text())).validate(FACTS[name])
    assert not re.search(r"/(home|tmp|work|root)\b", json.dumps(FACTS[name]))


def test_the_summaries_follow_from_the_rows():
    assert FACTS["faults"]["summary"] == faults.summary(FACTS["faults"]["rows"])
    rows, found = FACTS["fuzz"]["rows"], FACTS["fuzz"]["summary"]
    for end in fuzz.ENDS:
        assert found[end] == sum(row[end] for row in rows)
    assert found["examined"] == sum(row["tried"] for row in rows) == 2 * found["mutants"]
    assert found["slowest_s"] == max(row["slowest_s"] for row in rows)


def test_nothing_was_lost_and_nothing_hung():
    kept, told = FACTS["faults"]["summary"], FACTS["fuzz"]["summary"]
    assert kept["survived"] == kept["tried"] and kept["points_lost"] == kept["wrong_results"] == 0
    assert told["unforeseen"] == told["crash"] == told["hang"] == 0


def test_the_pages_are_made_of_their_facts():
    assert (FOLDER / "faults.md").read_text() == faults_page.page(FACTS["faults"])
    assert (FOLDER / "fuzz.md").read_text() == fuzz_page.page(FACTS["fuzz"])
