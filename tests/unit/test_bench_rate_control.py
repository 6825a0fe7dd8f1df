"""The page on rate control says what the committed run of its benchmark measured."""

import json

import pandas as pd
import pytest
from clips import ROOT
from laddersmith.bench import rate_control
from laddersmith.encode.codecs import QUALITY, SOFTWARE

FACTS = json.loads((ROOT / "docs/benchmarks/rate_control.json").read_text())


def test_the_page_has_the_table_of_the_committed_run():
    assert rate_control.page_table(FACTS) in (ROOT / "docs/rate-control.md").read_text()


def test_every_rate_of_every_software_codec_was_measured_on_every_clip():
    rows = pd.DataFrame(FACTS["rows"])
    found = set(rows[["clip", "codec", "rate"]].itertuples(index=False, name=None))
    assert found == {(clip, c.name, rate) for clip in rate_control.PIECES for c in SOFTWARE for rate in c.rates}
    kept = rows[rows["rate"] != QUALITY]
    assert (100 * (kept["bitrate_kbps"] / kept["value"] - 1)).to_numpy() == pytest.approx(kept["off_pct"], abs=0.01)


def test_the_summary_follows_from_the_rows():
    assert list(rate_control._summary(pd.DataFrame(FACTS["rows"]))) == FACTS["summary"]
