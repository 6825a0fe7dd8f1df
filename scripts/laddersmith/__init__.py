"""Laddersmith: a video in, the bitrate ladder that is optimal for it out."""

__version__ = "0.1.0"
