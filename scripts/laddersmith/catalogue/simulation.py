"""A simulation's facts: what was assumed, and the curve."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..provenance import versions
from ..search.rates import Rates
from ..search.sizing import Sizing
from ..titles import Title
from .durations import Timed, timed
from .engine import Manager
from .scaling import USUAL, by_rule, curve, usual_film

SCHEMA = "laddersmith/simulation/1"
NODES = (2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Assumed:
    """What is assumed of the catalogue and the cluster.

    Attributes
    ----------
    minutes, width, height, fps : of every title. shot_s : mean length of a shot.
    spread : standard deviation of the logarithm of how hard titles are to encode.
    job_minutes : what the longest job of a title is to last; decides its batches.
    cores : of a node. at_once : shards at a time. jobs_per_shard : at most.
    """

    minutes: float = 10.0
    width: int = 1920
    height: int = 1080
    fps: float = 25.0
    shot_s: float = 4.0
    spread: float = 0.3
    job_minutes: float = 10.0
    cores: int = 16
    at_once: int = 1
    jobs_per_shard: int = 20_000


def timed_title(
    config: Mapping[str, Any], rates: Sequence[Rates], assumed: Assumed, batches: int | None = None
) -> tuple[Timed, int]:
    """The jobs of one title as assumed, each with its seconds; and its batches, where they are not given.

    Raises
    ------
    ConfigError
        If a rate is not known that this takes.
    """
    made = {key: getattr(assumed, key) for key in ("minutes", "width", "height", "fps", "shot_s")}
    title = Title("film", "", 60 * assumed.minutes, 1)
    batches = batches or Sizing(config, rates, 60 * assumed.job_minutes).batches(usual_film(**made, title=title))
    film = usual_film(**made, title=replace(title, batches=batches))
    return timed(config, film, rates), batches


def simulation(
    config: Mapping[str, Any],
    rates: Sequence[Rates],
    *,
    titles: Sequence[int],
    nodes: Sequence[int] = NODES,
    manager: Manager = USUAL,
    assumed: Assumed | None = None,
) -> dict[str, Any]:
    """The facts of a simulation (config/schemas/simulation.json): every number of titles on every number of nodes."""
    assumed = assumed or Assumed()
    jobs, batches = timed_title(config, rates, assumed)
    options = {key: getattr(assumed, key) for key in ("cores", "at_once", "spread", "jobs_per_shard")}
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "assumed": {
            "title": asdict(assumed) | {"batches": batches},
            "manager": asdict(manager),
            "strategy": config["search"]["strategy"],
            "engine": config["quality"]["engine"],
            "rates": [each.name for each in rates],
        },
        "rules": by_rule(jobs),
        "core_hours_per_title": round(
            sum(s * job.threads for job, s in zip(jobs.jobs, jobs.seconds, strict=True)) / 3600, 2
        ),
        "rows": list(curve(jobs, titles, nodes, manager, options)),
    }
