"""Planning the rounds: which points are worth an encode."""

from .candidates import by_heights, crfs_between, decimal_crf, plan_rows, within_heights
from .grid import plan_grid
from .refine import plan_around_hull, plan_coarse

__all__ = [
    "by_heights",
    "crfs_between",
    "decimal_crf",
    "plan_around_hull",
    "plan_coarse",
    "plan_grid",
    "plan_rows",
    "within_heights",
]
