"""From a title's hull to its ladder."""

from .allocation import allocate, level_sweep, sweep
from .answers import Asked, answered_by, choose_answers
from .build import build_ladder, rung_name
from .calm import Segments
from .choose import choose_points
from .fixed import plan_fixed
from .mixes import with_allocations
from .peak import flow, segment_peak_kbps
from .rungs import Limits, Rules, Sharing, choose_rungs
from .savings import codec_sets, savings
from .smooth import smooth_sweep
from .tidy import tidy

__all__ = [
    "Asked",
    "Limits",
    "Rules",
    "Segments",
    "Sharing",
    "allocate",
    "answered_by",
    "build_ladder",
    "choose_answers",
    "choose_points",
    "choose_rungs",
    "codec_sets",
    "flow",
    "level_sweep",
    "plan_fixed",
    "rung_name",
    "savings",
    "segment_peak_kbps",
    "smooth_sweep",
    "sweep",
    "tidy",
    "with_allocations",
]
