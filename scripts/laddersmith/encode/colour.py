"""Colour descriptions on their way into an encode and back out of it."""

from dataclasses import asdict

from ..errors import EncodeError
from ..source.media import Colour

# ffmpeg's names, and the code points of ITU-T H.273 (07/2024), tables 2 to 4, that bitstreams carry for them.
CODES: dict[str, dict[str, int]] = {
    "range": {"tv": 1, "pc": 2},
    "matrix": {
        "gbr": 0, "bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "ycgco": 8, "bt2020nc": 9,
        "bt2020c": 10, "smpte2085": 11, "chroma-derived-nc": 12, "chroma-derived-c": 13, "ictcp": 14,
    },
    "primaries": {
        "bt709": 1, "bt470m": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "film": 8, "bt2020": 9, "smpte428": 10,
        "smpte431": 11, "smpte432": 12, "jedec-p22": 22, "ebu3213": 22,
    },
    "transfer": {
        "bt709": 1, "bt470m": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "linear": 8, "log100": 9, "log316": 10,
        "iec61966-2-4": 11, "bt1361e": 12, "iec61966-2-1": 13, "bt2020-10": 14, "bt2020-12": 15, "smpte2084": 16,
        "smpte428": 17, "arib-std-b67": 18,
    },
}  # fmt: skip
FILTER_NAMES = {"range": "range", "matrix": "colorspace", "primaries": "color_primaries", "transfer": "color_trc"}
FILTER_NAMES |= {"chroma_location": "chroma_location"}


def codes(colour: Colour) -> dict[str, int]:
    """Code point of each field that the colour states; range is 1 (tv) or 2 (pc). Chroma siting has none.

    Raises
    ------
    EncodeError
        If a field has a name that ffmpeg does not know.
    """
    found = {}
    for field, table in CODES.items():
        name = getattr(colour, field)
        if name == "unknown":
            continue
        if name not in table:
            raise EncodeError(f"the source's colour {field} {name!r} is none of {', '.join(table)}; set its tags anew")
        found[field] = table[name]
    return found


def filters(colour: Colour) -> list[str]:
    """The ffmpeg filter that states the frames' colour and changes no pixel; none where nothing is known."""
    codes(colour)
    known = [f"{FILTER_NAMES[field]}={name}" for field, name in asdict(colour).items() if name != "unknown"]
    return ["setparams=" + ":".join(known)] if known else []
