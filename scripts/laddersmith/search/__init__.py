"""Planning the rounds: which points are worth an encode."""

from .candidates import crfs_between, decimal_crf, plan_rows
from .grid import plan_grid
from .refine import plan_around_hull, plan_coarse

__all__ = ["crfs_between", "decimal_crf", "plan_around_hull", "plan_coarse", "plan_grid", "plan_rows"]
