"""`python -m laddersmith COMMAND`: the library's commands, beside the workflow."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from .errors import LaddersmithError

# Each command's module is imported when it is asked for: none pays for the others.
COMMANDS = {
    "score": ("laddersmith.quality.command", "score distorted files against a reference"),
    "shots": ("laddersmith.shots.command", "cut a video into shots"),
    "hull": ("laddersmith.hull.command", "the convex hull of measured points"),
    "pareto": ("laddersmith.compare.command", "the points that no other beats in bitrate, time and quality"),
    "corpus": ("laddersmith.corpus.command", "read and write rows of vmaf-tune's corpus"),
    "codecs": ("laddersmith.encode.command", "list the codecs, and which can be used here"),
    "titles": ("laddersmith.search.command", "write a table of titles from video files"),
    "store": ("laddersmith.store_command", "show or prune the point store"),
    "status": ("laddersmith.catalogue.status_command", "how far a run is, what is left, what failed and why"),
    "catalogue": ("laddersmith.catalogue.command", "run a table of titles of any length, in shards"),
    "simulate": ("laddersmith.catalogue.simulate_command", "how long a catalogue takes on so many nodes"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Exit status 0: done; 1: it failed, with one sentence on stderr; 2: wrong usage; 130: interrupted (Ctrl-C).
    """
    listing = "\n".join(f"  {name:9} {purpose}" for name, (_, purpose) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m laddersmith",
        epilog=f"commands:\n{listing}\n\n`COMMAND --help` explains each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = parser.parse_args(arguments[:1]).command
    try:
        run: Callable[[list[str]], int] = import_module(COMMANDS[command][0]).main
        return run(arguments[1:])
    except LaddersmithError as error:
        print(f"laddersmith {command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"laddersmith {command}: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"laddersmith {command}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
