"""A title through every rule, and what changes, kills and second runs repeat."""

import json
import os
import shutil
from pathlib import Path

import pytest
from workplace import TINY, Workplace


@pytest.fixture(scope="module")
def finished(tmp_path_factory, two_shots) -> Workplace:
    """One title, two codecs, two heights, brought to its gate."""
    place = Workplace(tmp_path_factory.mktemp("finished") / "work", json.loads(json.dumps(TINY)))
    place.titles({"tiny": two_shots}, batches={"tiny": "2"})
    place.run()
    return place


def test_every_promise_of_a_finished_title(finished):
    ladder = finished.json("tiny/ladder.json")
    assert {rung["codec"] for rung in ladder["rungs"]} == {"x264", "svtav1"}
    assert all(len(rung["points"]) == 2 for rung in ladder["rungs"])
    for codec in ("x264", "svtav1"):
        rungs = [rung for rung in ladder["rungs"] if rung["codec"] == codec]
        rates, qualities = ([rung[k] for rung in rungs] for k in ("bitrate_kbps", "quality"))
        assert rates == sorted(rates) and qualities == sorted(qualities)
        verdict = finished.json(f"tiny/verify/{codec}.json")
        assert verdict["ok"] and {r["name"] for r in verdict["rungs"]} == {r["name"] for r in rungs}
        for rung in verdict["rungs"]:
            assert rung["frames"] == rung["frames_expected"] == 40
            assert rung["gap_mean"] <= 0.01 and rung["gap_frame"] <= 0.05
    assert finished.json("tiny/gate.json")["ok"]
    package = finished.path / "results/tiny/package"
    assert (package / "master.m3u8").exists() and (package / "manifest.mpd").exists()
    assert "tiny" in (finished.path / "results/tiny/report.html").read_text()
    assert finished.json("summary.json")


def test_fixed_ladder_was_measured_under_its_caps(finished):
    fixed = finished.json("tiny/ladder.json")["fixed"]
    assert [(rung["codec"], rung["height"], rung["maxrate_kbps"]) for rung in fixed] == [
        ("x264", 54, 30.0),
        ("x264", 90, 150.0),
    ]
    assert all(rung["quality"] > 0 for rung in fixed)


def test_every_declared_log_and_benchmark_was_written(finished):
    logs = sorted((finished.path / "logs").rglob("*.log"))
    assert len(logs) >= 25 and all(log.read_text().strip().endswith("done") for log in logs)
    assert len(list((finished.path / "benchmarks").rglob("*.tsv"))) == len(logs)


def test_a_second_run_has_nothing_to_do(finished):
    finished.forget_encodes()
    assert "Nothing to be done" in finished.run()
    assert finished.encodes() == []


def test_touching_the_source_encodes_nothing_anew(tmp_path, finished, two_shots):
    clip = shutil.copy(two_shots, tmp_path / "clip.mp4")
    place = Workplace(tmp_path / "work", json.loads(json.dumps(TINY)))
    place.titles({"tiny": clip}, batches={"tiny": "2"})
    shutil.copytree(finished.path / "store", place.path / "store", symlinks=True)
    place.run("ladders")
    assert place.encodes() == []  # the store of another run serves this one
    os.utime(clip)
    assert "probe" in place.run("ladders")
    assert place.encodes() == []


def test_one_crf_more_encodes_only_the_new_points(tmp_path, finished, two_shots):
    place = Workplace(tmp_path / "work", json.loads(json.dumps(TINY)))
    place.titles({"tiny": two_shots}, batches={"tiny": "2"})
    shutil.copytree(finished.path / "store", place.path / "store", symlinks=True)
    place.config["variants"]["x264"]["crfs"] = [18, 22, 30, 38, 46]
    place.run("results/tiny/hull.parquet")
    # CRF 18 at two heights for two shots.
    assert len(place.encodes()) == 4 and all("-crf 18" in call for call in place.encodes())


