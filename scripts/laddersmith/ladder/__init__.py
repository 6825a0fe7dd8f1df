"""From a title's hull to its ladder."""

from .allocation import allocate, level_sweep, sweep
from .build import build_ladder, rung_name
from .choose import choose_points
from .fixed import plan_fixed
from .mixes import with_allocations
from .peak import flow, segment_peak_kbps
from .rungs import Rules, choose_rungs
from .savings import savings
from .smooth import smooth_sweep

__all__ = [
    "Rules",
    "allocate",
    "build_ladder",
    "choose_points",
    "choose_rungs",
    "flow",
    "level_sweep",
    "plan_fixed",
    "rung_name",
    "savings",
    "segment_peak_kbps",
    "smooth_sweep",
    "sweep",
    "with_allocations",
]
