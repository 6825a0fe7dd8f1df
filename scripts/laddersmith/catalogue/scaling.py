"""A catalogue on ever more nodes: how long it takes, how busy the nodes are, what the managing costs, what binds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..search.estimate_page import Film
from ..titles import Title
from .durations import Timed, factors
from .engine import FREE, Cluster, Manager, Task, critical_path_s, play

HOUR = 3600.0
PLAYED = 16  # shards; of a longer catalogue no more are played

# What SLURM and Snakemake take beside the jobs, where nothing else is said; docs/scale.md tells where each is from.
USUAL = Manager(
    jobs=100,
    local_cores=2,
    plan_s=0.0024,
    handle_s=0.06,
    submit_s=0.2,
    submitters=2,
    queue_s=2.0,
    start_s=6.6,
    local_start_s=1.0,
    ask_s=10.0,
    ask_more_s=10.0,
    ask_most_s=180.0,
)
REMEDIES = {
    "cores": "more nodes shorten it",
    "jobs": "raise `jobs` in the profile",
    "head": "raise `local-cores` in the profile, or let more shards run at once on further head nodes",
    "Snakemake": "fewer and longer jobs (fewer batches), or more shards at once",
    "submission": "fewer and longer jobs (fewer batches), or more shards at once",
    "a title's chain": "more shards at once, so that one begins while another ends; more batches for a title",
}


@dataclass(frozen=True)
class Shards(Sequence[list[list[Task]]]):
    """So many titles, alike but for how hard they are, cut into shards as they are asked for."""

    timed: Timed
    hard: Sequence[float]
    per_shard: int

    def __len__(self) -> int:
        return math.ceil(len(self.hard) / self.per_shard)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return [self.timed.tasks(f) for f in self.hard[number * self.per_shard : (number + 1) * self.per_shard]]


def usual_film(*, minutes: float, width: int, height: int, fps: float, shot_s: float, title: Title) -> Film:
    """A film of this length and size, of which nothing else is known."""
    frames = round(60 * minutes * fps)
    return Film(title, frames, 60 * minutes, width, height, float(width * height), round(60 * minutes / shot_s), False)


def shards_of(timed: Timed, titles: int, *, spread: float, jobs_per_shard: int) -> Shards:
    return Shards(timed, factors(titles, spread), max(1, jobs_per_shard // len(timed.jobs)))


def row(shards: Shards, cluster: Cluster, manager: Manager, *, at_once: int) -> dict[str, Any]:
    """One point of the curve: the catalogue with this manager, and with one that takes nothing.

    Of more than PLAYED shards so many are played; all are taken to last in proportion.
    """
    some = Shards(shards.timed, shards.hard[: PLAYED * shards.per_shard], shards.per_shard)
    times = len(shards.hard) / len(some.hard)
    played = play(some, cluster, manager, at_once=at_once)
    ideal = play(some, cluster, replace(FREE, local_cores=manager.local_cores), at_once=at_once)
    cores = cluster.nodes * cluster.cores
    floors = bounds(shards, cluster, manager, at_once=at_once)
    tightest = max(floors, key=lambda name: floors[name])
    return {
        "titles": len(shards.hard),
        "nodes": cluster.nodes,
        "cores": cores,
        "jobs": len(shards.hard) * len(shards.timed.jobs),
        "shards": len(shards),
        "shards_played": len(some),
        "at_once": at_once,
        "jobs_at_slurm": manager.jobs,
        "local_cores": manager.local_cores,
        "hours": _short(times * played.makespan_s / HOUR),
        "hours_unmanaged": _short(times * ideal.makespan_s / HOUR),
        "utilisation_pct": round(100 * float(played.work_core_s) / (cores * played.makespan_s), 1),
        "scheduler_pct": round(100 * float(1 - ideal.makespan_s / played.makespan_s), 1),
        "bound_by": tightest,
        "bounds_hours": {name: _short(seconds / HOUR) for name, seconds in floors.items()},
    }


def bounds(shards: Shards, cluster: Cluster, manager: Manager, *, at_once: int) -> dict[str, float]:
    """Seconds below which no schedule comes, by what holds it up.

    cores: the work on all cores. jobs: the slots at SLURM, each kept from the submission to the end of its job. head:
    the jobs of local rules on the cores beside the Snakemakes. Snakemake, submission: one job after another. a title's
    chain: the hardest title alone, once for each shard that waits for the one before it.
    """
    tasks = shards.timed.tasks()
    mean = sum(shards.hard) / len(shards.hard)
    titles, lanes = len(shards.hard), min(at_once, len(shards))
    local = [task for task in tasks if manager.stays(task)]
    sent = [task for task in shards.timed.tasks(mean) if not manager.stays(task)]
    work = sum((task.seconds + manager.start_s) * min(task.cores, cluster.cores) for task in sent)
    slots = sum(task.seconds + manager.start_s + manager.queue_s + manager.submit_s for task in sent)
    hardest = critical_path_s(shards.timed.tasks(max(shards.hard)), manager)
    return {
        "cores": titles * work / (cluster.nodes * cluster.cores),
        "jobs": titles * slots / (lanes * manager.jobs) if manager.jobs else 0.0,
        "head": titles * sum(t.seconds + manager.local_start_s for t in local) / (lanes * manager.local_cores or 1),
        "Snakemake": titles * len(tasks) * (manager.handle_s + manager.plan_s) / lanes,
        "submission": titles * len(sent) * manager.submit_s / (lanes * manager.submitters),
        "a title's chain": hardest * math.ceil(len(shards) / lanes),
    }


def curve(
    timed: Timed, counts: Sequence[int], nodes: Sequence[int], manager: Manager, options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The points for every number of titles and of nodes. `options` : cores, at_once, spread, jobs_per_shard."""
    for count in counts:
        shards = shards_of(timed, count, spread=options["spread"], jobs_per_shard=options["jobs_per_shard"])
        for number in nodes:
            yield row(shards, Cluster(number, options["cores"]), manager, at_once=options["at_once"])


def by_rule(timed: Timed) -> list[dict[str, Any]]:
    """What each rule's jobs of a title were taken to last: how many, and seconds."""
    found = []
    for rule in dict.fromkeys(job.rule for job in timed.jobs):
        seconds = [s for job, s in zip(timed.jobs, timed.seconds, strict=True) if job.rule == rule]
        cores = next(job.threads for job in timed.jobs if job.rule == rule)
        local = next(job.local for job in timed.jobs if job.rule == rule)
        found.append(
            {
                "rule": rule,
                "jobs": len(seconds),
                "cores": cores,
                "local": local,
                "mean_s": _short(sum(seconds) / len(seconds)),
                "longest_s": _short(max(seconds)),
            }
        )
    return found


def _short(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
