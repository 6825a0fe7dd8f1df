"""Rule `tidy`: a title's ladder in, the encodes of which no rung is made removed; a mark of that out."""

from dataclasses import asdict
from pathlib import Path

from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json
from laddersmith.ladder import tidy
from laddersmith.provenance import versions
from laddersmith.store import Store


def main(ladder: str, tidied: str, title: str, config: dict) -> None:
    store = Store(config["store"]["path"], config["store"]["max_gb"])
    done = tidy(Path(ladder).parent, read_json(ladder), store)
    mark = {"schema": "laddersmith/tidied/1", "title": title, **asdict(done), "versions": versions()}
    write_json(tidied, mark)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
