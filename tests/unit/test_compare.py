"""The comparison of variants over titles: its figures, its intervals, how decoding is timed, its pages."""

import importlib.util
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from clips import ROOT
from encode_shots import encode_shot, settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import ffmpeg, tables
from laddersmith.compare import decode
from laddersmith.compare.curves import (
    cost_ratio,
    costed,
    curve_of,
    quality_difference,
    rate_difference,
    title_curves,
)
from laddersmith.compare.decode import time_decoding
from laddersmith.compare.document import Document, Section, Table, html, markdown
from laddersmith.compare.intervals import mean_percent
from laddersmith.compare.matrix import compare_titles, title_entry
from laddersmith.compare.pages import compare_page
from laddersmith.config import validate
from laddersmith.encode import CODECS
from laddersmith.errors import ConfigError, TableError, ToolError
from laddersmith.jsonfile import read_json, write_json
from laddersmith.machine import machine
from laddersmith.source.media import Media
from report_inputs import HOSTILE, inputs


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "config" / "schemas" / f"{name}.json").read_text()))


def door(name: str):
    spec = importlib.util.spec_from_file_location(f"{name}_door", ROOT / "scripts" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curve(name: str, rate: float, seconds: float, qualities=(40.0, 60, 75, 85, 92)):
    """A curve that costs `rate` times as many bits as the usual one, and `seconds` times the time."""
    quality = np.array(qualities)
    rows = {"bitrate_kbps": rate * 100 * np.exp((quality / 40) ** 2), "quality": quality}
    rows |= {"encode_cpu_s": seconds * (1 + quality / 50), "height": 360, "crf": "30", "codec": name, "preset": "p"}
    return curve_of(name, pd.DataFrame(rows | {"bytes": 1000 * rows["bitrate_kbps"]}))


@pytest.fixture
def made() -> dict:
    return inputs()


@pytest.fixture
def media(made) -> Media:
    return Media.from_json(made["facts"]["media"])


def decoding() -> dict:
    return {"machine": machine(), "rows": []}


@examples(max_examples=20)
@given(st.floats(0.3, 3), st.floats(0.1, 10))
def test_constant_factors_come_out_as_they_went_in(rate, seconds):
    anchor, test = curve("a", 1, 1), curve("b", rate, seconds)
    percent, why = rate_difference(anchor, test)
    # Interpolated in log bitrate and log seconds, both curves alike: rounding only.
    assert (percent, why) == (pytest.approx(100 * (rate - 1), abs=1e-6), "")
    assert cost_ratio(anchor, test) == pytest.approx(seconds, rel=1e-9)


def test_quality_at_equal_bitrate_is_the_mean_gap_between_the_curves():
    anchor = curve("a", 1, 1)
    better = curve_of("b", anchor.points.assign(quality=anchor.points["quality"] + 3, codec="b", preset="p"))
    assert quality_difference(anchor, better) == pytest.approx(3, abs=1e-9)
    assert quality_difference(better, anchor) == pytest.approx(-3, abs=1e-9)


def test_curves_that_share_nothing_have_no_figures_and_say_why():
    low, high = curve("a", 1, 1, (10.0, 20, 30)), curve("b", 100, 1, (50.0, 60, 70))
    percent, why = rate_difference(low, high)
    assert percent is None
    assert "share no range of quality" in why
    assert quality_difference(low, high) is None
    assert cost_ratio(low, high) is None


def test_a_curve_is_read_between_its_points_and_not_beyond():
    one = curve("a", 1, 1)
    first, second = (float(rate) for rate in one.points["bitrate_kbps"][:2])
    assert one.at(50, "bitrate_kbps") == pytest.approx(math.sqrt(first * second))  # the logarithm, half way
    assert one.at(40, "bytes") == pytest.approx(1000 * first)
    assert one.at(39.9, "bitrate_kbps") is None
    assert one.at(92.1, "encode_cpu_s") is None


def test_a_point_of_the_title_costs_what_its_shots_cost(made):
    points = made["points"].assign(encode_cpu_s=np.arange(len(made["points"]), dtype=float))
    table = costed(made["hull"], points)
    assert not table["variant"].str.contains("@").any()
    row = table.iloc[5]
    same = points[(points["variant"] == row["variant"]) & (points["height"] == row["height"])]
    assert row["encode_cpu_s"] == same[same["crf"] == row["crf"]]["encode_cpu_s"].sum()


def test_points_of_shots_with_crfs_of_their_own_are_left_out(made):
    hull = made["hull"].assign(allocation=tables.PER_SHOT)
    assert costed(hull, made["points"]).empty
    assert title_curves(costed(hull, made["points"])) == {}


def test_the_mean_over_titles_is_geometric_with_the_interval_of_student():
    found = mean_percent([-50.0, 100.0], 0.95)
    assert found["mean_pct"] == pytest.approx(0, abs=1e-9)  # half and double
    # t of 0.975 with one degree of freedom is 12.706; the logs lie ln 2 from their mean, whose error is ln 2.
    assert math.log1p(found["high_pct"] / 100) == pytest.approx(12.7062 * math.log(2), rel=1e-4)
    assert found["low_pct"] == pytest.approx(100 * (1 / (1 + found["high_pct"] / 100) - 1))
    assert found["bootstrap_low_pct"] is None


def test_intervals_need_titles_and_hold_the_mean():
    assert mean_percent([], 0.95) == {"titles": 0} | dict.fromkeys(
        ("mean_pct", "low_pct", "high_pct", "bootstrap_low_pct", "bootstrap_high_pct")
    )
    assert mean_percent([7.0], 0.95)["low_pct"] is None
    many = [-30.0, -22, -25, -10, -31, -28]
    found, again = mean_percent(many, 0.9), mean_percent(many, 0.9)
    assert found == again
    assert found["low_pct"] < found["bootstrap_low_pct"] < found["mean_pct"] < found["bootstrap_high_pct"]
    # Six titles: the bootstrap is narrower than t, by about sqrt(5/6) and the tails of t; it must not be wider.
    assert found["bootstrap_high_pct"] < found["high_pct"]


def two_titles(made, media) -> dict:
    worse = made["hull"].copy()
    other = worse["codec"] == "x265"
    worse.loc[other, ["bitrate_kbps", "bytes"]] = worse.loc[other, ["bitrate_kbps", "bytes"]] * 2
    worse = tables.conform(worse.assign(bytes=worse["bytes"].astype(int)), tables.TITLE_POINTS)
    entries = [
        title_entry(name, media, hull, made["points"], decoding(), [90, 60])
        for name, hull in (("first", made["hull"]), ("second", worse))
    ]
    return compare_titles(
        entries,
        anchor="x264",
        confidence=0.95,
        targets=[90, 60],
        machine=machine(),
        model="vmaf_v0.6.1",
        pooling="mean",
    )


def test_the_matrix_over_titles(made, media):
    facts = two_titles(made, media)
    schema("compare").validate(json.loads(json.dumps(facts, allow_nan=False)))
    pairs = {(pair["anchor"], pair["test"]): pair for pair in facts["bd_rates"]}
    each = [title["bd_rates"][0]["bd_rate_pct"] for title in facts["titles"]]
    assert (facts["titles"][0]["bd_rates"][0]["anchor"], facts["titles"][0]["bd_rates"][0]["test"]) == ("x264", "x265")
    assert (1 + each[1] / 100) / (1 + each[0] / 100) == pytest.approx(2, rel=1e-6)
    mean = pairs["x264", "x265"]["mean_pct"]
    assert mean == pytest.approx(100 * (math.sqrt((1 + each[0] / 100) * (1 + each[1] / 100)) - 1))
    assert (1 + mean / 100) * (1 + pairs["x265", "x264"]["mean_pct"] / 100) == pytest.approx(1, rel=1e-9)
    at = facts["titles"][0]["variants"][0]["targets"][0]
    assert at["megabytes"] * 8000 / 10.0 == pytest.approx(at["bitrate_kbps"], rel=1e-3)  # bytes are whole
    assert at["realtime"] == pytest.approx(10.0 / at["encode_cpu_s"])


def test_an_anchor_that_nobody_measured_is_refused(made, media):
    entry = title_entry("first", media, made["hull"], made["points"], decoding(), [90])
    with pytest.raises(
        TableError, match=r"compare.anchor is vp9, and no title has a measured point of it; they have x264"
    ):
        compare_titles(
            [entry], anchor="vp9", confidence=0.9, targets=[90], machine=machine(), model="m", pooling="mean"
        )


def test_both_pages_say_the_same_and_need_no_network(made, media):
    facts = two_titles(made, media)
    page = compare_page(facts)
    text, whole = markdown(page), html(page)
    assert html(compare_page(facts)) == whole
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"#]+", whole)
    assert whole.count("<svg") == 2 * 3  # costs, and the curves of two titles, each for wide and narrow screens
    for words in ("x265", "CPU seconds (user and system)", "median of three", machine()["cpu"]):
        assert words in text
        assert words in whole
    cells = re.findall(r"^\| x265 \|.*\|$", text, re.MULTILINE)
    assert cells[0].count("|") == 11
    assert f"{facts['variants'][1]['cpu_s_per_s']:.2f}" in cells[0]


