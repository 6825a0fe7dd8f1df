"""The benchmark of scoring, made small: its rows keep to the schema, and its guards fire."""

import json
import os
import re
import sys

import numpy as np
import pandas as pd
import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import agreement, command, end_to_end, kernels, materials, paired, scoring, scoring_page
from laddersmith.errors import ScoreError, ToolError
from laddersmith.report.speed import speed

SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_scoring.json").read_text())


@pytest.fixture
def small(monkeypatch, tmp_path, make_clip):
    """Tiny cases, and one tiny clip for footage."""
    clip = make_clip("small.mp4", "testsrc2=size=192x108:rate=25", frames=24)
    monkeypatch.setattr(scoring, "footage", lambda: {"bigbuckbunny": clip})
    monkeypatch.setattr(kernels, "CASES", {1080: (192, 24)})  # enough that starting ffmpeg is not all that is timed
    monkeypatch.setattr(end_to_end, "CASES", {1080: (192, 3), 2160: (192, 3)})
    monkeypatch.setattr(end_to_end, "MEMORY_OF", (1080,))
    monkeypatch.setattr(kernels, "TURNS", 1)
    monkeypatch.setattr(end_to_end, "TURNS", 1)
    for module in (kernels, end_to_end):
        monkeypatch.setattr(module, "ENCODES", (1, 8))
    monkeypatch.setattr(agreement, "FRAMES", 3)
    monkeypatch.setattr(agreement, "CRFS", (20, 30, 40))
    monkeypatch.setattr(agreement, "GENERATED", {})


def test_every_row_and_the_summary_keep_to_the_schema(small):
    facts = scoring.bench_scoring(threads=2)
    Draft202012Validator(SCHEMA).validate(facts)
    parts = [row["part"] for row in facts["rows"]]
    # Two counts of encodes, at one size and at two; memory at one; 3 codecs x 2 heights x (3 CRFs at 8 bits, 1 at 10).
    assert [parts.count(part) for part in ("kernels", "end to end", "memory", "agreement")] == [2, 4, 1, 24]
    # The bars of the metric: a feature within 1e-4 in any frame, VMAF within 0.01 in any frame and 0.003 in the mean.
    found = facts["summary"]
    assert found["worst_feature"] <= 1e-4 and found["worst_frame_vmaf"] <= 0.01 and found["worst_mean_vmaf"] <= 0.003
    assert found["peak_mb_1080p_8"] > 50
    assert json.loads(json.dumps(facts)) == facts
    assert "| 1080p | 8 |" in scoring_page.page(facts) and "Over 24 encodes" in scoring_page.page(facts)
    picture = speed(facts["rows"], 2)
    assert "times ffmpeg" in picture and "from files, 2 cores" in picture


def test_a_gpu_has_its_rows_and_its_figure(monkeypatch):
    """What cuda_rates gives on a card, of which there is none here, goes into rows of the schema and the summary."""
    one = {"part": "kernels", "speedup": 1.0, "height": 1080, "encodes": 1}
    rest = [
        one | {"encodes": 8},
        one | {"part": "end to end", "encodes": 8},
        {"part": "memory", "peak_mb": 1.0, "height": 1080},
        {"part": "agreement"}
        | dict.fromkeys(("worst_feature", "worst_frame_vmaf", "mean_vmaf", "integer_mean_vmaf"), 0.0),
    ]
    card = {"part": "gpu", "height": 1080, "encodes": 8, "fps": 4321.0}
    assert scoring.summary([one, *rest, card])["gpu_fps_1080p_8"] == 4321.0
    assert "gpu_fps_1080p_8" not in scoring.summary([one, *rest])
    monkeypatch.setattr(scoring, "check_device", lambda: (_ for _ in ()).throw(ScoreError("no GPU")))
    assert scoring.gpu() == []


def test_a_difference_is_found_where_it_is():
    frames = pd.DataFrame({name: np.zeros(4) for name in agreement.FEATURES} | {"vmaf": np.full(4, 50.0)})
    other = frames.copy()
    other.loc[2, "vif_scale1"] = -0.25
    other.loc[1, "vmaf"] = 52.0
    found = agreement.differences(frames, other, frames)
    assert (found["feature"], found["worst_feature"]) == ("vif_scale1", 0.25)
    assert (found["worst_frame_vmaf"], found["mean_vmaf"]) == (2.0, 0.5)
    assert (found["integer_worst_frame_vmaf"], found["integer_mean_vmaf"]) == (0.0, 0.0)


def test_turns_alternate_and_the_first_does_not_count():
    order = []
    pair = paired.paired(lambda: order.append("ours") or 1.0, lambda: order.append("theirs") or 3.0, turns=2)
    assert order == ["ours", "theirs"] * 3
    assert pair == paired.Pair((1.0, 1.0), (3.0, 3.0))
    assert paired.rates([2.0, 1.0, 1.0], [4.0, 3.0, 8.0], 100) == {
        "fps": 100.0,
        "libvmaf_fps": 25.0,
        "speedup": 3.0,
        "ms_min": 10.0,
        "libvmaf_ms_min": 30.0,
    }


def test_cores_are_given_back():
    before = os.sched_getaffinity(0)
    with paired.on_cores(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_memory_is_the_process_s_own_and_a_failure_is_told():
    block = "import time; block = bytearray(300_000_000); time.sleep(0.2)"
    assert 280 < command.peak_mb([sys.executable, "-c", block], os.environ) < 400
    with pytest.raises(ToolError, match="ended with 3:\nno luck"):
        command.peak_mb(
            [sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"], os.environ
        )


def test_footage_is_the_demo_and_what_a_folder_adds(monkeypatch, tmp_path):
    monkeypatch.delenv(materials.FOOTAGE, raising=False)
    assert list(materials.footage()) == ["bikes", "bigbuckbunny"]
    monkeypatch.setenv(materials.FOOTAGE, str(tmp_path))
    with pytest.raises(ToolError, match=re.escape(f"{tmp_path}, and there is no *.mp4 in it")):
        materials.footage()
    (tmp_path / "more.mp4").touch()
    assert list(materials.footage()) == ["bikes", "bigbuckbunny", "more"]


def test_the_committed_run_keeps_its_promises_and_its_page():
    """The bars: 1.5 and 3 times for the kernels, 2 from files, and the agreement that a proof asks for."""
    facts = json.loads((ROOT / "docs" / "benchmarks" / "scoring.json").read_text())
    Draft202012Validator(SCHEMA).validate(facts)
    assert not re.search(r"/(home|tmp|work|root)\b", json.dumps(facts))
    found = facts["summary"]
    assert scoring.summary(facts["rows"]) == found
    assert found["kernel_speedup_1"] >= 1.5 and found["kernel_speedup_8"] >= 3 and found["end_to_end_speedup_8"] >= 2
    assert found["worst_feature"] <= 1e-4 and found["worst_frame_vmaf"] <= 0.01 and found["worst_mean_vmaf"] <= 0.003
    assert (ROOT / "docs" / "benchmarks" / "scoring.md").read_text() == scoring_page.page(facts)
    assert "<svg" in (ROOT / "docs" / "benchmarks" / "scoring.svg").read_text()
