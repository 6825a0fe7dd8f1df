"""Rule `summary`: the packages of all titles in, one page and one JSON file over them out."""

from pathlib import Path

from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json, write_text
from laddersmith.report import summarise, summary_facts


def main(packages: list[str], page: str, facts: str) -> None:
    ladders = [read_json(Path(package) / "ladder.json") for package in packages]
    write_json(facts, summary_facts(ladders))
    write_text(page, summarise(ladders))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
