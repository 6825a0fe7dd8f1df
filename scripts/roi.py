"""Rule `title_roi`: a title, its shots and regions in, what the regions change inside and outside out."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from laddersmith.compare.document import html, markdown
from laddersmith.compare.region_pages import roi_page
from laddersmith.compare.regions import measure_regions, roi_facts
from laddersmith.compare.trials import sample_shots
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.encode.points import encode_points
from laddersmith.encode.regions import sets_of
from laddersmith.jsonfile import read_json, write_json, write_text
from laddersmith.source import load_media
from laddersmith.store import Store
from laddersmith.tables import SHOTS, read


def main(
    facts: str,
    shots: str,
    regions: str,
    found: str,
    text: str,
    page: str,
    title: str,
    variants: dict,
    heights: list[int],
    settings: dict[str, Any],
    keyframe_s: float,
    config: dict,
    threads: int,
) -> None:
    media = load_media(facts)
    sample = sample_shots(read(shots, SHOTS), settings["shots"])
    height = settings["height"] or max(boxes(media.width, media.height, heights))
    sets = sets_of(read_json(regions))
    with TemporaryDirectory(dir=Path(found).parent, prefix=".roi-") as folder:

        def encode(plan, asked):
            return encode_points(
                media,
                sample,
                plan,
                title=title,
                store=Store(config["store"]["path"]),
                folder=Path(folder),
                variants=asked,
                keyframe_s=keyframe_s,
                threads=threads,
                timeout_s=config["encode"]["timeout_s"],
                frame_cache_mb=config["encode"]["frame_cache_mb"],
                program=config["ffmpeg"],
                regions=sets,
            )

        rows = measure_regions(
            media,
            sample,
            variants,
            sets,
            title=title,
            height=height,
            encode=encode,
            folder=Path(folder),
            threads=threads,
        )
    told = roi_facts(rows, title=title, shots=sample, media=media, height=height)
    write_json(found, told)
    document = roi_page(told)
    write_text(text, markdown(document))
    write_text(page, html(document))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
