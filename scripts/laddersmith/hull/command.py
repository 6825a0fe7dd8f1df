"""`python -m laddersmith hull POINTS`: the convex hull of a table of points."""

import argparse
from pathlib import Path

import pandas as pd

from ..errors import TableError
from ..jsonfile import write_json
from .envelope import convex_hull

RATE = "bitrate_kbps"


def main(argv: list[str]) -> int:
    """Print the points of a table that lie on the upper convex envelope of quality over bitrate."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith hull", description=main.__doc__)
    parser.add_argument("points", type=Path, help=f"Parquet or CSV with a column {RATE} and one of quality")
    parser.add_argument(
        "--quality", default=None, metavar="COLUMN", help="quality column (default: quality, else vmaf_mean, else vmaf)"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="one hull per value of this column (repeatable)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the hull as JSON")
    args = parser.parse_args(argv)
    table = read_points(args.points)
    quality = args.quality or next((name for name in ("quality", "vmaf_mean", "vmaf") if name in table), "quality")
    for name in (RATE, quality, *args.by):
        if name not in table:
            raise TableError(f"{args.points}: no column {name}; it has {', '.join(map(str, table.columns))}")
    groups = [group for _, group in table.groupby(args.by, sort=True)] if args.by else [table]
    try:
        hull = pd.concat(
            [group.iloc[convex_hull(group[RATE], group[quality])] for group in groups if len(group)] or [table]
        )
    except (ValueError, TypeError) as error:
        raise TableError(f"{args.points}: {error}") from error
    print(hull.to_string(index=False))
    if args.json:
        write_json(args.json, {"schema": "laddersmith/hull/1", "quality": quality, "points": _records(hull)})
    return 0


def read_points(path: Path) -> pd.DataFrame:
    """A table of points from Parquet or CSV.

    Raises
    ------
    TableError
        If the file is missing or neither.
    """
    try:
        return pd.read_csv(path, dtype={"crf": str}) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as a Parquet or CSV table ({error})") from error


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows as JSON values; an empty cell is null."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
