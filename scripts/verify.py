"""Rule `verify`: the renditions of one codec in, a verdict out, whatever it is."""

import json
import os
from pathlib import Path

from laddersmith.door import door
from laddersmith.ffmpeg import temporary_beside
from laddersmith.quality import verify_renditions
from laddersmith.quality.verify import to_json
from laddersmith.source import load_media
from laddersmith.tables import FRAMES, SHOTS, read, read_all


def main(
    facts: str,
    shots: str,
    ladder: str,
    frames: list[str],
    renditions: str,
    verdict: str,
    codec: str,
    max_mean_gap: float,
    max_frame_gap: float,
    config: dict,
    threads: int,
) -> None:
    made = json.loads(Path(ladder).read_text())
    found = verify_renditions(
        load_media(facts),
        read(shots, SHOTS),
        made,
        read_all(frames, FRAMES),
        codec=codec,
        folder=Path(renditions),
        max_mean_gap=max_mean_gap,
        max_frame_gap=max_frame_gap,
        model=made["model"],
        threads=threads,
        timeout_s=config["quality"]["timeout_s"],
    )
    partial = temporary_beside(verdict)
    partial.write_text(to_json(found), encoding="utf-8")
    os.replace(partial, verdict)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
