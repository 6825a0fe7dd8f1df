"""From encodes of shots to streams that play."""

from .build import package_title
from .check import Checked, check_package
from .exports import export_ladder
from .stitch import stitch

__all__ = ["Checked", "check_package", "export_ladder", "package_title", "stitch"]
