"""Codecs proved and compared: the configs that are run, the arithmetic, and the page against the committed figures."""

import json
from statistics import mean, median

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench.codecs import COMPARED, SMALL, compare_config, proof, proof_config
from laddersmith.bench.codecs_page import page
from laddersmith.bench.preset_truth import COARSE, SETTINGS, preset_summary
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS, SOFTWARE

FACTS = ROOT / "docs" / "benchmarks" / "codecs.json"
SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_codecs.json").read_text())


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


def joint(method, count):
    searched = {f"{method}_searches": count, f"{method}_answered": count, f"{method}_encodes_mean": 13.5}
    return searched | {f"{method}_found_least": count, f"{method}_time_over_least_mean": 1.03}


MADE_UP = {
    "schema": "laddersmith/bench_codecs/1",
    "machine": {"cpu": "AMD EPYC 7B13", "cores": 2, "memory_gb": 23.5},
    "versions": {"laddersmith": "0"},
    "rows": [
        {
            "case": "codec", "codec": "x264", "rungs": 3, "proved": True, "worst_gap_vmaf": 0.0012,
            "codecs_string": "avc1.64000b",
        },
        *(
            {
                "case": "variant", "variant": name, "codec": name, "preset": "medium", "titles": 1, "cpu_ratio": ratio,
                "cpu_s_per_s": 0.5, "realtime": 2.0,
            }
            for name, ratio in (("x265", 3.25), ("x264", 1.0))
        ),
        {"case": "BD-rate over clips", "anchor": "x264", "test": "x265", "mean_pct": -31.25},
        {
            "case": "BD-rate", "clip": "bikes", "anchor": "x264", "test": "x265", "bd_rate_pct": -30.0, "why_none": "",
            "cpu_ratio": 3.25,
        },
        {"case": "decoding", "clip": "bikes", "codec": "x264", "frames_per_cpu_s": 812.4},
        {
            "case": "preset", "clip": "bikes", "codec": "x264", "preset": "fast", "true_preset": "faster",
            "measured": 40, "settings": 104, "time_over_true": 1.12,
        },
    ],
    "summary": {"codecs_proved": 1, "codecs": 1, "presets_right": 0, "presets_tried": 1}
    | joint("bayes", 5) | joint("descent", 1),
}  # fmt: skip


def test_the_page_tells_the_figures():
    Draft202012Validator(SCHEMA).validate(MADE_UP)
    told = page(MADE_UP)
    for line in (
        "| x264 | 3 | yes | 0.0012 VMAF | `avc1.64000b` |",
        "| x265 | `medium` | -31.2 % | -30.0 % | 3.25 | 2.00 |",
        "| bikes | x264 | 812 |",
        "| bikes | x264 | `fast` | `faster` | 1.12 |",
        "| `bayes` | 5 | 13.5 of 104 | 5 | 1.03 | 5 |",
    ):
        assert line in told


def test_the_committed_run_keeps_to_its_schema_and_its_page():
    found = json.loads(FACTS.read_text())
    Draft202012Validator(SCHEMA).validate(found)
    assert FACTS.with_suffix(".md").read_text() == page(found)
    proved = [row for row in found["rows"] if row["case"] == "codec"]
    assert {row["codec"] for row in proved} == {codec.name for codec in SOFTWARE}
    assert found["summary"]["codecs_proved"] == sum(row["proved"] for row in proved) == len(SOFTWARE)
    compared = {row["variant"]: row["codec"] for row in found["rows"] if row["case"] == "variant"}
    assert compared == {name: codec for name, (codec, _, _) in COMPARED.items()}


def test_the_page_on_compare_has_the_figures_of_the_searches():
    rows = json.loads(FACTS.read_text())["rows"]
    told = (ROOT / "docs" / "compare.md").read_text()
    for method in ("bayes", "descent"):
        mine = [row for row in rows if row["case"] == "joint search" and row["method"] == method]
        measured, times = [row["measured"] for row in mine], [row["time_over_least"] for row in mine]
        found = f"{sum(time <= 1 for time in times)} of {len(mine)} | {mean(times):.2f} | {max(times):.2f} |"
        assert f"| `{method}` | {median(measured):.0f} ({min(measured)} to {max(measured)}) | {found}" in told
