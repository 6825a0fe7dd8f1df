"""`python -m laddersmith titles FILES...`."""

import argparse

from ..titles import titles_table
from .describe import header


def main(argv: list[str]) -> int:
    """Print a table of titles for video files, read from their headers: title, path, duration_s, batches, heights."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith titles", description=main.__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a video file")
    print(titles_table(parser.parse_args(argv).files, header), end="")
    return 0
