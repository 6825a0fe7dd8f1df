"""Rule `compare`: the points and decoding times of all titles in, the comparison of their variants out."""

from laddersmith.compare.document import html, markdown
from laddersmith.compare.matrix import compare_titles, title_entry
from laddersmith.compare.pages import compare_page
from laddersmith.door import door
from laddersmith.jsonfile import read_json, write_json, write_text
from laddersmith.machine import machine
from laddersmith.source import load_media
from laddersmith.tables import POINTS, TITLE_POINTS, read


def main(
    titles: list[str],
    sources: list[str],
    points: list[str],
    hulls: list[str],
    decoding: list[str],
    facts: str,
    text: str,
    page: str,
    anchor: str,
    targets: list[float],
    confidence: float,
    model: str,
    pooling: str,
) -> None:
    entries = [
        title_entry(title, load_media(probed), read(hull, TITLE_POINTS), read(table, POINTS), read_json(times), targets)
        for title, probed, hull, table, times in zip(titles, sources, hulls, points, decoding, strict=True)
    ]
    found = compare_titles(
        entries,
        anchor=anchor,
        confidence=confidence,
        targets=targets,
        machine=machine(),
        model=model,
        pooling=pooling,
    )
    write_json(facts, found)
    document = compare_page(found)
    write_text(text, markdown(document))
    write_text(page, html(document))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
