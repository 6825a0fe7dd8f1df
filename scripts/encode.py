"""Rule `encode`: a batch's points of one codec and height, encoded or found in the store."""

from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode.points import encode_points
from laddersmith.encode.regions import sets_of
from laddersmith.jsonfile import read_json
from laddersmith.scratch import scratch_folder
from laddersmith.shots import batch_of, with_looks, with_whole_title
from laddersmith.source import load_media, source_guard
from laddersmith.store import Store


def main(
    facts: str,
    shots: str,
    plan: str,
    regions: list[str],
    streams: str,
    table: str,
    title: str,
    batch: str,
    codec: str,
    height: str,
    batches: int,
    variants: dict,
    keyframe_s: float,
    looks: dict,
    config: dict,
    threads: int,
) -> None:
    every_shot = tables.read(shots, tables.SHOTS)
    mine = set(every_shot["shot"][batch_of(every_shot, batches) == int(batch)])
    mine |= {tables.look_at(shot) for shot in mine}
    if int(batch) == 0:
        mine.add(tables.WHOLE_TITLE)
    rows = tables.read(plan, tables.PLAN)
    rows = rows[rows["shot"].isin(mine) & (rows["codec"] == codec) & (rows["height"] == int(height))]
    Path(streams).mkdir(parents=True, exist_ok=True)
    media = load_media(facts)
    with scratch_folder(config["scratch"]) as scratch:
        encodes = encode_points(
            media,
            with_looks(with_whole_title(every_shot), looks.get("window_s"), media.frame_rate),
            rows,
            variants=variants,
            title=title,
            store=Store(config["store"]["path"], check=source_guard(facts)),
            folder=Path(streams),
            keyframe_s=keyframe_s,
            threads=threads,
            timeout_s=config["encode"]["timeout_s"],
            frame_cache_mb=config["encode"]["frame_cache_mb"],
            program=config["ffmpeg"],
            scratch=scratch,
            regions=sets_of(read_json(regions[0])) if regions else None,
        )
    tables.write(table, encodes, tables.ENCODES)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
