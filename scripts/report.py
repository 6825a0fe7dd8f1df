"""Rule `report`: everything known of a title in, one page that opens with no network out."""

from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_text
from laddersmith.report import report_title, shown, thumbnails
from laddersmith.source import MEMORY_MB, Media, bounded


def main(
    facts: str,
    shots: str,
    points: str,
    hull: str,
    ladder: str,
    verdicts: list[str],
    package: str,
    frames: list[str],
    page: str,
    title: str,
    chroma_alarm_db: float,
    config: dict,
) -> None:
    source, found, made = read_json(facts), tables.read(shots, tables.SHOTS), read_json(ladder)
    with bounded(MEMORY_MB, config["probe"]["timeout_s"], f"{title}: pictures of its shots"):
        pictured = thumbnails(Media.from_json(source["media"]), found, shown(found, made))
    html = report_title(
        source,
        found,
        tables.read(points, tables.POINTS),
        tables.read(hull, tables.TITLE_POINTS),
        made,
        [read_json(verdict) for verdict in verdicts],
        read_json(Path(package) / "ladder.json"),
        title=title,
        frames=tables.read_all(frames, tables.FRAMES),
        pictured=pictured,
        chroma_alarm_db=chroma_alarm_db,
        target=page,
    )
    write_text(page, html)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
