"""The encoders, by the names that the config uses. Standard library only: every dry run imports this."""

from .base import Codec, Knob, Settings
from .svtav1 import SVTAV1
from .x264 import X264
from .x265 import X265

CODECS: dict[str, Codec] = {codec.name: codec for codec in (X264, X265, SVTAV1)}

__all__ = ["CODECS", "Codec", "Knob", "Settings"]
