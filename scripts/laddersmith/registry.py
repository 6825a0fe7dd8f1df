"""The models under model/: what there is, and each file's bytes, which are checked against the registry's hash.

Standard library only: the Snakefile reads it at every start.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .errors import ModelError
from .schema import faults, nearest
from .schema import load as load_schema

FOLDER = Path(__file__).resolve().parents[2] / "model"
FILE = "registry.json"
SCHEMA = "laddersmith/registry/1"


@dataclass(frozen=True)
class Entry:
    """What the registry says of a model.

    Attributes
    ----------
    name : as the config and `--model` write it.
    kind : "vmaf" (features to quality), "shots" (pictures to cuts) or "search" (what is expected of unmeasured points).
    file, card, licence_text : names beside the registry: the ONNX graph, the page on it, the licence's text.
    sha256 : of the file, in hexadecimal.
    licence : SPDX name.
    source : whose weights these are, and where they were read.
    facts : what users of this kind of model must know before it is loaded. For "vmaf": `libvmaf`, the value of the
        filter's `model` option under which libvmaf computes the same.
    """

    name: str
    kind: str
    file: str
    sha256: str
    licence: str
    licence_text: str
    source: str
    card: str
    facts: Mapping[str, str | float | bool]


def names(kind: str) -> list[str]:
    """Names of the models of a kind, sorted."""
    return sorted(name for name, entry in _entries(FOLDER).items() if entry.kind == kind)


def entry(name: str) -> Entry:
    """What the registry says of the model `name`.

    Raises
    ------
    ModelError
        If no model has this name, or the registry itself cannot be read.
    """
    entries = _entries(FOLDER)
    if name not in entries:
        raise ModelError(f"there is no model {name!r} in {_shown(FOLDER / FILE)}{nearest(name, entries)}")
    return entries[name]


def load(name: str) -> bytes:
    """The bytes of the model `name`.

    Raises
    ------
    ModelError
        If no model has this name, its file is missing, or it is not the file that was registered.
    """
    found = entry(name)
    file = FOLDER / found.file
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{_shown(file)}, the file of model {name}, cannot be read ({error.strerror}); "
            "restore it from the repository"
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != found.sha256:
        raise ModelError(
            f"{_shown(file)} is not the file that the registry names (sha256 {digest[:16]}…, not "
            f"{found.sha256[:16]}…); restore it from the repository"
        )
    return data


@functools.cache
def _entries(folder: Path) -> dict[str, Entry]:
    """The registry of a folder, by name."""
    file = folder / FILE
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{_shown(file)} cannot be read ({error}); restore it from the repository") from error
    broken = [sentence for _, sentence in faults(load_schema("registry"), value)]
    if broken:
        raise ModelError(f"{_shown(file)} breaks its schema: {'; '.join(broken)}; restore it from the repository")
    return {
        name: Entry(name, **{**fields, "facts": MappingProxyType(fields["facts"])})
        for name, fields in value["models"].items()
    }


def _shown(file: Path) -> str:
    """`model/vmaf_v0.6.1.onnx`: a file of the models as messages name it."""
    return f"{file.parent.name}/{file.name}"
