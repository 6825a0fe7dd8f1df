"""Geometry of operating points in the bitrate-quality plane."""

from .bd_rate import bd_rate
from .envelope import convex_hull, pareto_front
from .title import searched, shot_points, title_points

__all__ = ["bd_rate", "convex_hull", "pareto_front", "searched", "shot_points", "title_points"]
