"""Charts as SVG and PDF bytes, rendered offline; the SVG made fit to stand several times in one page."""

import re
import xml.etree.ElementTree as ElementTree

import altair
import vl_convert

SVG = "http://www.w3.org/2000/svg"
MARKS = "graphics-symbol"


def svg(chart: altair.TopLevelMixin) -> str:
    """The chart as a standalone SVG document, in the light scheme's colours."""
    return vl_convert.vegalite_to_svg(_specification(chart))


def pdf(chart: altair.TopLevelMixin) -> bytes:
    """The chart as a PDF of one page, for papers."""
    return vl_convert.vegalite_to_pdf(_specification(chart))


def inline(chart: altair.TopLevelMixin, name: str, label: str) -> str:
    """The chart as an `<svg>` element for a page.

    Parameters
    ----------
    name : a word that no other chart of the page has; ids within the element begin with it. The renderer counts ids
        on from chart to chart; here they are numbered anew, so that the same chart always gives the same bytes.
    label : what the picture shows, for readers who do not see it.

    A mark's description becomes a `<title>`, which browsers show while the pointer rests on the mark.
    """
    root = ElementTree.fromstring(_short_numbers(_own_ids(svg(chart), name)))
    for parent in root.iter():
        for child in list(parent):
            if child.get("role") == MARKS and child.get("aria-roledescription") == "axis":
                child.set("aria-hidden", "true")
            elif child.tag == f"{{{SVG}}}path" and child.get("role") == MARKS:
                _tooltip(child)
    for element in root.iter():
        for attribute in ("role", "aria-roledescription", "aria-label"):
            element.attrib.pop(attribute, None)
    width, height = root.get("width"), root.get("height")
    root.attrib = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    root.attrib |= {"class": "plot", "role": "img", "aria-label": label}
    ElementTree.register_namespace("", SVG)  # of the whole process, so others may have set theirs since
    return ElementTree.tostring(root, encoding="unicode")


def _specification(chart: altair.TopLevelMixin) -> dict:
    """The chart with its data inside, however many rows (Altair stops at 5000 unless told)."""
    with altair.data_transformers.enable("default", max_rows=None):
        return chart.to_dict()


def _own_ids(document: str, name: str) -> str:
    """Ids replaced by `name-0`, `name-1`, ... in the order in which they are defined."""
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', document))
    new = {old: f"{name}-{number}" for number, old in enumerate(ids)}
    document = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{new[match[1]]}"', document)
    return re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{new[match[1]]})", document)


def _short_numbers(document: str) -> str:
    """Coordinates cut to hundredths of a pixel, finer than any screen shows."""
    return re.sub(
        r"(?<=[ ,(\"A-Za-z-])(\d+\.\d{3,})(?=[ ,)\"A-Za-z-])", lambda match: f"{float(match[1]):.2f}", document
    )


def _tooltip(mark: ElementTree.Element) -> None:
    described = mark.get("aria-roledescription") == "described"
    if described and mark.get("aria-label"):
        title = ElementTree.SubElement(mark, f"{{{SVG}}}title")
        title.text = mark.get("aria-label")
