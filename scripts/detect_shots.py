"""Rule `detect_shots`: the probed source in, its table of shots out."""

import logging

from laddersmith import tables
from laddersmith.door import door
from laddersmith.shots import find_shots
from laddersmith.source import MEMORY_MB, bounded, load_media


def main(
    facts: str, shots: str, title: str, detector: str, threshold: float, min_length_s: float, config: dict
) -> None:
    with bounded(MEMORY_MB, config["probe"]["timeout_s"], f"{title}: finding shots"):
        found = find_shots(load_media(facts), detector=detector, threshold=threshold, min_length_s=min_length_s)
    tables.write(shots, found, tables.SHOTS)
    logging.getLogger("laddersmith").info("%s: %d shots by %s", title, len(found), found["detector"].iloc[0])


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
