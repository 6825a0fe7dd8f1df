"""Rule `score`: the encodes of one batch and round in, their scores and frame scores out."""

from pathlib import Path

from laddersmith.door import door
from laddersmith.quality import score_encodes
from laddersmith.shots import with_whole_title
from laddersmith.source.media import display_size, load_media
from laddersmith.store import Store
from laddersmith.tables import ENCODES, FRAMES, KEY, SCORES, SHOTS, read, read_all, write


def main(
    facts: str,
    shots: str,
    tables: list[str],
    scores: str,
    frames: str,
    title: str,
    display: str,
    model: str,
    engine: str,
    neighbours: bool,
    config: dict,
    threads: int,
) -> None:
    media = load_media(facts)
    folders: dict[tuple, Path] = {}
    for table in tables:
        for key in read(table, ENCODES)[KEY].itertuples(index=False, name=None):
            folders.setdefault(key, Path(table).with_suffix(""))
    scored, by_frame = score_encodes(
        media,
        with_whole_title(read(shots, SHOTS)),
        read_all(tables, ENCODES),
        title=title,
        folder=lambda row: folders[tuple(getattr(row, name) for name in KEY)],
        display=display_size(media, display),
        model=model,
        engine=engine,
        neighbours=neighbours,
        store=Store(config["store"]["path"]),
        threads=threads,
        timeout_s=config["quality"]["timeout_s"],
        frame_cache_mb=config["encode"]["frame_cache_mb"],
        kernel_cache=Path(config["quality"]["kernel_cache"] or Path(config["store"]["path"]) / "kernels"),
    )
    write(scores, scored, SCORES)
    write(frames, by_frame, FRAMES)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
