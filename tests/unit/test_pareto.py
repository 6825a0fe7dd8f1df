"""The points that no other beats: against brute force, in time, with knees, as a command."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from clips import ROOT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jsonschema import Draft202012Validator
from laddersmith.__main__ import main
from laddersmith.compare.fronts import pareto_facts, pareto_picture
from laddersmith.errors import TableError
from laddersmith.hull import AXES, knees, pareto_front, pareto_set
from laddersmith.hull.pareto import costs
from laddersmith.jsonfile import read_json
from laddersmith.report.svg import svg

SCHEMA = json.loads((ROOT / "config" / "schemas" / "pareto.json").read_text())

# Few different values, so that ties on one axis, on two and on all come up all the time; and values that never tie.
values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.just(-0.0))
clouds = st.integers(1, 3).flatmap(
    lambda axes: st.integers(0, 40).flatmap(lambda n: arrays(float, (n, axes), elements=values))
)


def by_name(cloud: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(AXES, cloud.T, strict=False))


def unbeaten(cost: np.ndarray) -> set[int]:
    """By the definition: no other is as good on every axis and better on one; of equals the first."""
    return {
        i
        for i in range(len(cost))
        if not ((cost <= cost[i]).all(axis=1) & (cost < cost[i]).any(axis=1)).any()
        and not (cost[:i] == cost[i]).all(axis=1).any()
    }


@given(clouds)
def test_the_set_is_what_the_definition_says(cloud):
    points = by_name(cloud)
    found = pareto_set(points)
    assert set(found.tolist()) == unbeaten(costs(points))
    assert len(set(found.tolist())) == len(found)


@given(
    st.sampled_from([["quality"], ["quality", "encode_cpu_s"], ["encode_cpu_s", "quality", "bitrate_kbps"]]), st.data()
)
def test_the_set_is_ordered_by_the_axes_as_given_from_best_to_worst(axes, data):
    n = data.draw(st.integers(0, 20))
    points = {name: data.draw(arrays(float, n, elements=st.integers(0, 3).map(float))) for name in axes}
    found = pareto_set(points)
    rows = [tuple(-AXES[name] * points[name][i] for name in axes) for i in found]
    assert rows == sorted(rows)


@given(st.integers(1, 30).flatmap(lambda n: arrays(float, (n, 2), elements=st.integers(1, 6).map(float))))
def test_the_front_of_rate_and_quality_is_the_same_set(cloud):
    rate, quality = cloud.T
    assert pareto_front(rate, quality).tolist() == pareto_set({"bitrate_kbps": rate, "quality": quality}).tolist()


@pytest.mark.parametrize("kind", ["at random", "none beaten", "many ties"])
def test_a_hundred_thousand_points_in_three_axes_take_less_than_a_second(kind):
    rng = np.random.default_rng(0)
    cloud = rng.random((100_000, 3))
    if kind == "none beaten":  # on an eighth of a sphere
        cloud = -np.abs(rng.normal(size=cloud.shape))
        cloud = (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)) * [1, 1, -1]
    if kind == "many ties":
        cloud = rng.integers(0, 40, cloud.shape).astype(float)
    taken = []
    for _ in range(2):
        start = time.process_time()
        found = pareto_set(by_name(cloud))
        taken.append(time.process_time() - start)
    # CPU seconds; 0.15 on the machine where it was written.
    assert min(taken) < 1
    assert kind != "none beaten" or len(found) == len(cloud)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ({"speed": [1.0]}, "the axes are bitrate_kbps, encode_cpu_s, quality, or some of them, not speed"),
        ({}, "or some of them, not none"),
        ({"quality": [1.0], "bitrate_kbps": [1.0, 2.0]}, "one number per point"),
        ({"quality": [1.0, np.nan]}, "quality holds nan; every value must be finite"),
        ({"bitrate_kbps": [np.inf]}, "bitrate_kbps holds inf"),
    ],
)
def test_points_that_cannot_be_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        pareto_set(points)


def test_the_knee_is_where_the_curve_bends():
    rate = 100 * 2.0 ** np.arange(9)
    quality = np.array([10, 30, 50, 70, 90, 92.5, 95, 97.5, 100.0])  # four even steps up, then four shallow ones
    assert knees({"bitrate_kbps": rate, "quality": quality}).tolist() == [4]
    assert knees({"quality": quality, "bitrate_kbps": rate}).tolist() == [4]


def test_a_curve_with_two_bends_has_two_knees_the_higher_first():
    rate = 2.0 ** np.arange(13)
    rise = np.concatenate([np.full(3, 10.0), np.full(3, 1.0), np.full(3, 10.0), np.full(3, 1.0)])
    quality = np.append(1.0, 1 + np.cumsum(rise))
    assert knees({"bitrate_kbps": rate, "quality": quality}).tolist() == [3, 9]


@pytest.mark.parametrize(
    "points",
    [
        {"bitrate_kbps": [100.0, 200, 400, 800], "quality": [10.0, 20, 30, 40]},  # straight over log bitrate
        {"bitrate_kbps": [100.0, 200], "quality": [10.0, 90]},
        {"quality": [10.0, 20, 30]},
        {"bitrate_kbps": 2.0 ** np.arange(6), "quality": np.array([0, 1, 3, 10, 30, 100.0])},  # it bends the other way
    ],
)
def test_where_nothing_bends_there_is_no_knee(points):
    assert knees(points).size == 0


def test_the_knee_over_three_axes_is_nearest_to_the_ideal():
    points = {"bitrate_kbps": [100.0, 1000, 120, 990], "encode_cpu_s": [90.0, 1, 2, 80], "quality": [40.0, 50, 80, 90]}
    assert knees(points).tolist() == [2]


def test_a_cost_without_a_logarithm_is_refused_where_a_knee_is_sought():
    with pytest.raises(
        ValueError, match="encode_cpu_s holds 0; a knee is sought over the logarithms of positive costs"
    ):
        knees({"encode_cpu_s": [0.0, 1, 2], "quality": [1.0, 2, 3]})


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(3)
    crf = rng.integers(18, 50, 200)
    rows = pd.DataFrame(
        {
            "codec": ["x264", "x265"] * 100,
            "crf": crf.astype(str),
            "bitrate_kbps": 9000 * 0.9**crf * rng.uniform(1, 2, 200),
        }
        | {"encode_cpu_s": rng.uniform(1, 9, 200), "vmaf_mean": 110 - crf * 1.2}
    )
    path = tmp_path / "points.csv"
    rows.to_csv(path, index=False)
    return path


def test_the_command_prints_writes_and_draws_the_set(table, tmp_path, capsys):
    files = [tmp_path / "out.json", tmp_path / "out.svg"]
    assert main(["pareto", str(table), "--json", str(files[0]), "--svg", str(files[1])]) == 0
    facts = read_json(files[0])
    Draft202012Validator(SCHEMA).validate(facts)
    points = pd.read_csv(table)
    cost = np.column_stack([points["bitrate_kbps"], points["encode_cpu_s"], -points["vmaf_mean"]])
    assert len(facts["front"]) == len(unbeaten(cost))
    assert sum(row["knee"] for row in facts["front"]) == 1
    said = capsys.readouterr().out
    assert f"{len(facts['front'])} of 200 points are beaten by none" in said
    assert said.count("knee") == 2  # the heading and the one
    assert files[1].read_text().startswith("<svg")
    assert "CPU seconds of the encode" in files[1].read_text()


def test_the_command_takes_fewer_axes_and_groups(table, tmp_path):
    out = tmp_path / "out.json"
    assert main(["pareto", str(table), "--axes", "quality,encode_cpu_s", "--by", "codec", "--json", str(out)]) == 0
    facts = read_json(out)
    assert [axis["name"] for axis in facts["axes"]] == ["quality", "encode_cpu_s"]
    assert {row["codec"] for row in facts["front"]} == {"x264", "x265"}
    assert "bitrate_kbps" not in facts["front"][0]


@pytest.mark.parametrize("axes", [["quality"], ["quality", "encode_cpu_s"], ["encode_cpu_s", "bitrate_kbps"]])
def test_every_choice_of_axes_can_be_drawn(axes):
    rows = pd.DataFrame({"bitrate_kbps": [100.0, 200, 300], "encode_cpu_s": [3.0, 2, 1], "quality": [50.0, 60, 55]})
    picture = svg(pareto_picture(rows, pareto_facts(rows, axes)))
    assert all(word in picture for word in [name.split("_")[0].replace("encode", "CPU") for name in axes])


@pytest.mark.parametrize(
    "given", [["--axes", "speed"], ["--axes", "quality,quality"], ["--svg", "x.svg", "--by", "codec"]]
)
def test_wrong_usage_says_what_is_right(given, table, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["pareto", str(table), *given])
    assert "--axes takes one to three of" in (said := capsys.readouterr().err) or "--svg draws one set" in said


def test_a_table_without_an_axis_or_with_a_bad_value_is_one_sentence(table, tmp_path, capsys):
    bare = tmp_path / "bare.csv"
    bare.write_text("bitrate_kbps,quality\n100,50\n")
    assert main(["pareto", str(bare)]) == 1
    assert f"{bare}: no column encode_cpu_s; the table has bitrate_kbps, quality" in capsys.readouterr().err
    with pytest.raises(TableError, match="quality holds nan"):
        pareto_facts(pd.DataFrame({"quality": [1.0, None]}), ["quality"])


def test_the_set_needs_no_compiler():
    code = "import sys; from laddersmith.hull import pareto_set; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", check=False).returncode == 0
