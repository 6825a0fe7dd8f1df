"""What a shot's decoded pictures are, as hashes by which finished work is found again."""

import hashlib
import json
from collections.abc import Sequence

from ..source import Media

FORM = "laddersmith/shot/1"


def frame_digest(packed: bytes) -> bytes:
    """SHA-256 of one packed, cropped frame in the title's own pixel format."""
    return hashlib.sha256(packed).digest()


def frames_sha256(media: Media, digests: Sequence[bytes], start: int, end: int) -> str:
    """Hash of frames `[start, end)`: their digests, and the facts about them that would change an encode.

    Those facts are size, pixel format, bit depth, frame rate and colour description; the file, its container and the
    shot's place in the title are not among them, so the same pictures hash alike wherever they come from.
    """
    return hashlib.sha256(_facts(media, "frames") + b"".join(digests[start:end])).hexdigest()


def context_sha256(media: Media, digests: Sequence[bytes], start: int, end: int) -> str:
    """As `frames_sha256`, with the neighbour frame on each side, or a marker where the title begins or ends."""
    before = b"<" + digests[start - 1] if start else b"<title"
    after = b">" + digests[end] if end < len(digests) else b">title"
    return hashlib.sha256(_facts(media, "context") + before + after + b"".join(digests[start:end])).hexdigest()


def _facts(media: Media, kind: str) -> bytes:
    fields = media.to_json()
    names = ("width", "height", "pix_fmt", "bit_depth", "frame_rate", "colour")
    facts = {"form": FORM, "kind": kind} | {name: fields[name] for name in names}
    return json.dumps(facts, sort_keys=True).encode() + b"\n"
