"""From a title's hull to its ladder."""

from .build import build_ladder, rung_name
from .choose import choose_points
from .fixed import plan_fixed
from .peak import segment_peak_kbps
from .rungs import Rules, choose_rungs
from .savings import savings

__all__ = [
    "Rules",
    "build_ladder",
    "choose_points",
    "choose_rungs",
    "plan_fixed",
    "rung_name",
    "savings",
    "segment_peak_kbps",
]
