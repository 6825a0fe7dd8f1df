"""`python -m laddersmith shots SOURCE`."""

import argparse
from pathlib import Path

from ..jsonfile import write_json
from .detector import MODULES
from .front import detect
from .settings import Settings

USUAL = Settings()


def main(argv: list[str]) -> int:
    """Cut a video into shots and print them: number, first frame, the frame after the last one, and how each begins."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith shots", description=main.__doc__)
    parser.add_argument("source", type=Path, help="a video file")
    parser.add_argument("--detector", default=USUAL.detector, choices=list(MODULES), help=f"default: {USUAL.detector}")
    parser.add_argument("--threshold", type=float, help="in the detector's own unit (default: its usual one)")
    parser.add_argument("--every-window", action="store_true", help="transnetv2: judge every window by the network")
    parser.add_argument("--device", default=USUAL.device, choices=["cpu", "cuda"], help="transnetv2: default cpu")
    parser.add_argument("--cuts", default="", metavar="FILE", help="file: a list of cuts (CSV, EDL, JSON, scenes.txt)")
    parser.add_argument("--fixed-length-s", type=float, default=USUAL.fixed_length_s, help="fixed: default 4")
    parser.add_argument("--min-length-s", type=float, default=USUAL.min_length_s, help="shortest shot (default: 0.4)")
    parser.add_argument("--max-length-s", type=float, help="longest shot (default: as long as it is)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the shots as JSON")
    args = parser.parse_args(argv)
    shots = detect(
        args.source,
        detector=args.detector,
        threshold=args.threshold,
        first_look=not args.every_window,
        device=args.device,
        cuts_file=args.cuts,
        fixed_length_s=args.fixed_length_s,
        min_length_s=args.min_length_s,
        max_length_s=args.max_length_s,
    )
    print(shots.to_string(index=False))
    if args.json:
        found = {"schema": "laddersmith/shots/1", "detector": args.detector, "shots": shots.to_dict("records")}
        write_json(args.json, found)
    return 0
