"""`python -m laddersmith simulate [FOLDER]`."""

import argparse
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..config import validate
from ..encode.codecs import CODECS
from ..jsonfile import write_json, write_text
from ..search.estimate import known_rates
from .scaling import REMEDIES, USUAL
from .settings import given_config
from .simulation import NODES, Assumed, simulation

ASSUMED = {
    "minutes": "length of a title",
    "fps": "pictures in a second",
    "shot_s": "mean length of a shot in seconds",
    "spread": "standard deviation of the logarithm of how hard titles are to encode",
    "job_minutes": "what the longest job of a title is to last; decides its batches",
    "cores": "cores of a node",
    "at_once": "shards at a time",
    "jobs_per_shard": "most jobs of a shard",
}
MANAGED = {
    "jobs": "most jobs that a Snakemake has with SLURM at a time (`jobs` of the profile)",
    "local_cores": "cores for the local rules beside a Snakemake (`local-cores` of the profile)",
    "plan_s": "seconds to plan a job",
    "handle_s": "Snakemake's own seconds for a job, one after another",
    "submit_s": "seconds of a submission",
    "queue_s": "seconds from a submission to the start on a free node",
    "start_s": "seconds of a job on a node before its own work begins",
    "local_start_s": "the same of a job beside a Snakemake",
    "ask_s": "seconds between two questions to SLURM",
    "ask_more_s": "so many more after each that found nothing done",
    "ask_most_s": "up to so many",
}


def main(argv: list[str]) -> int:
    """Say how long a catalogue would take on so many nodes: measured job times, played over the flow's real shape.

    The config's encoders, heights, search and engine count, at the rates that estimates go by (docs/estimate.md); the
    titles are alike but for how hard they are. docs/scale.md tells what is assumed, and what it comes to.
    """
    parser = argparse.ArgumentParser(prog="python -m laddersmith simulate", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="default: this one")
    parser.add_argument("--config", action="append", type=Path, default=[], metavar="FILE", help="settings of your own")
    parser.add_argument("--titles", type=whole_number, nargs="+", default=[1000], metavar="N", help="default: 1000")
    parser.add_argument(
        "--nodes", type=whole_number, nargs="+", default=list(NODES), metavar="N", help="default: 2 to 1000"
    )
    parser.add_argument("--size", type=size, default=(1920, 1080), metavar="WxH", help="default: 1920x1080")
    for names, defaults in ((ASSUMED, Assumed()), (MANAGED, USUAL)):
        for name, told in names.items():
            usual = getattr(defaults, name)
            kind = whole_number if isinstance(usual, int) else number
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=kind, default=usual, metavar="N", help=f"{told}; default: {usual:g}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the curve as a picture")
    given = parser.parse_args(argv)
    mine = {field.name for field in fields(Assumed)} & set(ASSUMED)
    assumed = replace(Assumed(), **{name: getattr(given, name) for name in mine})
    assumed = replace(assumed, width=given.size[0], height=given.size[1])
    manager = replace(USUAL, **{name: getattr(given, name) for name in MANAGED})
    config = validate(given_config(given.folder, given.config), CODECS)
    rates = known_rates(given.folder / "results")
    found = simulation(config, rates, titles=given.titles, nodes=given.nodes, manager=manager, assumed=assumed)
    if given.json:
        write_json(given.json, found)
    if given.svg:
        from ..report.svg import svg
        from .scaling_plot import picture

        write_text(given.svg, svg(picture(found["rows"])))
    print(table(found), end="")
    return 0


def table(found: Mapping[str, Any]) -> str:
    """The curve as plain text, and what to do about what holds it up."""
    lines = [["titles", "nodes", "hours", "without managing", "busy", "managing", "held up by"]]
    lines += [
        [
            str(row["titles"]),
            str(row["nodes"]),
            f"{row['hours']:.4g}",
            f"{row['hours_unmanaged']:.4g}",
            f"{row['utilisation_pct']:.1f} %",
            f"{row['scheduler_pct']:.1f} %",
            row["bound_by"],
        ]
        for row in found["rows"]
    ]
    wide = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "  ".join(c.ljust(w) if place == 6 else c.rjust(w) for place, (c, w) in enumerate(zip(line, wide, strict=True)))
        for line in lines
    ]
    title, bound = found["assumed"]["title"], dict.fromkeys(row["bound_by"] for row in found["rows"])
    text += [
        "",
        f"A title: {title['minutes']:g} minutes of {title['width']}x{title['height']}, {title['batches']} batches, "
        f"{sum(rule['jobs'] for rule in found['rules'])} jobs, {found['core_hours_per_title']:g} core hours; "
        f"nodes of {title['cores']} cores.",
        *(f"Held up by {name}: {REMEDIES[name]}." for name in bound),
    ]
    return "\n".join(line.rstrip() for line in text) + "\n"


def whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def number(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def size(text: str) -> tuple[int, int]:
    width, height = (int(side) for side in text.split("x"))
    if min(width, height) < 16:
        raise ValueError(text)
    return width, height
