"""`python -m laddersmith score`: files scored against a reference, as a table, JSON or CSV."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..jsonfile import write_json, write_text
from .engines import ENGINES
from .files import score
from .pooling import POOLINGS, pool


def main(argv: Sequence[str]) -> int:
    """Score video files against a reference, frame by frame, and print the pooled scores."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith score", description=main.__doc__)
    parser.add_argument("reference", metavar="REFERENCE")
    parser.add_argument("distorted", metavar="DISTORTED", nargs="+")
    parser.add_argument("--model", default="vmaf_v0.6.1", help="a model built into libvmaf (default: %(default)s)")
    parser.add_argument("--engine", default="libvmaf", help=f"{' or '.join(ENGINES)} (default: %(default)s)")
    parser.add_argument("--display", metavar="WxH", help="size at which scores are taken (default: the reference's)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write frames and pooled scores as JSON")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write frames as CSV")
    options = parser.parse_args(argv)
    frames = score(
        options.reference,
        options.distorted,
        model=options.model,
        engine=options.engine,
        display=options.display,
        threads=os.cpu_count() or 1,
    )
    pooled = _pooled(frames)
    if options.json:
        facts = {"reference": options.reference, "model": options.model, "engine": options.engine}
        write_json(options.json, facts | {"pooled": pooled, "frames": frames.to_dict("records")})
    if options.csv:
        write_text(options.csv, frames.to_csv(index=False))
    print(pd.DataFrame(pooled).to_string(index=False, float_format="{:.4f}".format))
    return 0


def _pooled(frames: pd.DataFrame) -> list[dict]:
    """One row per file: its frames and its VMAF pooled in every way, and chroma PSNR (dB)."""
    return [
        {"distorted": name, "frames": len(rows)}
        | {f"vmaf_{how}": pool(rows["vmaf"].to_numpy(), how) for how in POOLINGS}
        | {plane: float(rows[plane].mean()) for plane in ("psnr_cb", "psnr_cr")}
        for name, rows in frames.groupby("distorted", sort=False)
    ]
