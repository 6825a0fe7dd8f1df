"""Rule `ladder`: the choice and every score in, `ladder.json` out; its points are pinned in the store."""

from pathlib import Path

from laddersmith import ffmpeg, tables
from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json
from laddersmith.ladder import Limits, build_ladder, flow
from laddersmith.quality import engine_named
from laddersmith.source import display_size, load_media
from laddersmith.store import Store


def main(
    facts: str,
    choice: str,
    hull: str,
    scores: list[str],
    frames: list[str],
    encodes: list[str],
    ladder: str,
    rules: dict,
    pooling: str,
    display: str,
    model: str,
    segment_s: float,
    segments: str,
    engine: str,
    config: dict,
) -> None:
    here, media = Path(ladder).parent, load_media(facts)
    made = {path: tables.read(path, tables.ENCODES) for path in encodes}
    files = {
        row.key: str((Path(path).with_suffix("") / row.file).relative_to(here))
        for path, table in made.items()
        for row in table.itertuples()
    }
    scored = tables.read_all(scores, tables.SCORES)
    stand_ins = {f"metric_{name}": name for name in sorted(set(scored["engine"]) - {engine})}
    own = {"encoding_ffmpeg": ffmpeg.version(config["ffmpeg"])} if config["ffmpeg"] else {}
    built = build_ladder(
        read_json(facts),
        read_json(choice),
        scored,
        tables.read_all(frames, tables.FRAMES),
        tables.read(hull, tables.TITLE_POINTS),
        files=files,
        flow=lambda names: flow(
            [here / name for name in names], media.frame_rate, segment_s, every_keyframe=segments == "shots"
        ),
        rules=Limits(**rules),
        pooling=pooling,
        display=display_size(media, display),
        model=model,
        engine=engine,
        tools={"ffmpeg": ffmpeg.version(), **own}
        | {part: engine_named(name).version(model) for part, name in ({"metric": engine} | stand_ins).items()},
    )
    write_json(ladder, built)
    points = Store(config["store"]["path"], config["store"]["max_gb"])
    named = [point["key"] for rung in (*built["rungs"], *built["fixed"]) for point in rung["points"]]
    points.pin(Path(ladder), named, elsewhere=config["results_elsewhere"])
    points.prune()


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
