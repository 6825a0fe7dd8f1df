"""The JSON files of a title against their closed schemas."""

import importlib.util
import json

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator, ValidationError
from laddersmith.errors import GateError
from laddersmith.package.check import Checked
from laddersmith.report import summary_facts
from report_inputs import inputs

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "config" / "schemas").glob("*.json")}


def check(value: object, name: str) -> None:
    Draft202012Validator(SCHEMAS[name]).validate(json.loads(json.dumps(value, allow_nan=False)))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_one_and_is_closed(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["additionalProperties"] is False


def test_a_summary_keeps_to_its_schema():
    facts = summary_facts([inputs()["package"]])
    check(facts, "summary")
    with pytest.raises(ValidationError):
        check(facts | {"more": 1}, "summary")


def test_a_ladder_and_its_verdicts_keep_to_their_schemas():
    given = inputs()
    check(given["ladder"], "ladder")
    for verdict in given["verdicts"]:
        check(verdict, "verify")
    with pytest.raises(ValidationError, match="'peak_kbps' is a required property"):
        [first, *rest] = given["ladder"]["rungs"]
        check(given["ladder"] | {"rungs": [{k: v for k, v in first.items() if k != "peak_kbps"}, *rest]}, "ladder")


def test_the_gate_writes_its_proof_or_names_every_broken_promise(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("gate_door", ROOT / "scripts" / "gate.py")
    assert spec and spec.loader
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    asked = []

    def checked(folder, ladder, *, timeout_s):
        asked.append(timeout_s)
        return Checked({}, [])

    monkeypatch.setattr(door, "check_package", checked)
    verdict = inputs()["verdicts"][0]
    (tmp_path / "ladder.json").write_text("{}")
    (tmp_path / "v.json").write_text(json.dumps(verdict))
    given = {"verdicts": [str(tmp_path / "v.json")], "package": str(tmp_path), "gate": str(tmp_path / "gate.json")}
    door.main(**given, title="bikes", config={"package": {"timeout_s": 7}})
    check(json.loads((tmp_path / "gate.json").read_text()), "gate")
    assert asked == [7]
    verdict["rungs"][0]["problems"] = ["frame 3 is grey"]
    (tmp_path / "v.json").write_text(json.dumps(verdict))
    with pytest.raises(GateError, match=r"bikes: 1 promise\(s\) broken:\n  - .*: frame 3 is grey"):
        door.main(**given, title="bikes", config={"package": {"timeout_s": 7}})
