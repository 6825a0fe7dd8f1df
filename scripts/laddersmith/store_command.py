"""`python -m laddersmith store show|prune`."""

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path

from .errors import StoreError
from .store import GB, Store


def main(argv: list[str]) -> int:
    """Show what a store holds, or remove what was used longest ago until it fits."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith store", description=main.__doc__)
    parser.add_argument("action", choices=["show", "prune"], nargs="?", default="show")
    parser.add_argument(
        "--store", type=Path, default=Path("store"), metavar="FOLDER", help="the store (default: store)"
    )
    parser.add_argument(
        "--max-gb", type=float, metavar="GB", help="prune to this size; points that a ladder names stay"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    if not args.store.is_dir():
        raise StoreError(f"{args.store}: no such folder; name the store with --store (the config's store.path)")
    store = Store(args.store)
    if args.action == "prune":
        if args.max_gb is None or not 0 <= args.max_gb < math.inf:
            parser.error("prune needs --max-gb, zero or more")
        done = store.prune(args.max_gb)
        words = f"{done.removed} entries removed ({done.removed_bytes / GB:.3f} GB), {done.left_bytes / GB:.3f} GB left"
        if not done.within_limit:
            words += "; the rest is named by ladders and stays"
        print(json.dumps(asdict(done)) if args.json else words)
        return 0
    held = store.contents()
    words = (
        f"{held.points} points ({held.pinned} named by ladders), {held.scores} score tables, {held.bytes / GB:.3f} GB"
    )
    print(json.dumps(asdict(held)) if args.json else words)
    return 0
