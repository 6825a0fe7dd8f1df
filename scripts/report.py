"""Rule `report`: everything known of a title in, one page that opens with no network out."""

import json
import os
from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.ffmpeg import temporary_beside
from laddersmith.report import report_title


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
) -> None:
    html = report_title(
        _json(facts),
        tables.read(shots, tables.SHOTS),
        tables.read(points, tables.POINTS),
        tables.read(hull, tables.TITLE_POINTS),
        _json(ladder),
        [_json(verdict) for verdict in verdicts],
        _json(Path(package) / "ladder.json"),
        title=title,
        frames=tables.read_all(frames, tables.FRAMES),
        chroma_alarm_db=chroma_alarm_db,
        target=page,
    )
    partial = temporary_beside(page)
    partial.write_text(html, encoding="utf-8")
    os.replace(partial, page)


def _json(path: str | Path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
