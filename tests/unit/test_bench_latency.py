"""What low latency costs: the committed figures, and the page that tells them."""

import json

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench.latency import PRESETS, variants
from laddersmith.config import validate
from laddersmith.encode import CODECS
from laddersmith.schema import load

FACTS = json.loads((ROOT / "docs/benchmarks/latency.json").read_text())
PAGE = (ROOT / "docs/low-latency.md").read_text()


MEASURED = list(dict.fromkeys(row["codec"] for row in FACTS["rows"]))


def test_the_committed_run_keeps_to_its_schema_and_its_summary_is_that_of_its_rows():
    assert sorted(Draft202012Validator(load("bench_latency")).iter_errors(FACTS), key=str) == []
    assert list(PRESETS) == MEASURED
    assert set(FACTS["summary"]) == {f"{codec}_bd_rate_pct" for codec in MEASURED}
    for codec in MEASURED:
        values = [row["bd_rate_pct"] for row in FACTS["rows"] if row["codec"] == codec]
        # The summary is rounded to a tenth, as the rows are.
        assert FACTS["summary"][f"{codec}_bd_rate_pct"] == pytest.approx(sum(values) / len(values), abs=0.051)


def test_the_page_tells_the_figures_of_the_committed_run():
    for codec in MEASURED:
        rows = [row for row in FACTS["rows"] if row["codec"] == codec]
        each = " | ".join(f"{row['bd_rate_pct']:+.1f} %" for row in rows)
        kept = " and ".join(map(str, sorted({row["offline_delay_frames"] for row in rows})))
        low = max(row["low_delay_frames"] for row in rows)
        assert f"| {codec}, {rows[0]['preset']} | {each} | {kept} | {low} |" in PAGE


def test_both_kinds_of_every_codec_are_what_a_config_may_ask_for():
    made = variants()
    validate({"variants": made}, CODECS)
    assert len(made) == 2 * len(PRESETS)
    for codec in PRESETS:
        shared = set(made[f"{codec}-offline"]) - {"latency", "maxrate_kbps", "bufsize_kbps"}
        assert all(made[f"{codec}-offline"][key] == made[f"{codec}-low"][key] for key in shared)
