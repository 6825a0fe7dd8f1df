"""Pages and pictures of finished titles."""

from .page import report_title
from .shots import shown, thumbnails
from .summary import summarise, summarise_what_is_there, summary_facts

__all__ = ["report_title", "shown", "summarise", "summarise_what_is_there", "summary_facts", "thumbnails"]
