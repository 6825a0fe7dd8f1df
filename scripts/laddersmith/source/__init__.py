"""Sources: what a video is, and its frames by index."""

from .frames import decoded, frames, packed_bytes
from .media import Colour, Media, load_media

__all__ = ["Colour", "Media", "decoded", "frames", "load_media", "packed_bytes"]
