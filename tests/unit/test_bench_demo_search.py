"""The demo's two searches: what is read of a finished run, and the page against the committed figures."""

import json
import re

import pandas as pd
import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import demo_search as bench
from laddersmith.errors import ToolError

FACTS = json.loads((ROOT / "docs" / "benchmarks" / "demo_search.json").read_text())
SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_demo_search.json").read_text())


def finished(place, keys, bitrates, cpu_s):
    """A run of one title: a table of encodes, one of them the fixed ladder's, a ladder, and two logs."""
    folder = place / "results" / "film" / "b0" / "r0" / "x264"
    folder.mkdir(parents=True)
    table = pd.DataFrame({"key": [*keys, "capped"], "variant": ["x264"] * len(keys) + ["x264@90k"]})
    table.assign(encode_cpu_s=cpu_s).to_parquet(folder / "90p.parquet")
    rungs = [
        {"codec": "x264", "bitrate_kbps": rate, "quality": quality}
        for rate, quality in zip(bitrates, (50.0, 70.0, 85.0, 94.0), strict=True)
    ]
    (place / "results" / "film" / "ladder.json").write_text(json.dumps({"title": "film", "rungs": rungs}))
    for rule, own in (("score", 3.0), ("plan", 0.5)):
        log = place / "logs" / "film" / f"{rule}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(
            f"2026-11-21 14:30:59,500 INFO rule {rule} {{}}\nINFO took 9.9 s; CPU seconds: own {own}, programs 1.25\n"
        )
    return place


def test_two_runs_are_set_side_by_side(tmp_path):
    """Half the encodes, and a ladder of 10 % more bits at every quality."""
    rates = [100.0, 200.0, 400.0, 800.0]
    places = {
        "grid": finished(tmp_path / "grid", ["a", "b", "c", "d"], rates, 2.0),
        "adaptive": finished(tmp_path / "adaptive", ["a", "b"], [1.1 * rate for rate in rates], 2.0),
    }
    found = bench.facts(places, {"grid": 10.0, "adaptive": 9.0})
    Draft202012Validator(SCHEMA).validate(found)
    one, other, ladder = found["rows"]
    assert (one["encodes"], one["encode_cpu_s"], other["encodes"], other["encode_cpu_s"]) == (4, 8.0, 2, 4.0)
    assert (one["score_cpu_s"], one["plan_cpu_s"], one["cpu_s"], one["jobs"]) == (4.2, 1.8, 6.0, 2)
    assert ladder["bd_rate_pct"] == pytest.approx(10, abs=1e-3)
    assert found["summary"]["encodes_share_pct"] == 50 and found["summary"]["wall_share_pct"] == 90


def test_a_job_that_did_not_end_well_is_told(tmp_path):
    place = finished(tmp_path, ["a"], [100.0, 200.0, 400.0, 800.0], 2.0)
    (place / "logs" / "film" / "score.log").write_text("2026-11-21 14:30:59,500 INFO rule score {}\n")
    with pytest.raises(ToolError, match=r"score\.log: no line that says what the job took"):
        bench.facts({"grid": place, "adaptive": place}, {"grid": 1.0, "adaptive": 1.0})


def test_the_page_tells_the_committed_figures():
    Draft202012Validator(SCHEMA).validate(FACTS)
    page = re.sub(r"\s+", " ", (ROOT / "docs" / "search.md").read_text())
    grid, adaptive = (row for row in FACTS["rows"] if row["case"] == "run")
    rates = [row["bd_rate_pct"] for row in FACTS["rows"] if row["case"] == "ladder"]
    for sentence in (
        f"makes {adaptive['encodes']} encodes for {grid['encodes']}, in {FACTS['summary']['encode_cpu_share_pct']} %",
        f"scoring takes {adaptive['score_cpu_s']} s for {grid['score_cpu_s']} s",
        f"{adaptive['wall_s']} s for {grid['wall_s']} s of wall time",
        f"its planner takes {adaptive['plan_cpu_s']} s",
        f"between {min(rates):.1f} % and {max(rates):.1f} %, {FACTS['summary']['bd_rate_mean_pct']:.1f} % on average",
    ):
        assert sentence in page
