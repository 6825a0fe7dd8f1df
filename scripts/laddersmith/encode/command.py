"""`python -m laddersmith codecs`."""

import argparse
import sys
from pathlib import Path

from .. import ffmpeg
from ..jsonfile import write_json
from .codecs import CODECS
from .listing import listed, page, terminal
from .rfc6381 import codecs_string
from .usable import encoders_here


def main(argv: list[str]) -> int:
    """List the codecs that variants may use, and whether each can be used here."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith codecs", description=main.__doc__)
    parser.add_argument("codecs", nargs="*", metavar="CODEC", help="codecs to try (default: all)")
    parser.add_argument("--ffmpeg", metavar="PROGRAM", help="an ffmpeg of your own (default: the locked environment's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that is known of them as JSON")
    parser.add_argument("--page", action="store_true", help="print the page docs/codecs.md, and try none")
    parser.add_argument("--string", nargs="+", type=Path, metavar="FILE", help="print the codecs string of MP4 files")
    args = parser.parse_args(argv)
    if args.string:
        for path in args.string:
            print(f"{codecs_string(path)}  {path}")
        return 0
    if args.page:
        sys.stdout.write(page())
        return 0
    for name in args.codecs:
        if name not in CODECS:
            parser.error(f"there is no codec {name!r}; the choices are {', '.join(CODECS)}")
    found = encoders_here(args.ffmpeg, args.codecs or CODECS)
    print(terminal(found))
    if args.json:
        version = ffmpeg.version(args.ffmpeg)
        write_json(args.json, {"schema": "laddersmith/codecs/1", "ffmpeg": version, "codecs": listed(found)})
    return 0
