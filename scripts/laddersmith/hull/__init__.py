"""Geometry of operating points in the bitrate-quality plane."""

from .bd_rate import bd_rate
from .envelope import convex_hull, pareto_front
from .title import mark_hulls, searched, shot_points, title_figures, title_points, title_sizes

__all__ = [
    "bd_rate",
    "convex_hull",
    "mark_hulls",
    "pareto_front",
    "searched",
    "shot_points",
    "title_figures",
    "title_points",
    "title_sizes",
]
