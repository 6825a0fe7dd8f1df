"""Scoring encodes against their source: engines, pooling, caching, verification."""

from .encodes import score_encodes
from .engines import ENGINES, engine_named
from .files import score
from .pooling import POOLINGS, pool
from .verify import Bars, judged_by, verify_renditions
from .versions import METRICS, metrics_version

__all__ = [
    "ENGINES",
    "METRICS",
    "POOLINGS",
    "Bars",
    "engine_named",
    "judged_by",
    "metrics_version",
    "pool",
    "score",
    "score_encodes",
    "verify_renditions",
]