def test_one_codec_more_encodes_only_that_codec(tmp_path, finished, two_shots):
    place = Workplace(tmp_path / "work", json.loads(json.dumps(TINY)))
    place.titles({"tiny": two_shots}, batches={"tiny": "2"})
    shutil.copytree(finished.path / "store", place.path / "store", symlinks=True)
    place.config["variants"]["x265"] = {"codec": "x265", "preset": "ultrafast", "crfs": [24, 40]}
    place.run("results/tiny/hull.parquet")
    assert len(place.encodes()) == 8 and all("libx265" in call for call in place.encodes())


def test_a_kill_in_mid_encode_repeats_only_the_points_in_flight(workplace, two_shots):
    workplace.titles({"tiny": two_shots}, batches={"tiny": "2"})
    workplace.run_and_kill(lambda: len(workplace.encodes()) >= 6)
    started = workplace.encodes()
    finished_points = {row.parent.name for row in (workplace.path / "store/points").glob("??/*/row.json")}
    workplace.run("--unlock")
    workplace.run("ladders")
    repeated = len(workplace.encodes()) - len(set(workplace.encodes()))
    # At most the two points that the two cores were encoding are encoded again; their shots may also share arguments
    # with another shot's, so the count is of points: every finished point was kept.
    now = {row.parent.name for row in (workplace.path / "store/points").glob("??/*/row.json")}
    assert finished_points <= now
    assert len(workplace.encodes()) <= len(now) + 2, (len(started), repeated)


def test_two_runs_in_two_folders_are_byte_identical(tmp_path, finished, two_shots):
    place = Workplace(tmp_path / "other", json.loads(json.dumps(TINY)))
    place.titles({"tiny": two_shots}, batches={"tiny": "2"})
    place.run()
    ours, theirs = (p.path / "results" / "tiny" for p in (finished, place))
    names = sorted(
        str(f.relative_to(ours))
        for d in ("renditions", "package", "verify")
        for f in (ours / d).rglob("*")
        if f.is_file()
    )
    assert len(names) > 20
    for name in ("ladder.json", "source.json", "report.html", *names):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_without_neighbour_frames_the_gate_fails_after_the_report(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    workplace.config["quality"] = {"neighbours": False}
    said = workplace.run(expect=1)
    assert "promise(s) broken" in said and "gate" in said
    assert (workplace.path / "results/tiny/report.html").exists()
    assert not (workplace.path / "results/tiny/gate.json").exists()


def test_refine_measures_points_around_the_hull(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    del workplace.config["variants"]["svtav1"]
    workplace.config["search"] = {"strategy": "refine", "max_rounds": 2}
    workplace.run("ladders")
    import pandas as pd

    second = pd.read_parquet(workplace.path / "results/tiny/r1/plan.parquet")
    assert len(second) and second["reason"].str.contains("beside hull point").all()
    points = pd.read_parquet(workplace.path / "results/tiny/points.parquet")
    assert set(second["crf"]) <= set(points["crf"])


def test_one_film_by_its_path_alone(workplace, two_shots, tmp_path):
    film = tmp_path / 'Ünïcode film [1080p] it\'s "one".mp4'
    shutil.copy(two_shots, film)
    del workplace.config["variants"]["svtav1"]
    workplace.config["source"] = str(film)
    workplace.run()
    titles = [p.name for p in (workplace.path / "results").iterdir() if p.is_dir()]
    assert titles == ["Unicode-film-1080p-it-s-one"]


def test_one_titles_failure_stops_no_other(workplace, two_shots, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(two_shots).read_bytes()[:900])
    del workplace.config["variants"]["svtav1"]
    workplace.titles({"good": two_shots, "broken": broken})
    said = workplace.run("--keep-going", expect=1)
    assert "broken.mp4" in said
    assert workplace.json("good/gate.json")["ok"]
    assert not (workplace.path / "results/broken/ladder.json").exists()


def test_a_dry_run_of_two_hundred_titles_imports_nothing_heavy(workplace, two_shots):
    workplace.titles({f"t{i:03}": two_shots for i in range(200)})
    said = workplace.run("-n", "-q", "rules")
    assert "total" in said
