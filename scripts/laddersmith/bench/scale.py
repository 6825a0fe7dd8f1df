"""A catalogue on paper: 1,000 and 10,000 titles of the default config, played over 2 to 1,000 nodes.

Twice: with the profile for SLURM as it is, and with the settings that a catalogue of this size wants. Nothing is timed:
the figures follow from `docs/benchmarks/rates.json` and what is assumed, and are the same on every machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..catalogue.durations import Timed
from ..catalogue.engine import Cluster, Manager, Task, play
from ..catalogue.scaling import USUAL, row, shards_of
from ..catalogue.simulation import NODES, Assumed, simulation, timed_title
from ..config import validate
from ..encode.codecs import CODECS
from ..jsonfile import read_json
from ..provenance import versions
from ..search.rates import SHIPPED, Rates, read_rates

SCHEMA = "laddersmith/bench_scale/1"
AS_IT_IS, WIDE = "the profile as it is", "set for it"
# Titles, and the nodes that they are played on.
CASES: Mapping[int, Sequence[int]] = {1_000: NODES, 10_000: (10, 100, 200, 500, 1000)}
# For a catalogue: as many jobs at SLURM as the cluster has cores, a head node of 16 cores, four shards at once.
SET_FOR_IT = replace(USUAL, jobs=20_000, local_cores=16)
SHARDS_AT_ONCE = 4
ROUNDS = 3  # of search, of which all but the first are empty
EMPTY_NODES = 20
ORDER = (
    *("probe", "detect_shots", "plan", "encode", "score", "hull", "choose", "encode", "score"),
    *("ladder", "export", "assemble", "verify", "package", "report", "gate"),
)


def bench_scale(cases: Mapping[int, Sequence[int]] = CASES) -> dict[str, Any]:
    """The facts of `results/bench/scale.json` (config/schemas/bench_scale.json)."""
    config, rates, assumed = validate({}, CODECS), [read_rates(SHIPPED, "docs/benchmarks/rates.json")], Assumed()
    rows: list[dict[str, Any]] = []
    for setting, manager, at_once in ((AS_IT_IS, USUAL, 1), (WIDE, SET_FOR_IT, SHARDS_AT_ONCE)):
        for titles, nodes in cases.items():
            found = simulation(
                config,
                rates,
                titles=[titles],
                nodes=nodes,
                manager=manager,
                assumed=replace(assumed, at_once=at_once),
            )
            rows += [{"setting": setting} | each for each in found["rows"]]
    told = simulation(config, rates, titles=[], nodes=[], assumed=assumed)
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "assumed": told["assumed"],
        "rules": told["rules"],
        "core_hours_per_title": told["core_hours_per_title"],
        "rows": rows,
        "empty_rounds": empty_rounds(config, rates, assumed),
        "local_run": local_run(),
        "summary": summary(rows),
    }


def empty_rounds(config: Mapping[str, Any], rates: Sequence[Rates], assumed: Assumed, titles: int = 100) -> dict:
    """What rounds cost that encode nothing: the same titles with one round of search, and with ROUNDS of which only the
    first has points."""
    one, batches = timed_title(config, rates, assumed)
    refine = validate({"search": {"strategy": "refine", "max_rounds": ROUNDS}}, CODECS)
    many, _ = timed_title(refine, rates, assumed, batches)
    first = {
        (j.rule, j.batch, j.codec, j.height): s for j, s in zip(one.jobs, one.seconds, strict=True) if j.round == 0
    }
    last = {(j.rule, j.batch, j.codec, j.height): s for j, s in zip(one.jobs, one.seconds, strict=True) if j.round == 1}
    seconds = []
    for job, own in zip(many.jobs, many.seconds, strict=True):
        known = first if job.round == 0 else last if job.round == ROUNDS else None
        key = (job.rule, job.batch, job.codec, job.height)
        empty = job.rule in ("encode", "score") and known is None
        seconds.append(0.0 if empty else known.get(key, own) if known else own)
    cluster = Cluster(EMPTY_NODES, assumed.cores)
    found = {}
    for name, timed in (("one_round", one), ("with_empty_rounds", Timed(many.jobs, seconds))):
        shards = shards_of(timed, titles, spread=assumed.spread, jobs_per_shard=assumed.jobs_per_shard)
        for manager, kind in ((USUAL, ""), (SET_FOR_IT, "_set_for_it")):
            found[f"{name}{kind}_hours"] = row(shards, cluster, manager, at_once=1)["hours"]
    extra = len(many.jobs) - len(one.jobs)
    return {"titles": titles, "nodes": EMPTY_NODES, "empty_rounds": ROUNDS - 1, "extra_jobs_per_title": extra} | found


def local_run(facts: Path = SHIPPED.parent / "workflow.json") -> dict[str, Any]:
    """The demo as `bench_workflow` ran it, and as the simulation plays it from the mean times of its rules.

    Each title has the jobs of the demo (its rules' numbers, divided by the titles), in the flow's order: what of a rule
    runs at once waits for what of the rule before it.
    """
    given = read_json(facts)
    demo = next(each for each in given["rows"] if each["case"].startswith("demo from"))
    rules = [each | {"rule": each["case"].split()[-1]} for each in given["rows"] if "rule" in each["case"]]
    title = demo_title({each["rule"]: each for each in rules}, titles=2)
    manager = Manager(start_s=USUAL.local_start_s, handle_s=USUAL.handle_s, plan_s=USUAL.plan_s)
    played = play([[title, title]], Cluster(1, demo["cores"]), manager)
    return {
        "jobs": demo["jobs"],
        "cores": demo["cores"],
        "measured_s": demo["wall_s"],
        "played_s": round(played.makespan_s, 1),
        "off_pct": round(100 * (played.makespan_s / demo["wall_s"] - 1), 1),
    }


def demo_title(rules: Mapping[str, Mapping[str, Any]], *, titles: int) -> list[Task]:
    """One title's tasks, each rule's jobs waiting for all of the rule before."""
    tasks: list[Task] = []
    before: tuple[int, ...] = ()
    for rule in (each for each in ORDER if each in rules):
        facts = rules[rule]
        count = facts["jobs"] // titles // ORDER.count(rule)
        mean_s = facts["library_s"] / facts["jobs"]
        now = tuple(range(len(tasks), len(tasks) + count))
        tasks += [Task(mean_s, facts["threads"], False, before) for _ in now]
        before = now
    return tasks


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The headline figures: hours and busy cores at 100 nodes, and where the profile as it is breaks."""
    at = {(each["setting"], each["titles"], each["nodes"]): each for each in rows}
    found: dict[str, Any] = {}
    for setting, name in ((AS_IT_IS, "as_it_is"), (WIDE, "set_for_it")):
        for titles in sorted({each["titles"] for each in rows}):
            mine = [each for each in rows if each["setting"] == setting and each["titles"] == titles]
            good = [each["nodes"] for each in mine if each["utilisation_pct"] >= 80]
            found[f"{name}_{titles}_most_nodes_busy"] = max(good, default=0)
            if (setting, titles, 100) in at:
                found[f"{name}_{titles}_hours_100_nodes"] = at[setting, titles, 100]["hours"]
    return found
