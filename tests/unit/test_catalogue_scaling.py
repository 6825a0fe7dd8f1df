"""Job times and the curve of a simulation: against an estimate of the same film, by hand, and against the demo."""

import json
from dataclasses import replace

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import dag, scale, scale_page
from laddersmith.catalogue import simulate_command
from laddersmith.catalogue.durations import Timed, factors
from laddersmith.catalogue.engine import Cluster, Manager
from laddersmith.catalogue.flow import Job
from laddersmith.catalogue.scaling import Shards, bounds, row, usual_film
from laddersmith.catalogue.simulation import Assumed, timed_title
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError
from laddersmith.search.estimate import estimate
from laddersmith.search.rates import SHIPPED, read_rates
from laddersmith.titles import Title

SCHEMAS = {name: json.loads((ROOT / "config" / "schemas" / f"{name}.json").read_text()) for name in ("simulation",)}
RATES = [read_rates(SHIPPED, "shipped")]
SHORT = Assumed(minutes=1, width=1280, height=720)


@pytest.mark.parametrize("search", [{"strategy": "grid"}, {"strategy": "refine", "max_rounds": 3}])
@pytest.mark.parametrize("batches", [1, 3])
def test_the_jobs_of_a_title_take_what_is_estimated_for_it(search, batches):
    config = validate({"search": search}, CODECS)
    made, _ = timed_title(config, RATES, SHORT, batches)
    title = Title("film", "", 60.0, batches)
    film = usual_film(minutes=1, width=1280, height=720, fps=25, shot_s=4, title=title)
    whole = estimate(config, [film], RATES, cores=1)["total"]["core_hours"]
    for part, rules in {"encode": ["encode"], "score": ["score"], "verify": ["verify"]}.items():
        mine = sum(s * j.threads for j, s in zip(made.jobs, made.seconds, strict=True) if j.rule in rules) / 3600
        # The estimate counts each job's start as well, which the simulation adds of its own: some seconds a job.
        starts = sum(j.rule in rules for j in made.jobs) * 5 / 3600
        assert mine <= whole[part]["expected"] * 1.001 <= mine * 1.002 + starts


def test_what_nobody_measured_is_not_simulated():
    config = validate({"variants": {"slow": {"codec": "x264", "preset": "placebo", "crfs": [20, 30]}}}, CODECS)
    with pytest.raises(ConfigError, match=r"no rate is known for encoding by x264, preset placebo"):
        timed_title(config, RATES, SHORT, 1)
    with pytest.raises(ConfigError, match="batches cannot be sized: no rate is known"):
        timed_title(config, RATES, SHORT)


def job(rule: str, *needs: int) -> Job:
    return Job(rule, rule, None, None, None, None, rule, rule, needs)


def test_the_limits_and_the_curve_of_a_title_reckoned_by_hand():
    # An encode of 10 s, a score of 4 s on 8 cores, a plan of 1 s on the head node; three titles, two to a shard.
    timed = Timed([job("plan"), job("encode", 0), job("score", 1)], [1.0, 10.0, 4.0])
    shards = Shards(timed, [1.0, 1.0, 2.0], 2)
    manager = Manager(jobs=5, local_cores=1, handle_s=0.5, submit_s=1, submitters=1)
    assert len(shards) == 2 and [len(shards[place]) for place in range(2)] == [2, 1]
    with pytest.raises(IndexError):
        shards[2]
    found = bounds(shards, Cluster(2, 8), manager, at_once=1)
    mean = 10 * 4 / 3
    assert found["cores"] == pytest.approx(3 * (mean + 32) / 16)
    assert found["jobs"] == pytest.approx(3 * (mean + 4 + 2 * 1) / 5)
    assert found["head"] == 3 and found["Snakemake"] == 4.5 and found["submission"] == 6
    assert found["a title's chain"] == 2 * (1 + 20 + 4)
    at = row(shards, Cluster(2, 8), replace(manager, handle_s=0, submit_s=0), at_once=1)
    # The first shard: plans at 1 and 2, encodes to 11 and 12, scores to 15 and 16; the second 1 + 20 + 4.
    assert at["hours"] == pytest.approx((16 + 25) / 3600, rel=1e-3)
    assert at["utilisation_pct"] == pytest.approx(100 * (40 + 3 * 32) / (16 * 41), abs=0.1)
    assert at["scheduler_pct"] == 0 and at["bound_by"] == "a title's chain"


def test_titles_are_on_average_as_hard_as_the_usual_one():
    drawn = factors(20_000, 0.3)
    assert sum(drawn) / len(drawn) == pytest.approx(1, abs=0.01)  # the mean's standard error is 0.002
    assert drawn == factors(20_000, 0.3) and factors(2, 0.0) == [1.0, 1.0]


def test_the_command_writes_table_json_and_picture(tmp_path, capsys):
    # Ends are seen at once: questions ten seconds apart can make a minute's film last longer on more nodes.
    words = ["--titles", "2", "--nodes", "1", "4", "--minutes", "1", "--size", "1280x720", "--jobs", "40"]
    files = ["--ask-s", "0", "--json", str(tmp_path / "s.json"), "--svg", str(tmp_path / "s.svg")]
    assert simulate_command.main([str(tmp_path), *words, *files]) == 0
    found = json.loads((tmp_path / "s.json").read_text())
    Draft202012Validator(SCHEMAS["simulation"]).validate(found)
    assert [each["nodes"] for each in found["rows"]] == [1, 4] and found["rows"][0]["jobs_at_slurm"] == 40
    assert found["rows"][0]["hours"] >= found["rows"][1]["hours"] > 0
    assert "A title: 1 minutes of 1280x720" in capsys.readouterr().out
    assert (tmp_path / "s.svg").read_text().startswith("<svg")


def test_the_demo_is_played_as_it_ran():
    """From the mean time of each rule, and a start of 1.5 s for each job: within a tenth of the measured time, of which
    what the machine did beside is a part."""
    found = scale.local_run()
    assert abs(found["off_pct"]) < 10
    assert 2 * len(scale.demo_title(rules_of_demo(), titles=2)) + 1 == found["jobs"]  # the last is the summary


def rules_of_demo() -> dict:
    rows = json.loads((SHIPPED.parent / "workflow.json").read_text())["rows"]
    return {each["case"].split()[-1]: each for each in rows if ", rule " in each["case"]}


def test_a_plan_of_few_titles_is_measured():
    ran = dag.plan(2)
    assert "digraph" in ran.output and 50 < ran.peak_mb < 1000 and ran.cpu_s > 0


@pytest.mark.parametrize("name", ["scale", "dag"])
def test_the_committed_facts_keep_to_their_schema(name):
    schema = json.loads((ROOT / "config" / "schemas" / f"bench_{name}.json").read_text())
    facts = json.loads((ROOT / "docs" / "benchmarks" / f"{name}.json").read_text())
    Draft202012Validator(schema).validate(facts)


def test_the_page_is_that_of_the_committed_facts():
    facts = (json.loads((ROOT / "docs" / "benchmarks" / f"{name}.json").read_text()) for name in ("scale", "dag"))
    assert scale_page.page(*facts) == (ROOT / "docs" / "scale.md").read_text()
