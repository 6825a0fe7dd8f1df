"""Rule `verify`: the renditions of one codec in, a verdict out, whatever it is."""

from pathlib import Path
from typing import Any

from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json
from laddersmith.quality import judged_by, verify_renditions
from laddersmith.source import load_media, source_guard
from laddersmith.tables import FRAMES, SHOTS, read, read_all


def main(
    facts: str,
    shots: str,
    ladder: str,
    frames: list[str],
    renditions: str,
    verdict: str,
    codec: str,
    bars: dict[str, Any],
    config: dict,
    threads: int,
) -> None:
    made = read_json(ladder)
    check_unchanged = source_guard(facts)
    model, allowed = judged_by(made["engine"], made["model"], bars)
    found = verify_renditions(
        load_media(facts),
        read(shots, SHOTS),
        made,
        read_all(frames, FRAMES),
        codec=codec,
        folder=Path(renditions),
        bars=allowed,
        model=model,
        threads=threads,
        timeout_s=config["quality"]["timeout_s"],
    )
    check_unchanged()
    write_json(verdict, found)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
