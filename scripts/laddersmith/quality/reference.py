"""The reference of a shot or of a whole title, at display size."""

import hashlib
import threading
from collections.abc import Callable, Iterator

from ..source import Media, frames
from ..source.frames import packed_bytes
from ..source.media import check_display
from .engine import Reference
from .picture import subsampling_and_depth

MB = 10**6


def title_reference(
    media: Media,
    display: tuple[int, int],
    *,
    what: str,
    start: int = 0,
    end: int | None = None,
    context: int = 0,
    cache_mb: float = 0.0,
    threads: int = 1,
) -> Reference:
    """Frames `[start, end)` of the title as a reference, with `context` neighbours on each side where there are such.

    The frames stay in the title's own pixel format and are touched only when the display has another size (bicubic).
    They are decoded when first read, by at most `threads`, and kept when all of them fit in `cache_mb` megabytes (10^6
    bytes).

    Raises
    ------
    ScoreError
        If the title's pixel format cannot be scored.
    SourceError
        If the display would stretch the picture.
    """
    subsampling_and_depth(media.pix_fmt)
    if display != (media.width, media.height):
        check_display(media.width, media.height, display, what)
    end = media.frames if end is None else end
    width, height = display
    first, last = max(0, start - context), min(media.frames, end + context)

    def decode() -> Iterator[bytes]:
        return frames(media, first, last, width=width, height=height, threads=threads)

    fits = packed_bytes(media.pix_fmt, width, height) * (last - first) <= cache_mb * MB
    return Reference(
        what=what,
        width=width,
        height=height,
        pix_fmt=media.pix_fmt,
        bit_depth=media.bit_depth,
        frame_rate=media.frame_rate,
        colour=media.colour,
        start=start,
        length=end - start,
        before=start - first,
        after=last - end,
        read=_kept(decode) if fits else decode,
    )


def _kept(decode: Callable[[], Iterator[bytes]]) -> Callable[[], list[bytes]]:
    """`decode`, done at the first call and remembered; other threads wait for it."""
    kept: list[bytes] = []
    lock = threading.Lock()

    def read() -> list[bytes]:
        with lock:
            if not kept:
                kept.extend(list(decode()))
            return kept

    return read


def pictures_sha256(reference: Reference) -> str:
    """Hash of every frame that the reference yields, neighbours included."""
    digest = hashlib.sha256(f"{reference.before} {reference.length} {reference.after}".encode())
    for frame in reference.read():
        digest.update(frame)
    return digest.hexdigest()
