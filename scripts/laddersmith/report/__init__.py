"""Pages and pictures of finished titles."""

from .page import report_title


__all__ = ["report_title"]
