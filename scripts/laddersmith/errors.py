"""What can go wrong, by the room in which it goes wrong.

Every message is a sentence for a person: what failed, where, and how to mend it.
"""


class LaddersmithError(Exception):
    """Base of every error that Laddersmith raises on purpose."""


class ConfigError(LaddersmithError):
    """The configuration or the table of titles asks for something that cannot be."""


class SourceError(LaddersmithError):
    """A source video cannot be used as it is."""


class ShotsError(LaddersmithError):
    """Shots could not be found, or do not tile the title."""


class ToolError(LaddersmithError):
    """An external program failed, hung or could not be started."""


class EncodeError(LaddersmithError):
    """An encode failed, or came out other than asked for."""


class ScoreError(LaddersmithError):
    """A score could not be taken, or must not be trusted."""


class GpuError(LaddersmithError):
    """A graphics card cannot be had, fails, or computes something else than the CPU."""


class ModelError(LaddersmithError):
    """A model is unknown, missing, damaged or not what the registry says."""


class StoreError(LaddersmithError):
    """The point store is damaged or cannot be written."""


class TableError(LaddersmithError):
    """A table lacks a column, or holds what its schema forbids."""


class FileError(LaddersmithError, ValueError):
    """A JSON file is damaged."""


class LadderError(LaddersmithError):
    """No ladder can be made of the measured points under the limits set."""


class PackageError(LaddersmithError):
    """A rendition could not be stitched or packaged."""


class CorpusError(LaddersmithError):
    """A corpus, or a row of one, cannot be read."""


class GateError(LaddersmithError):
    """A promise about a finished title is broken."""


class RunError(LaddersmithError):
    """A run of the workflow cannot begin, or did not end well."""
