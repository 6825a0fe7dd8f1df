"""`python -m laddersmith pareto POINTS`: the points of a table that no other beats, and the knees among them."""

import argparse
from pathlib import Path
from typing import Any

from ..errors import TableError
from ..hull import AXES
from ..hull.command import read_points
from ..jsonfile import write_json, write_text
from .fronts import pareto_facts, pareto_picture


def main(argv: list[str]) -> int:
    """Print the points of a table that no other point beats on every axis, and which of them are knees."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith pareto", description=main.__doc__)
    parser.add_argument("points", type=Path, help=f"Parquet or CSV with the columns of the axes ({', '.join(AXES)})")
    parser.add_argument(
        "--axes", default=",".join(AXES), metavar="A,B", help=f"one to three of {', '.join(AXES)} (default: all three)"
    )
    parser.add_argument(
        "--quality", default=None, metavar="COLUMN", help="quality column (default: quality, else vmaf_mean, else vmaf)"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="one set per value of this column (repeatable)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the set as JSON")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the points and the set (not with --by)")
    args = parser.parse_args(argv)
    axes = [name.strip() for name in args.axes.split(",")]
    if len(set(axes)) != len(axes) or not set(axes) <= set(AXES):
        parser.error(f"--axes takes one to three of {', '.join(AXES)}, each once, with commas between")
    if args.svg and args.by:
        parser.error("--svg draws one set; leave --by out, or give it a table of one group")
    table = read_points(args.points)
    quality = args.quality or next((name for name in ("quality", "vmaf_mean", "vmaf") if name in table), "quality")
    if quality != "quality" and quality in table:
        table = table.assign(quality=table[quality])
    try:
        facts = pareto_facts(table, axes, args.by)
    except TableError as error:
        raise TableError(f"{args.points}: {error}") from error
    _print(facts, axes)
    if args.json:
        write_json(args.json, facts)
    if args.svg:
        from ..report.svg import svg

        write_text(args.svg, svg(pareto_picture(table, facts).properties(background="white", padding=14)))
    return 0


def _print(facts: dict[str, Any], axes: list[str]) -> None:
    """The set as a table; in a pipe it is as wide as it needs to be."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    names = list(facts["front"][0]) if facts["front"] else axes
    table = Table(title=f"{len(facts['front'])} of {facts['points']} points are beaten by none", title_justify="left")
    for name in names:
        table.add_column(name, justify="right" if name in axes else "left")
    for row in facts["front"]:
        cells = [f"{row[name]:.6g}" if name in axes else str(row[name]) for name in names if name != "knee"]
        table.add_row(*cells, "knee" if row["knee"] else "", style="bold" if row["knee"] else None)
    console.print(table)
