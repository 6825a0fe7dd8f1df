"""The target `corpus`: everything that was measured, as one dataset."""

import json

import pandas as pd
from jsonschema import Draft202012Validator
from laddersmith import tables
from laddersmith.corpus import read_rows
from laddersmith.corpus.page import json_schema
from pandas.testing import assert_frame_equal
from workplace import SVTAV1, workplace_like


def test_the_corpus_holds_every_measured_point_and_how_it_was_made(finished, tmp_path, two_shots):
    place = workplace_like(tmp_path / "work", finished)
    place.config["variants"]["svtav1"] = SVTAV1
    place.config["heights"] = [54]
    place.config["fixed_ladder"] = {"rungs": {"x264": [{"height": 54, "kbps": 30}]}}
    place.titles({"tiny": two_shots})
    place.run("corpus")
    results = place.path / "results"
    table = read_rows(results / "corpus" / "corpus.parquet")
    assert_frame_equal(table, read_rows(results / "corpus" / "corpus.jsonl"))
    checker = Draft202012Validator(json_schema())
    for line in (results / "corpus" / "corpus.jsonl").read_text().splitlines():
        checker.validate(json.loads(line, parse_constant=lambda word: word))
    scores = tables.read_all(sorted(results.glob("tiny/b*/r*/scores.parquet")), tables.SCORES)
    points = table.set_index(tables.KEY).sort_index()
    measured = scores.set_index(tables.KEY).sort_index()
    same = ["codec", "bytes", "vmaf_mean", "qp_mean", "key", "encode_cpu_s"]
    assert_frame_equal(points[same], measured[same], check_dtype=False, check_index_type=False)
    assert set(table["span"]) == {"shot", "title"} and set(table["codec"]) == {"x264", "svtav1"}
    told = table["codec"].map({"x264": True, "svtav1": False})
    assert (table["skip_share"].notna() == told).all() and table["qp_mean"].notna().all()
    assert (table["duration_s"] == table["frames"] / 25).all()
    kept = ["source_sha256", "model_sha256", "engine", "score_version", "encode_version", "ffmpeg_version"]
    assert table[[*kept, "encoder_version", "adm2_mean", "adm2_std"]].notna().all(axis=None)
    assert pd.isna(table["foreign"]).all()
    assert "Nothing to be done" in place.run("corpus")
