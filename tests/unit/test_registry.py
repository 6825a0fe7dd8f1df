"""The registry of models: every file is the one that it names, and whatever is amiss is told in a sentence."""

import hashlib
import json
from pathlib import Path

import pytest
from laddersmith import registry
from laddersmith.errors import ModelError

DATA = b"a graph"
ENTRY = {
    "kind": "vmaf",
    "file": "small.onnx",
    "sha256": hashlib.sha256(DATA).hexdigest(),
    "licence": "BSD-2-Clause-Patent",
    "licence_text": "licences/small.txt",
    "source": "somebody",
    "card": "small.md",
    "facts": {"libvmaf": "version=small"},
}
NAMES = ["vmaf_4k_v0.6.1", "vmaf_v0.6.1", "vmaf_v0.6.1_phone", "vmaf_v0.6.1neg"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of one model, `small`, in place of the project's."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "small.onnx").write_bytes(DATA)
    written(folder, {"small": ENTRY})
    monkeypatch.setattr(registry, "FOLDER", folder)
    return folder


def written(folder: Path, models: object) -> None:
    (folder / "registry.json").write_text(json.dumps({"schema": registry.SCHEMA, "models": models}))


def test_the_vmaf_models_are_there():
    assert registry.names("vmaf") == NAMES
    assert registry.entry("vmaf_v0.6.1neg").facts["libvmaf"] == "version=vmaf_float_v0.6.1neg"


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_the_one_that_is_registered(name):
    entry = registry.entry(name)
    assert hashlib.sha256(registry.load(name)).hexdigest() == entry.sha256


@pytest.mark.parametrize("name", NAMES)
def test_every_card_names_the_source_and_the_licence(name):
    entry = registry.entry(name)
    card = (registry.FOLDER / entry.card).read_text()
    text = (registry.FOLDER / entry.licence_text).read_text()
    assert card.startswith(f"# {name}\n")
    assert f"[{entry.licence}]({entry.licence_text})" in card
    assert entry.source in card and entry.file in card
    assert f"SPDX short identifier: {entry.licence}" in text and "Copyright (c)" in text


def test_no_file_lies_beside_the_models_unregistered():
    entries = [registry.entry(name) for kind in ("vmaf", "shots", "search") for name in registry.names(kind)]
    known = {"registry.json"} | {file for e in entries for file in (e.file, e.card, e.licence_text)}
    found = {path.relative_to(registry.FOLDER).as_posix() for path in registry.FOLDER.rglob("*") if path.is_file()}
    assert found == known


def test_a_registered_model_is_loaded(folder):
    assert registry.names("vmaf") == ["small"] and registry.names("shots") == []
    assert registry.load("small") == DATA


def test_facts_cannot_be_changed(folder):
    with pytest.raises(TypeError, match="does not support item assignment"):
        registry.entry("small").facts["libvmaf"] = "another"


def test_an_unknown_name_is_answered_with_the_nearest(folder):
    with pytest.raises(ModelError, match=r"^there is no model 'smal' in model/registry\.json; the nearest is small$"):
        registry.load("smal")


def test_a_missing_file_is_told(folder):
    (folder / "small.onnx").unlink()
    with pytest.raises(
        ModelError, match=r"^model/small\.onnx, the file of model small, cannot be read .*; restore it from"
    ):
        registry.load("small")


def test_a_changed_file_is_told(folder):
    (folder / "small.onnx").write_bytes(DATA + b"!")
    message = (
        r"^model/small\.onnx is not the file that the registry names \(sha256 .*\); restore it from the repository$"
    )
    with pytest.raises(ModelError, match=message):
        registry.load("small")


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"small": ENTRY | {"more": 1}}, r"models\.small\.more: unknown key"),
        ({"small": {k: v for k, v in ENTRY.items() if k != "sha256"}}, r"models\.small lacks sha256"),
        (
            {"small": ENTRY | {"kind": "vmav"}},
            r"models\.small\.kind is \"vmav\"; the choices are .* the nearest is vmaf",
        ),
        ({"small": ENTRY | {"sha256": "0"}}, r"models\.small\.sha256 is \"0\", not 64 hexadecimal digits"),
        ({"small": ENTRY | {"file": "../small.onnx"}}, r"models\.small\.file is .*, not the name of an \.onnx or "),
        ({"small": ENTRY | {"facts": {"libvmaf": None}}}, r"models\.small\.facts\.libvmaf is empty"),
        ({"a b": ENTRY}, r"models: \"a b\" is not a name of letters"),
    ],
)
def test_a_registry_that_breaks_its_schema_is_told(folder, models, message):
    written(folder, models)
    with pytest.raises(ModelError, match=r"^model/registry\.json breaks its schema: .*" + message):
        registry.names("vmaf")


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_registry_that_cannot_be_read_is_told(folder, text):
    if text is None:
        (folder / "registry.json").unlink()
    else:
        (folder / "registry.json").write_text(text)
    with pytest.raises(ModelError, match=r"^model/registry\.json cannot be read .*; restore it from the repository$"):
        registry.entry("small")
