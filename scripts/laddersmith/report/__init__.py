"""Pages and pictures of finished titles."""

from .page import report_title
from .summary import summarise, summary_facts

__all__ = ["report_title", "summarise", "summary_facts"]
