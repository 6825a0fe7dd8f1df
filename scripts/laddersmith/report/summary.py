"""All titles on one page, and in one JSON file."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from .overview import all_ok, by_codec, worst_gap
from .page import templates

SCHEMA = "laddersmith/summary/1"


def summary_facts(ladders: Sequence[dict]) -> dict:
    """`summary.json`: a row per title, in the order of their names."""
