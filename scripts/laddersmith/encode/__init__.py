"""Encoding points of shots. The names given here are standard library only; `points` needs the decoder and tables."""

from .boxes import box, boxes
from .codecs import CODECS, Codec, Settings

__all__ = ["CODECS", "Codec", "Settings", "box", "boxes"]
