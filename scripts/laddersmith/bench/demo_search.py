"""The demo's ladders searched by `grid` and by `adaptive`: what each encodes and takes, and what lies between them.

No room is imported before the runs have ended: the peak memory and the CPU time of a child begin at its parent's.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .. import ffmpeg
from ..errors import ToolError
from ..jsonfile import read_json
from ..machine import machine
from ..provenance import versions
from .workflow import run_snakemake, workplace

SCHEMA = "laddersmith/bench_demo_search/1"
STRATEGIES = ("grid", "adaptive")
TOOK = re.compile(r"took [\d.]+ s; CPU seconds: own ([\d.]+), programs ([\d.]+)")
RULE = re.compile(r" INFO rule (\w+) ")


def bench_demo_search(settings: str, titles: str, *, cores: int) -> dict[str, Any]:
    """The facts of `results/bench/demo_search.json`.

    Parameters
    ----------
    settings, titles : config.yaml and titles.tsv of the demo. cores : that the runs take.

    Raises
    ------
    ToolError
        If Snakemake fails, or a job's log does not say what it took.
    """
    usual = yaml.safe_load(Path(settings).read_text("utf-8")) or {}
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as name:
        places, walls = {}, {}
        for strategy in STRATEGIES:
            own = usual | {"search": (usual.get("search") or {}) | {"strategy": strategy}}
            place = workplace(Path(name) / strategy, yaml.safe_dump(own), Path(titles).read_text("utf-8"))
            ran = run_snakemake(place, "--cores", str(cores), "--scheduler", "greedy", "ladders")
            places[strategy], walls[strategy] = place, ran.wall_s
        return facts(places, walls)


def facts(places: Mapping[str, Path], walls: Mapping[str, float]) -> dict[str, Any]:
    """What two finished runs took, and the BD-rate between their ladders.

    Parameters
    ----------
    places : working folders by strategy. walls : wall seconds of the runs.
    """
    taken = {strategy: _taken(place, walls[strategy]) for strategy, place in places.items()}
    between = _between(*(places[strategy] for strategy in STRATEGIES))
    one, other = (taken[strategy] for strategy in STRATEGIES)
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"ffmpeg": ffmpeg.version()},
        "rows": [
            *({"case": "run", "strategy": strategy} | row for strategy, row in taken.items()),
            *({"case": "ladder"} | row for row in between),
        ],
        "summary": {
            "encodes_share_pct": round(100 * other["encodes"] / one["encodes"], 1),
            "encode_cpu_share_pct": round(100 * other["encode_cpu_s"] / one["encode_cpu_s"], 1),
            "score_cpu_share_pct": round(100 * other["score_cpu_s"] / one["score_cpu_s"], 1),
            "wall_share_pct": round(100 * other["wall_s"] / one["wall_s"], 1),
            "bd_rate_mean_pct": round(sum(row["bd_rate_pct"] for row in between) / len(between), 3),
            "bd_rate_worst_pct": round(max(row["bd_rate_pct"] for row in between), 3),
        },
    }


def _taken(place: Path, wall_s: float) -> dict[str, Any]:
    import pandas as pd

    tables = [pd.read_parquet(path) for path in sorted((place / "results").glob("*/b*/r*/*/*p.parquet"))]
    rows = pd.concat(tables, ignore_index=True).drop_duplicates("key")
    searched = rows[~rows["variant"].str.contains("@")]
    seconds: dict[str, float] = {}
    logs = sorted((place / "logs").rglob("*.log"))
    for log in logs:
        text = log.read_text(encoding="utf-8")
        rule, took = RULE.search(text), TOOK.search(text)
        if not rule or not took:
            raise ToolError(f"{log}: no line that says what the job took; the job did not end well")
        seconds[rule[1]] = seconds.get(rule[1], 0.0) + float(took[1]) + float(took[2])
    return {
        "jobs": len(logs),
        "encodes": len(searched),
        "encode_cpu_s": round(float(searched["encode_cpu_s"].sum()), 1),
        "score_cpu_s": round(seconds["score"], 1),
        "plan_cpu_s": round(seconds["plan"], 1),
        "cpu_s": round(sum(seconds.values()), 1),
        "wall_s": round(wall_s, 1),
    }


def _between(grid: Path, adaptive: Path) -> list[dict[str, Any]]:
    from ..hull import bd_rate

    rows = []
    for path in sorted((grid / "results").glob("*/ladder.json")):
        one, other = read_json(path), read_json(adaptive / path.relative_to(grid))
        for codec in dict.fromkeys(rung["codec"] for rung in one["rungs"]):
            anchor, test = _curve(one["rungs"], codec), _curve(other["rungs"], codec)
            rows.append(
                {
                    "title": one["title"],
                    "codec": codec,
                    "rungs": [len(anchor[0]), len(test[0])],
                    "bd_rate_pct": round(bd_rate(*anchor, *test), 3),
                }
            )
    return rows


def _curve(rungs: Sequence[Mapping[str, Any]], codec: str) -> tuple[list[float], list[float]]:
    mine = [rung for rung in rungs if rung["codec"] == codec]
    return [rung["bitrate_kbps"] for rung in mine], [rung["quality"] for rung in mine]
