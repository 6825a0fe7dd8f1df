"""Damaged and lying video files, made of sound ones: a seed decides each byte."""

import random
import struct
from collections.abc import Callable, Iterator

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex", b"moof", b"traf")
# Boxes of numbers that a reader trusts: sizes, offsets, times, dimensions, edit lists.
TOLD = (
    *(b"mvhd", b"mdhd", b"tkhd", b"elst", b"stts", b"ctts", b"stsz", b"stsc", b"stco", b"co64", b"stss", b"stsd"),
    *(b"trex", b"tfhd", b"trun", b"sidx"),
)
EXTREMES = (0, 1, 2, 7, 8, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
HEAD = 2048  # bytes at the beginning of a file that is no MP4 in which its header is looked for

Box = tuple[int, int, bytes]  # start, end, kind


def mutant(data: bytes, kind: str, seed: int) -> bytes:
    """A file like `data`, spoilt in one of the ways of `KINDS`."""
    return KINDS[kind](bytearray(data), random.Random(f"{kind} {seed}"))


def boxes(data: bytes | bytearray, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of an MP4 (ISO/IEC 14496-12, section 4.2), each before those inside it; none where it is no MP4."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end or not kind.isalnum():
            return
        yield start, start + size, kind
        if kind in CONTAINERS:
            yield from boxes(data, start + 8, start + size)
        start += size


def _header(data: bytearray) -> tuple[int, int]:
    """Where a file says what is in it."""
    return next(((start, end) for start, end, kind in boxes(data) if kind == b"moov"), (0, min(HEAD, len(data))))


def _pictures(data: bytearray) -> tuple[int, int]:
    found = next(((start + 8, end) for start, end, kind in boxes(data) if kind == b"mdat"), None)
    return found or (min(HEAD, len(data) // 2), len(data))


def _span(chance: random.Random, start: int, end: int, most: int = 4096) -> tuple[int, int]:
    first = chance.randrange(start, end)
    return first, min(end, first + chance.randint(1, most))


def _flipped(data: bytearray, chance: random.Random, start: int, end: int) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4, 16, 64))):
        data[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
    return bytes(data)


def _bits_in_header(data: bytearray, chance: random.Random) -> bytes:
    return _flipped(data, chance, *_header(data))


def _bits_in_pictures(data: bytearray, chance: random.Random) -> bytes:
    return _flipped(data, chance, *_pictures(data))


def _truncated(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def _beheaded(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[chance.randrange(len(data)) :])


def _removed(data: bytearray, chance: random.Random) -> bytes:
    first, last = _span(chance, 0, len(data))
    return bytes(data[:first] + data[last:])


def _zeroed(data: bytearray, chance: random.Random) -> bytes:
    first, last = _span(chance, 0, len(data))
    data[first:last] = bytes(last - first)
    return bytes(data)


def _doubled(data: bytearray, chance: random.Random) -> bytes:
    first, last = _span(chance, 0, len(data))
    return bytes(data[:last] + data[first:])


def _swapped(data: bytearray, chance: random.Random) -> bytes:
    """Two boxes, or two stretches of a file that is no MP4, in each other's place."""
    found = list(boxes(data))
    if len(found) > 1:
        pairs = [(a, b) for a in found for b in found if a[1] <= b[0]]
        (a, b, _), (c, d, _) = chance.choice(pairs)
    else:
        a, b, c, d = sorted(chance.sample(range(len(data)), 4))
    return bytes(data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:])


def _lying_sizes(data: bytearray, chance: random.Random) -> bytes:
    """A box says that it is another size; elsewhere, a length at the beginning does."""
    found = list(boxes(data))
    at = chance.choice(found)[0] if found else chance.randrange(min(HEAD, len(data) - 4))
    struct.pack_into(">I", data, at, _lie(chance))
    return bytes(data)


def _lying_numbers(data: bytearray, chance: random.Random) -> bytes:
    """Times, dimensions, counts and offsets that cannot be."""
    told = [(start + 8, end) for start, end, kind in boxes(data) if kind in TOLD and end - start >= 16]
    for _ in range(chance.choice((1, 1, 2, 4))):
        start, end = chance.choice(told) if told else (0, min(HEAD, len(data)))
        if chance.random() < 0.5:
            struct.pack_into(">I", data, chance.randrange(start, end - 3), _lie(chance))
        else:
            struct.pack_into(">H", data, chance.randrange(start, end - 1), _lie(chance) & 0xFFFF)
    return bytes(data)


def _joined(data: bytearray, chance: random.Random) -> bytes:
    """The file after itself, or after a part of itself."""
    return bytes(data + data) if chance.random() < 0.5 else bytes(data[: chance.randrange(1, len(data))] + data)


def _noise(data: bytearray, chance: random.Random) -> bytes:
    first, last = _span(chance, 0, len(data))
    data[first:last] = chance.randbytes(last - first)
    return bytes(data)


def _lie(chance: random.Random) -> int:
    return chance.choice(EXTREMES) if chance.random() < 0.7 else chance.getrandbits(32)


KINDS: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "bits flipped in the header": _bits_in_header,
    "bits flipped in the pictures": _bits_in_pictures,
    "truncated": _truncated,
    "its beginning missing": _beheaded,
    "a range removed": _removed,
    "a range zeroed": _zeroed,
    "a range doubled": _doubled,
    "a range of noise": _noise,
    "boxes swapped": _swapped,
    "lying sizes": _lying_sizes,
    "lying numbers": _lying_numbers,
    "joined with itself": _joined,
}
