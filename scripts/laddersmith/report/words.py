"""Numbers and facts as a reader wants them: rounded, with units in the heading or the label, never bare."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from ..encode.codecs import QUALITY, Knob, knob_of

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
UNITS = {
    "_s": "s",
    "_kbps": "kbit/s",
    "_hz": "Hz",
    "_db": "dB",
    "_bytes": "bytes",
    "_bits": "bit",
    "_px": "px",
    "_nits": "cd/m²",
}


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands apart and `digits` decimals; a dash for none."""
    return NONE if value is None or value != value else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 1) -> str:
    """A number with its sign, a true minus; a dash for none."""
    if value is None or value != value:
        return NONE
    text = f"{value:+,.{digits}f}".replace("-", MINUS)
    return text.lstrip(f"+{MINUS}") if not float(f"{value:.{digits}f}") else text


def turned(one: Mapping[str, Any]) -> Knob:
    """What is turned in the encodes of a rung or point, by its `codec` and, where it is told, `rate`."""
    kept = one.get("rate")
    return knob_of(one["codec"], kept if isinstance(kept, str) else QUALITY)


def heading(rungs: Iterable[Mapping[str, Any]]) -> str:
    """What stands over a column of the rungs' values."""
    return " or ".join(dict.fromkeys(turned(rung).heading for rung in rungs)) or "CRF"


def rate(text: str) -> str:
    """A frame rate "num/den" as people say it: "25", "29.97"."""
    value = Fraction(text)
    return f"{float(value):.3f}".rstrip("0").rstrip(".")


def span(values: Iterable[float], digits: int = 0) -> str:
    """The lowest and the highest of some numbers; a dash for none."""
    listed = list(values)
    return f"{number(min(listed), digits)}{NONE}{number(max(listed), digits)}" if listed else NONE


def size(width: int, height: int) -> str:
    """Pixels across and down: "1280x720", with a true multiplication sign."""
    return f"{width}\N{MULTIPLICATION SIGN}{height}"


def label(key: str) -> str:
    """A key of a JSON file as a heading, its unit in words: `bit_rate_kbps` -> "bit rate (kbit/s)"."""
    for ending, unit in UNITS.items():
        if key.endswith(ending):
            return f"{key.removesuffix(ending).replace('_', ' ')} ({unit})"
    return key.replace("_", " ")


def told(value: Any) -> str:
    """Any value of a JSON file in words."""
    if value is None or value == "" or value == [] or value == {}:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 100_000:
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{label(str(key))} {told(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(told(item) for item in value)
    return str(value)


def listed(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of every entry; entries within entries stand on lines of their own, one level deep."""
    rows = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += [(f"{label(key)}: {label(inner)}", told(item)) for inner, item in value.items()]
        else:
            rows.append((label(key), told(value)))
    return rows


def grid(rows: list[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of a list of like entries (tracks), columns in order of first appearance."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return [label(key) for key in keys], [[told(row.get(key)) for key in keys] for row in rows]
