"""`python -m laddersmith score`: files scored against a reference, as a table, JSON or CSV."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from ..config import engine_for
from ..jsonfile import write_json, write_text
from .engines import ENGINES, engine_named
from .files import score
from .pooling import POOLINGS, pool


def main(argv: Sequence[str]) -> int:
    """Score video files against a reference, frame by frame, and print the pooled scores."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith score", description=main.__doc__)
    parser.add_argument("reference", metavar="REFERENCE")
    parser.add_argument("distorted", metavar="DISTORTED", nargs="+")
    parser.add_argument(
        "--model", default="vmaf_v0.6.1", help="a VMAF model, by libvmaf's name for it (default: %(default)s)"
    )
    parser.add_argument(
        "--engine",
        default="auto",
        help=f"{', '.join(ENGINES)}, or auto: numba for models that it has, libvmaf for others (default: %(default)s)",
    )
    parser.add_argument("--display", metavar="WxH", help="size at which scores are taken (default: the reference's)")
    parser.add_argument("--threads", type=_positive, help="workers (default: one per processor core)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write frames and pooled scores as JSON")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write frames as CSV")
    options = parser.parse_args(argv)
    engine = engine_for(options.engine, options.model)
    with _bar() as progress:
        frames = score(
            options.reference,
            options.distorted,
            model=options.model,
            engine=engine,
            display=options.display,
            threads=options.threads or len(os.sched_getaffinity(0)),
            progress=progress,
        )
    pooled = _pooled(frames)
    if options.json:
        facts = {"reference": options.reference, "model": options.model, "engine": engine}
        facts["version"] = engine_named(engine).version(options.model)
        write_json(options.json, facts | {"pooled": pooled, "frames": frames.to_dict("records")})
    if options.csv:
        write_text(options.csv, frames.to_csv(index=False))
    print(pd.DataFrame(pooled).to_string(index=False, float_format="{:.4f}".format))
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1024")
    return int(text)


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on the terminal's standard error; none where that is a file or a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _pooled(frames: pd.DataFrame) -> list[dict]:
    """One row per file: its frames and its VMAF pooled in every way, and chroma PSNR (dB)."""
    return [
        {"distorted": name, "frames": len(rows)}
        | {f"vmaf_{how}": pool(rows["vmaf"].to_numpy(), how) for how in POOLINGS}
        | {plane: float(rows[plane].mean()) for plane in ("psnr_cb", "psnr_cr")}
        for name, rows in frames.groupby("distorted", sort=False)
    ]
