"""A run with regions: made once for the title, encoded beside the same settings without, measured on a page."""

import json

import cv2
import numpy as np
import pandas as pd


def test_a_variant_with_regions_goes_through_and_is_measured(workplace, two_shots):
    picture = np.zeros((68, 160), np.uint8)
    picture[16:48, 32:96] = 255
    cv2.imwrite(str(workplace.path / "tiny.png"), picture)
    plain = workplace.config["variants"]["x264"]
    workplace.config["variants"] = {"x264": plain, "faces": plain | {"roi": "faces"}}
    workplace.config["roi"] = {"faces": {"mask": {"file": "{title}.png", "offset": -0.15}}}
    workplace.config |= {"heights": [90], "fixed_ladder": {"rungs": {"x264": []}}}
    workplace.titles({"tiny": two_shots})
    workplace.run("results/tiny/points.parquet", "roi")
    results = workplace.path / "results" / "tiny"
    told = json.loads((results / "regions.json").read_text())["sets"]["faces"]
    assert [len(shot["boxes"]) for shot in told["shots"]] == [1, 1]
    assert "tiny.png" not in json.dumps(told)
    calls = workplace.encodes()
    # Two shots, four CRFs, with and without: the page takes what the round encoded; its twins are the other variant.
    assert sum("addroi=" in call for call in calls) == 2 * 4
    assert len(calls) == 2 * 2 * 4
    points = pd.read_parquet(results / "points.parquet")
    assert set(points["variant"]) >= {"x264", "faces"}
    (row,) = json.loads((results / "roi.json").read_text())["variants"]
    assert row["variant"] == "faces"
    assert row["parts"]["inside"]["psnr_db"] > 0 > row["parts"]["outside"]["psnr_db"]
    assert "BD-rate inside" in (results / "roi.md").read_text()


def test_the_page_is_refused_without_a_variant_that_has_regions(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    said = workplace.run("roi", expect=1)
    assert "no variant of any title has regions: name a set of the section roi in a variant's key roi" in said
