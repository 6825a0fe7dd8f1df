"""Rule `time_decoding`: a title's ladder and renditions in, how fast each codec decodes out."""

from pathlib import Path

from laddersmith.compare.decode import SCHEMA, time_decoding
from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json
from laddersmith.machine import machine
from laddersmith.provenance import versions


def main(ladder: str, renditions: list[str], decoding: str, title: str, quality: float, config: dict) -> None:
    found = time_decoding(
        read_json(ladder),
        {Path(folder).name: Path(folder) for folder in renditions},
        quality=quality,
        title=title,
        timeout_s=config["encode"]["timeout_s"],
    )
    facts = {"schema": SCHEMA, "title": title, "machine": machine(), "versions": versions(), "rows": found}
    write_json(decoding, facts)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
