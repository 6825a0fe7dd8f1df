"""Rule `detect_shots`: the probed source in, its table of shots out."""

import logging

from laddersmith import tables
from laddersmith.devices import sharing
from laddersmith.door import door
from laddersmith.shots import Settings, find_shots
from laddersmith.source import MEMORY_MB, bounded, load_media, source_guard


def main(
    facts: str, shots: str, title: str, cuts: str, settings: dict, segment_s: float | None, config: dict, threads: int
) -> None:
    machine = {"device": config["shots"]["device"], "gpu": sharing(config["gpu"]), "threads": threads}
    asked = Settings(**settings, **machine, cuts_file=str(cuts) if cuts else "")
    check_unchanged = source_guard(facts)
    with bounded(MEMORY_MB, config["probe"]["timeout_s"], f"{title}: finding shots"):
        found = find_shots(load_media(facts), asked, segment_s=segment_s)
    check_unchanged()
    tables.write(shots, found, tables.SHOTS)
    logging.getLogger("laddersmith").info("%s: %d shots by %s", title, len(found), found["detector"].iloc[0])


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
