"""A page of headings, sentences, tables and pictures, written as Markdown and as one self-contained HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import altair as alt
from markupsafe import Markup

from ..report.page import NARROW_PX, WIDE_PX, templates
from ..report.svg import inline


@dataclass(frozen=True)
class Table:
    """Cells as a reader wants them. The first column heads its row; of the others, those in `words` are text."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()


@dataclass(frozen=True)
class Picture:
    """A chart at two widths, with what it shows in words. Markdown has the tables alone."""

    name: str
    caption: str
    wide: alt.TopLevelMixin
    narrow: alt.TopLevelMixin


@dataclass(frozen=True)
class Section:
    heading: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Document:
    """A page. `lead` stands under its title."""

    title: str
    lead: str
    sections: Sequence[Section] = field(default_factory=list)


def markdown(page: Document) -> str:
    """The page as GitHub's Markdown; cells may hold any text."""
    parts = [f"# {_escaped(page.title)}", _escaped(page.lead)]
    for section in page.sections:
        parts.append(f"## {_escaped(section.heading)}")
        parts += [_escaped(text) for text in section.paragraphs]
        for table in section.tables:
            parts += [f"**{_escaped(table.caption)}**", _rows(table)]
    return "\n\n".join(parts) + "\n"


def html(page: Document) -> str:
    """The page as HTML that needs no network. Equal pages give equal bytes."""
    sections = [
        {
            "heading": section.heading,
            "paragraphs": section.paragraphs,
            "tables": section.tables,
            "pictures": [_drawn(picture) for picture in section.pictures],
        }
        for section in page.sections
    ]
    text = templates().get_template("tables.html.j2").render(title=page.title, lead=page.lead, sections=sections)
    return text.rstrip() + "\n"


def widths() -> tuple[int, int]:
    """Pixels of a picture on a wide and on a narrow screen."""
    return WIDE_PX, NARROW_PX


def _drawn(picture: Picture) -> dict[str, str]:
    return {
        "caption": picture.caption,
        "wide": Markup(inline(picture.wide, f"{picture.name}-wide", picture.caption)),
        "narrow": Markup(inline(picture.narrow, f"{picture.name}-narrow", picture.caption)),
    }


def _rows(table: Table) -> str:
    words = {0, *table.words}
    rules = ["---" if place in words else "---:" for place in range(len(table.headings))]
    rows = [table.headings, *table.rows]
    lines = ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join(rules) + " |", *lines[1:]])


def _escaped(text: str) -> str:
    for plain, safe in (
        ("\\", "\\\\"),
        ("|", "\\|"),
        ("<", "&lt;"),
        ("`", "\\`"),
        ("*", "\\*"),
        ("_", "\\_"),
        ("\n", " "),
    ):
        text = text.replace(plain, safe)
    return text
