"""Rule `summary`: the packages of all titles in, one page and one JSON file over them out."""

import json
import os
from pathlib import Path

from laddersmith.door import door
from laddersmith.ffmpeg import temporary_beside
from laddersmith.report import summarise, summary_facts


def main(packages: list[str], page: str, facts: str) -> None:
    ladders = [json.loads((Path(package) / "ladder.json").read_text(encoding="utf-8")) for package in packages]
    found = json.dumps(summary_facts(ladders), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for path, text in ((facts, found), (page, summarise(ladders))):
        partial = temporary_beside(path)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
