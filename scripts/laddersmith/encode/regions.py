"""Regions of a picture that are to have another quality: as shares of any picture, and in the pixels of one.

Standard library only: the adapters of the encoders read this.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from ..errors import EncodeError

BLOCK = 16
"""Pixels of a side of the blocks that x264 and x265 give one quantizer each; boxes begin and end between two."""


@dataclass(frozen=True)
class Box:
    """A part of the picture: offsets and sides as shares of the picture's width and height, from its upper left corner.

    `offset` is what it asks of the quantizer, as a share of the encoder's whole range: -1 for the best quality that
    there is, 0 for no change, 1 for the worst. Where boxes overlap, the first of a list decides.
    """

    x: float
    y: float
    width: float
    height: float
    offset: float


@dataclass(frozen=True)
class Region:
    """A box in the pixels of one picture, with its offset as a decimal number that is spelled in one way."""

    x: int
    y: int
    width: int
    height: int
    offset: str


def regions(boxes: Iterable[Box], width: int, height: int) -> tuple[Region, ...]:
    """Boxes in the pixels of a picture of `width` x `height`: every edge on the nearest edge of a block, none thinner
    than a block. The picture's own right and lower edges count as edges of blocks."""
    found = []
    for box in boxes:
        left, right = _span(box.x, box.width, width)
        top, bottom = _span(box.y, box.height, height)
        found.append(Region(left, top, right - left, bottom - top, decimal(box.offset)))
    return tuple(found)


def decimal(offset: float) -> str:
    """The one spelling of an offset ("-0.1" for -0.10)."""
    return f"{Decimal(str(offset)).normalize():f}" if offset else "0"


def filters(found: Sequence[Region]) -> list[str]:
    """ffmpeg's filters that hand the regions to the encoder beside each frame and change no pixel.

    The encoder goes by the first that holds a block, as the filters stand (seen with x264 and x265).
    """
    return [f"addroi=x={r.x}:y={r.y}:w={r.width}:h={r.height}:qoffset={r.offset}" for r in found]


def regions_in(
    sets: Mapping[str, Mapping[int, Sequence[Box]]] | None, name: str, shot: int, width: int, height: int
) -> tuple[Region, ...]:
    """What the set `name` of regions has for a shot in a picture of `width` x `height`.

    Raises
    ------
    EncodeError
        If there is no such set, or it says nothing of the shot.
    """
    found = (sets or {}).get(name)
    if found is None:
        raise EncodeError(f"its variant asks for the regions {name!r}, which were not made; delete the title's regions")
    if shot not in found:
        raise EncodeError(f"the regions {name!r} say nothing of this shot; delete the title's regions and run again")
    return regions(found[shot], width, height)


def sets_of(document: Mapping[str, Any]) -> dict[str, dict[int, tuple[Box, ...]]]:
    """Boxes by set and shot of a `regions.json` (config/schemas/regions.json)."""
    return {
        name: {shot["shot"]: tuple(Box(**box) for box in shot["boxes"]) for shot in told["shots"]}
        for name, told in document["sets"].items()
    }


def listed(boxes: Iterable[Box]) -> list[dict[str, float]]:
    """Boxes as a `regions.json` has them."""
    return [asdict(box) for box in boxes]


def _span(start: float, length: float, side: int) -> tuple[int, int]:
    """First pixel and the one after the last."""
    last = (side - 1) // BLOCK * BLOCK  # where the last block begins
    begin = min(_edge(start * side, side), last)
    return begin, max(_edge((start + length) * side, side), min(begin + BLOCK, side))


def _edge(place: float, side: int) -> int:
    """The nearest edge of a block, or the picture's own."""
    nearest = BLOCK * math.floor(place / BLOCK + 0.5)
    return side if side - place <= abs(nearest - place) else min(nearest, side)
