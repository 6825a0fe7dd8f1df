"""The sweep as a dataset: one row for every measured point, as Parquet and JSON Lines."""

from .files import export_row54, import_row54, join, read_rows, write_rows
from .rows import title_rows

__all__ = ["export_row54", "import_row54", "join", "read_rows", "title_rows", "write_rows"]
