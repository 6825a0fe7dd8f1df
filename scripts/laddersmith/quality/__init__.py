"""Scoring encodes against their source: engines, pooling, caching, verification."""

from .encodes import score_encodes
from .engines import ENGINES, engine_named
from .files import score
from .pooling import POOLINGS, pool
from .verify import verify_renditions
from .versions import METRICS, metrics_version

__all__ = [
    "ENGINES",
    "METRICS",
    "POOLINGS",
    "engine_named",
    "metrics_version",
    "pool",
    "score",
    "score_encodes",
    "verify_renditions",
]
