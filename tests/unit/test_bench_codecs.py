"""Codecs proved and compared: the configs that are run, the arithmetic, and the page against the committed figures."""

import json

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench.codecs import COMPARED, SMALL, compare_config, proof, proof_config
from laddersmith.bench.codecs_page import page
from laddersmith.bench.preset_truth import COARSE, SETTINGS, preset_summary
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS, SOFTWARE

SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_codecs.json").read_text())
FACTS = json.loads((ROOT / "docs" / "benchmarks" / "codecs.json").read_text())


def test_the_configs_that_are_run_are_sound():
    proved, compared = (validate(config, CODECS) for config in (proof_config(), compare_config()))
    assert {variant["codec"] for variant in proved["variants"].values()} == {codec.name for codec in SOFTWARE}
    assert set(SMALL) == {codec.name for codec in SOFTWARE}
    assert list(compared["variants"]) == list(COMPARED) and compared["compare"]["anchor"] == "x264"
    for codec, settings in SETTINGS.items():
        assert settings["default"] in settings["presets"] and set(settings["presets"]) <= set(CODECS[codec].presets)
        assert [CODECS[codec].knob.canonical(crf) for crf in settings["crfs"]] == list(settings["crfs"])
        assert len(settings["crfs"][::COARSE]) == 5


def finished(folder, ok=True, packaged=("360p_v_30",)):
    rungs = [{"name": "360p_v_30", "gap_mean": -0.0012}]
    (folder / "verify").mkdir(parents=True)
    (folder / "package").mkdir()
    (folder / "verify" / "x264.json").write_text(json.dumps({"ok": ok, "rungs": rungs}))
    named = [{"codec": "x264", "name": name, "codecs": "avc1.64001F"} for name in packaged]
    listed = {"rungs": named, "progressive": []}
    (folder / "package" / "ladder.json").write_text(json.dumps(listed))
    return folder


def test_a_codec_is_proved_by_its_verdict_and_its_package(tmp_path):
    row = proof(finished(tmp_path / "good"), "x264")
    assert row["proved"] and row["rungs"] == 1 and row["worst_gap_vmaf"] == 0.0012
    assert not proof(finished(tmp_path / "bad", ok=False), "x264")["proved"]
    assert not proof(finished(tmp_path / "lost", packaged=()), "x264")["proved"]


def test_searches_are_counted():
    rows = [
        {"case": "preset", "preset": "slow", "true_preset": "slow"},
        {"case": "preset", "preset": "slow", "true_preset": "fast"},
        {"case": "joint search", "method": "bayes", "measured": 10, "time_over_least": 1.0},
        {"case": "joint search", "method": "bayes", "measured": 14, "time_over_least": 1.5},
        {"case": "joint search", "method": "descent", "measured": 6, "time_over_least": None},
    ]
    found = preset_summary(rows)
    assert (found["presets_right"], found["presets_tried"]) == (1, 2)
    assert (found["bayes_searches"], found["bayes_answered"], found["bayes_found_least"]) == (2, 2, 1)
    assert found["bayes_encodes_mean"] == 12 and found["bayes_time_over_least_mean"] == pytest.approx(1.25)
    assert (found["descent_searches"], found["descent_answered"], found["descent_found_least"]) == (1, 0, 0)


def test_the_page_is_that_of_the_committed_figures():
    Draft202012Validator(SCHEMA).validate(FACTS)
    assert FACTS["summary"]["codecs_proved"] == len(SOFTWARE)
    assert (ROOT / "docs" / "benchmarks" / "codecs.md").read_text() == page(FACTS)
