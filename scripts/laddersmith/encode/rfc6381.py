"""The `codecs` string of an MP4 (RFC 6381), read from its sample entry: what manifests and `canPlayType` name it by."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import EncodeError

# Boxes that hold boxes, on the way from the file to the sample entry's own, and the bytes that stand before those.
INSIDE = {"moov": 0, "trak": 0, "mdia": 0, "minf": 0, "stbl": 0, "stsd": 8}
VISUAL_ENTRY = 78  # fields of VisualSampleEntry (ISO/IEC 14496-12, 12.1.3)


def codecs_string(path: Path) -> str:
    """The string of the first video track of the MP4 `path`, in the long form where there is one.

    Raises
    ------
    EncodeError
        If the file has no video of a kind that Laddersmith encodes.
    """
    for entry, body in _entries(path.read_bytes()):
        boxes = dict(_boxes(body[VISUAL_ENTRY:]))
        for kind, told in TOLD.items():
            if kind in boxes:
                return told(entry, boxes[kind], boxes.get("colr", b""))
    raise EncodeError(f"{path}: has no video track of H.264, H.265, H.266, VP9 or AV1 in an MP4's sample entry")


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and body of every sample entry."""
    for kind, body in _boxes(data):
        if kind == "stsd":
            yield from _boxes(body[INSIDE[kind] :])
        elif kind in INSIDE:
            yield from _entries(body[INSIDE[kind] :])


def _boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and body of the boxes that stand one behind another in `data` (ISO/IEC 14496-12, 4.2)."""
    while len(data) >= 8:
        size, head = int.from_bytes(data[:4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[8:16], "big"), 16
        if size == 0:
            size = len(data)
        if size < head:
            return
        yield data[4:8].decode("latin-1"), data[head:size]
        data = data[size:]


def _avc(entry: str, record: bytes, _: bytes) -> str:
    """Profile, constraints and level (RFC 6381, 3.3)."""
    return f"{entry}.{record[1:4].hex()}"


def _hevc(entry: str, record: bytes, _: bytes) -> str:
    """Profile, its compatibility, tier, level and constraints (ISO/IEC 14496-15, annex E)."""
    space = ("", "A", "B", "C")[record[1] >> 6]
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if record[1] & 32 else "L"
    constraints = [f"{byte:X}" for byte in record[6:12].rstrip(b"\0")]
    return ".".join([entry, f"{space}{record[1] & 31}", f"{compatible:X}", f"{tier}{record[12]}", *constraints])


def _vvc(entry: str, record: bytes, _: bytes) -> str:
    """Profile, tier, level and constraints (ISO/IEC 14496-15, annex E), for one layer."""
    record = record[4:]  # behind version and flags
    constraint_bytes = record[4] & 63
    profile, tier, level = record[5] >> 1, "H" if record[5] & 1 else "L", record[6]
    constraints = record[7 : 7 + constraint_bytes].rstrip(b"\0")
    told = [f"C{base64.b32encode(constraints).decode().rstrip('=')}"] if constraints else []
    return ".".join([entry, str(profile), f"{tier}{level}", *told])


def _vp9(entry: str, record: bytes, _: bytes) -> str:
    """Profile, level, depth, chroma, colour and range (VP Codec ISO Media File Format Binding, "Codecs Parameter")."""
    profile, level, packed, primaries, transfer, matrix = record[4:10]
    fields = (profile, level, packed >> 4, packed >> 1 & 7, primaries, transfer, matrix, packed & 1)
    return ".".join([entry, *(f"{field:02}" for field in fields)])


def _av1(entry: str, record: bytes, colour: bytes) -> str:
    """Profile, level and tier, depth; chroma and colour too where the file states one (AV1 in ISOBMFF, section 5)."""
    profile, level = record[1] >> 5, record[1] & 31
    high, deep, twelve, mono, across, down, place = (record[2] >> bit for bit in (7, 6, 5, 4, 3, 2, 0))
    depth = (8, 10, 12)[(deep & 1) + (deep & twelve & 1)]
    short = f"{entry}.{profile}.{level:02}{'H' if high & 1 else 'M'}.{depth:02}"
    if colour[:4] != b"nclx":
        return short
    primaries, transfer, matrix = (int.from_bytes(colour[at : at + 2], "big") for at in (4, 6, 8))
    siting = place & 3 if across & down & 1 else 0
    chroma = f"{across & 1}{down & 1}{siting}"
    return f"{short}.{mono & 1}.{chroma}.{primaries:02}.{transfer:02}.{matrix:02}.{colour[10] >> 7}"


TOLD: dict[str, Callable[[str, bytes, bytes], str]] = {
    "avcC": _avc,
    "hvcC": _hevc,
    "vvcC": _vvc,
    "vpcC": _vp9,
    "av1C": _av1,
}
