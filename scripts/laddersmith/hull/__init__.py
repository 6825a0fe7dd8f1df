"""Geometry of operating points in the bitrate-quality plane."""

from .bd_rate import bd_rate
from .envelope import convex_hull, pareto_front
from .pareto import AXES, knees, pareto_set
from .title import mark_hulls, searched, shot_points, title_figures, title_points, title_sizes

__all__ = [
    "AXES",
    "bd_rate",
    "convex_hull",
    "knees",
    "mark_hulls",
    "pareto_front",
    "pareto_set",
    "searched",
    "shot_points",
    "title_figures",
    "title_points",
    "title_sizes",
]