def test_hostile_words_stay_words():
    page = Document(
        HOSTILE, HOSTILE, [Section(HOSTILE, [HOSTILE], [Table(HOSTILE, ["a|b", HOSTILE], [[HOSTILE, "1"]])])]
    )
    assert "<script" not in html(page)
    assert "<script" not in markdown(page)
    assert "a\\|b" in markdown(page)


@pytest.fixture
def renditions(tmp_path) -> tuple[dict, dict]:
    """Two real streams per codec, as `assemble` leaves them, and the ladder that names them."""
    rng = np.random.default_rng(0)
    frames = [bytes(rng.integers(0, 255, 160 * 68 * 3 // 2, dtype=np.uint8)) for _ in range(10)]
    rungs, folders = [], {}
    for codec in ("x264", "svtav1"):
        folders[codec] = tmp_path / codec
        folders[codec].mkdir()
        for quality, crf in ((60.0, "50"), (90.0, "30")):
            name = f"68p_{codec}_crf{crf}"
            encode_shot(codec, settings(codec, crf=crf), frames, folders[codec] / f"{name}.mp4")
            rungs.append({"codec": codec, "name": name, "height": 68, "bitrate_kbps": 100.0, "quality": quality})
    return {"source": {"frames": 10, "duration_s": 0.4}, "rungs": rungs}, folders


def test_decoding_takes_the_rendition_nearest_to_the_quality(renditions, tmp_path):
    ladder, folders = renditions
    write_json(tmp_path / "ladder.json", ladder)
    door("time_decoding").main(
        str(tmp_path / "ladder.json"),
        [str(folder) for folder in folders.values()],
        str(tmp_path / "decoding.json"),
        "clip",
        80.0,
        {"encode": {"timeout_s": 60}},
    )
    facts = read_json(tmp_path / "decoding.json")
    schema("decoding").validate(facts)
    assert [row["name"] for row in facts["rows"]] == ["68p_svtav1_crf30", "68p_x264_crf30"]
    for row in facts["rows"]:
        assert row["fps"] == pytest.approx(10 / row["wall_s"])
        assert row["realtime"] == pytest.approx(row["fps"] / 25)
        assert row["frames_per_cpu_s"] == pytest.approx(10 / row["cpu_s"])


def test_decoding_tells_the_median_and_when_another_program_had_the_core(renditions, monkeypatch):
    ladder, folders = renditions
    runs = iter([ffmpeg.Finished("", wall, cpu) for wall, cpu in ((9, 2.0), (3, 2.0), (2, 1.9))] * 2)
    monkeypatch.setattr(decode, "_decode", lambda *given: next(runs))
    row = time_decoding(ladder, folders, quality=60, title="clip", timeout_s=60)[0]
    assert (row["wall_s"], row["cpu_s"], row["disturbed"], row["runs"]) == (3, 2.0, True, 3)
    monkeypatch.setattr(decode, "_decode", lambda *given: ffmpeg.Finished("", 2.4, 2.0))
    assert not time_decoding(ladder, folders, quality=60, title="clip", timeout_s=60)[0]["disturbed"]


def test_a_rendition_that_is_missing_or_broken_is_an_error(renditions):
    ladder, folders = renditions
    file = folders["svtav1"] / "68p_svtav1_crf30.mp4"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ToolError, match=r"clip, decoding svtav1 68p_svtav1_crf30: ffmpeg failed"):
        time_decoding(ladder, folders, quality=90, title="clip", timeout_s=60)
    file.unlink()
    with pytest.raises(ToolError, match=r"clip, svtav1: there is no rendition .*; run the rule `assemble` again"):
        time_decoding(ladder, folders, quality=90, title="clip", timeout_s=60)


def test_the_doors_write_what_the_schemas_say(made, tmp_path):
    write_json(tmp_path / "source.json", made["facts"])
    write_json(tmp_path / "decoding.json", decoding())
    tables.write(tmp_path / "points.parquet", made["points"], tables.POINTS)
    tables.write(tmp_path / "hull.parquet", made["hull"], tables.TITLE_POINTS)
    names = ("source.json", "points.parquet", "hull.parquet", "decoding.json")
    given = [[str(tmp_path / name)] for name in names]
    out = [str(tmp_path / name) for name in ("compare.json", "compare.md", "compare.html")]
    keys = ("titles", "sources", "points", "hulls", "decoding", "facts", "text", "page")
    door("compare").main(
        **dict(zip(keys, [["bikes"], *given, *out], strict=True)),
        anchor="x265", targets=[80], confidence=0.9, model="vmaf_v0.6.1", pooling="mean",
    )  # fmt: skip
    schema("compare").validate(read_json(out[0]))
    assert "Against x265" in (tmp_path / "compare.md").read_text()
    pareto = [str(tmp_path / name) for name in ("points.parquet", "hull.parquet", "pareto.json", "pareto.svg")]
    door("pareto").main(*pareto)
    schema("pareto").validate(read_json(pareto[2]))
    assert (tmp_path / "pareto.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"anchor": "x266"},
            r"config: compare.anchor is 'x266', which is no variant; the choices are .*nearest is x264",
        ),
        (
            {"presets": {"tried": {"x266": ["fast"]}}},
            r"compare.presets.tried.x266: no such codec; the choices are x264, ",
        ),
        (
            {"presets": {"tried": {"x264": ["fast", "quick"]}}},
            r"compare.presets.tried.x264\[1\] is 'quick'; the choices are .*veryslow",
        ),
        ({"presets": {"tolerence": 1}}, "compare.presets.tolerence: unknown key; the nearest is tolerance"),
        ({"targets": []}, "compare.targets is empty"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_before_any_job(given, message):
    with pytest.raises(ConfigError, match=message):
        validate({"compare": given}, CODECS)


def test_presets_in_numbers_are_names():
    full = validate({"compare": {"presets": {"tried": {"svtav1": [8, "10"]}}}}, CODECS)
    assert full["compare"]["presets"]["tried"]["svtav1"] == ["8", "10"]
