"""`python -m laddersmith corpus`."""

import argparse
import json
import sys
from pathlib import Path

from .files import export_row54, import_row54, read_rows, write_rows
from .page import json_schema, page


def main(argv: list[str]) -> int:
    """Read rows of vmaf-tune's corpus into one of ours, or write ours in that form or as another kind of file."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith corpus", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    importing = actions.add_parser("import", help="rows of 54 columns, .jsonl or .parquet, into a corpus of ours")
    exporting = actions.add_parser("export", help="a corpus of ours, .jsonl or .parquet, into another form")
    exporting.add_argument(
        "--form",
        choices=["row54", "corpus"],
        required=True,
        help="row54: rows of 54 columns; corpus: the rows as they are, as the other kind of file",
    )
    for action in (importing, exporting):
        action.add_argument("file", type=Path, metavar="FILE")
        action.add_argument(
            "--to", type=Path, required=True, metavar="FILE", help="what is written: .jsonl or .parquet"
        )
    actions.add_parser("page", help="print the page docs/corpus.md")
    actions.add_parser("schema", help="print the JSON Schema of a row")
    args = parser.parse_args(argv)
    if args.action == "page":
        sys.stdout.write(page())
    elif args.action == "schema":
        print(json.dumps(json_schema(), indent=2))
    elif args.action == "import":
        table = import_row54(args.file)
        write_rows(args.to, table)
        print(f"{len(table)} rows in {args.to}")
    elif args.form == "row54":
        print(f"{export_row54(args.to, read_rows(args.file))} rows in {args.to}")
    else:
        table = read_rows(args.file)
        write_rows(args.to, table)
        print(f"{len(table)} rows in {args.to}")
    return 0
