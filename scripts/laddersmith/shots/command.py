"""`python -m laddersmith shots SOURCE`."""

import argparse
from pathlib import Path

from ..jsonfile import write_json
from .detector import MODULES
from .front import detect

USUAL_THRESHOLDS = {"adaptive": 3.0, "content": 27.0}


def main(argv: list[str]) -> int:
    """Cut a video into shots and print them: number, first frame, the frame after the last one, and how each begins."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith shots", description=main.__doc__)
    parser.add_argument("source", type=Path, help="a video file")
    parser.add_argument("--detector", default="adaptive", choices=sorted(MODULES), help="default: adaptive")
    parser.add_argument("--threshold", type=float, help="in the detector's own unit (default: its usual one)")
    parser.add_argument("--min-length-s", type=float, default=0.4, help="shortest shot in seconds (default: 0.4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the shots as JSON")
    args = parser.parse_args(argv)
    threshold = USUAL_THRESHOLDS[args.detector] if args.threshold is None else args.threshold
    shots = detect(args.source, detector=args.detector, threshold=threshold, min_length_s=args.min_length_s)
    print(shots.to_string(index=False))
    if args.json:
        found = {"schema": "laddersmith/shots/1", "detector": args.detector, "shots": shots.to_dict("records")}
        write_json(args.json, found)
    return 0
