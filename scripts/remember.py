"""Rule `remember`: a title's ladder and every score in; its shots are added to the file of known ones."""

import logging

from laddersmith import tables
from laddersmith.door import door
from laddersmith.encode import boxes
from laddersmith.encode.codecs import LOW
from laddersmith.errors import ConfigError
from laddersmith.hull import shot_points
from laddersmith.jsonfile import read_json, write_json
from laddersmith.provenance import versions
from laddersmith.search.memory import remember
from laddersmith.search.outlook import Film
from laddersmith.source import load_media


def main(
    facts: str,
    shots: str,
    scores: list[str],
    ladder: str,
    remembered: str,
    title: str,
    variants: dict,
    heights: list[int],
    crf_step: float,
    config: dict,
) -> None:
    path = config["search"]["known_shots"]
    if path is None:
        raise ConfigError("no file for known shots: set search.known_shots to the path of a Parquet file")
    media, built = load_media(facts), read_json(ladder)
    film = Film(
        title=title,
        shots=tables.read(shots, tables.SHOTS),
        display=(built["display"]["width"], built["display"]["height"]),
        variants={name: own for name, own in variants.items() if own.get("latency") != LOW},
        boxes=boxes(media.width, media.height, heights),
        crf_step=crf_step,
    )
    points = shot_points(tables.read_all(scores, tables.SCORES), built["pooling"])
    done = remember(
        path,
        film,
        points,
        source_sha256=built["source"]["sha256"],
        model=built["model"],
        pooling=built["pooling"],
    )
    logging.getLogger("laddersmith").info(
        "%s: %d fingerprints, %d of them known before; %d forgotten",
        *(path, done.fingerprints, done.known_before, done.forgotten),
    )
    write_json(
        remembered,
        {
            "schema": "laddersmith/remembered/1",
            "title": title,
            "fingerprints": done.fingerprints,
            "points": done.points,
            "versions": versions(),
        },
    )


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
