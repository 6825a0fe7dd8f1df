"""Sources: what a video is, and its frames by index."""

from .describe import header
from .frames import decoded, frames, pack, packed_bytes, pictures, plane_rows
from .limits import MEMORY_MB, bounded
from .media import Colour, Media, display_size, load_media
from .probe import probe
from .unchanged import note_stamp, source_guard

__all__ = [
    "MEMORY_MB",
    "Colour",
    "Media",
    "bounded",
    "decoded",
    "display_size",
    "frames",
    "header",
    "load_media",
    "note_stamp",
    "pack",
    "packed_bytes",
    "pictures",
    "plane_rows",
    "probe",
    "source_guard",
]
