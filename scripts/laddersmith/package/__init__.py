"""From encodes of shots to streams that play."""

from .stitch import stitch

__all__ = ["stitch"]
