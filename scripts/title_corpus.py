"""Rule `title_corpus`: all that was measured of a title in, its rows of the corpus out."""

from laddersmith import __version__, ffmpeg, registry, tables
from laddersmith.corpus import title_rows
from laddersmith.door import door
from laddersmith.encode.releases import release
from laddersmith.jsonfile import read_json
from laddersmith.provenance import stage_version
from laddersmith.quality import engine_named
from laddersmith.source import display_size, load_media


def main(
    facts: str,
    shots: str,
    scores: list[str],
    frames: list[str],
    rows: str,
    variants: dict,
    display: str,
    config: dict,
) -> None:
    measured = tables.read_all(scores, tables.SCORES)
    program = config["ffmpeg"]
    engines = dict(measured[["engine", "model"]].drop_duplicates().itertuples(index=False, name=None))
    known = registry.names("vmaf")
    made = title_rows(
        read_json(facts),
        tables.read(shots, tables.SHOTS),
        measured,
        tables.read_all(frames, tables.FRAMES),
        variants=variants,
        display=display_size(load_media(facts), display),
        versions={
            "laddersmith_version": __version__,
            "encode_version": stage_version("encode"),
            "ffmpeg_version": ffmpeg.version(program),
        },
        releases={codec: release(codec, program) for codec in measured["codec"].unique()},
        engines={name: engine_named(name).version(model) for name, model in engines.items()},
        models={
            model: registry.entry(model).sha256 if model in known and name != "libvmaf" else None
            for name, model in engines.items()
        },
    )
    tables.write(rows, made, tables.CORPUS)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
