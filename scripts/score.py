"""Rule `score`: the encodes of one batch and round in, their scores and frame scores out."""

from functools import partial
from pathlib import Path

from laddersmith.devices import sharing
from laddersmith.door import door
from laddersmith.quality import score_encodes
from laddersmith.shots import with_looks, with_whole_title
from laddersmith.source import source_guard
from laddersmith.source.media import display_size, load_media
from laddersmith.store import Store
from laddersmith.tables import ENCODES, FRAMES, KEY, LOOKS, SCORES, SHOTS, WHOLE_TITLE, read, read_all, write


def main(
    facts: str,
    shots: str,
    tables: list[str],
    scores: str,
    frames: str,
    looks: str,
    title: str,
    display: str,
    model: str,
    engine: str,
    neighbours: bool,
    looking: dict,
    config: dict,
    threads: int,
) -> None:
    media = load_media(facts)
    folders: dict[tuple, Path] = {}
    for table in tables:
        for key in read(table, ENCODES)[KEY].itertuples(index=False, name=None):
            folders.setdefault(key, Path(table).with_suffix(""))
    score = partial(
        score_encodes,
        media,
        with_looks(with_whole_title(read(shots, SHOTS)), looking.get("window_s"), media.frame_rate),
        title=title,
        folder=lambda row: folders[tuple(getattr(row, name) for name in KEY)],
        display=display_size(media, display),
        model=model,
        engine=engine,
        neighbours=neighbours,
        store=Store(config["store"]["path"], check=source_guard(facts)),
        threads=threads,
        timeout_s=config["quality"]["timeout_s"],
        frame_cache_mb=config["encode"]["frame_cache_mb"],
        kernel_cache=Path(config["quality"]["kernel_cache"] or Path(config["store"]["path"]) / "kernels"),
        gpu=sharing(config["gpu"]),
    )
    encodes = read_all(tables, ENCODES)
    at_looks = encodes["shot"] < WHOLE_TITLE
    scored, by_frame = score(encodes[~at_looks].reset_index(drop=True))
    write(scores, scored, SCORES)
    write(frames, by_frame, FRAMES)
    seen, _ = score(encodes[at_looks].reset_index(drop=True), frame_step=looking.get("score_every", 1))
    write(looks, seen, LOOKS)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
