"""A title through every rule, to its gate."""

import shutil
from pathlib import Path

from clips import ffmpeg_run
from workplace import whole_run


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


def test_two_runs_in_two_folders_are_byte_identical(tmp_path, finished, two_shots):
    place = whole_run(tmp_path / "other", two_shots)
    ours, theirs = (p.path / "results" / "tiny" for p in (finished, place))
    made = [f for d in ("renditions", "package", "verify") for f in (ours / d).rglob("*") if f.is_file()]
    names = sorted(str(f.relative_to(ours)) for f in made)
    assert len(names) > 20
    for name in ("ladder.json", "source.json", "report.html", *names):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_without_neighbour_frames_the_gate_fails_after_the_report(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    workplace.config["quality"] |= {"neighbours": False}
    said = workplace.run(expect=1)
    assert "promise(s) broken" in said and "gate" in said
    assert (workplace.path / "results/tiny/report.html").exists()
    assert not (workplace.path / "results/tiny/gate.json").exists()


def test_refine_measures_points_around_the_hull(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
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
    workplace.config["source"] = str(film)
    workplace.run()
    titles = [p.name for p in (workplace.path / "results").iterdir() if p.is_dir()]
    assert titles == ["Unicode-film-1080p-it-s-one"]


def test_one_titles_failure_stops_no_other(workplace, two_shots, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(two_shots).read_bytes()[:900])
    workplace.titles({"good": two_shots, "broken": broken})
    said = workplace.run("--keep-going", expect=1)
    assert "broken.mp4" in said
    assert workplace.json("good/gate.json")["ok"]
    assert not (workplace.path / "results/broken/ladder.json").exists()
    [cause] = workplace.json("summary.json")["failed"]
    assert (cause["title"], cause["rule"], cause["log"]) == ("broken", "probe", "logs/broken/probe.log")
    assert f"1 of 2 titles failed (results/summary.html):\n  broken, probe: {cause['sentence']}" in said
    assert [one["title"] for one in workplace.json("summary.json")["titles"]] == ["good"]
    # Without the broken one, the summary is made anew: the one that lists failures is older than any package.
    workplace.titles({"good": two_shots})
    workplace.run()
    assert workplace.json("summary.json")["failed"] == []


def test_a_dry_run_of_two_hundred_titles_imports_nothing_heavy(workplace, two_shots):
    workplace.titles({f"t{i:03}": two_shots for i in range(200)})
    said = workplace.run("-n", "-q", "rules")
    assert "total" in said


def test_an_odd_source_with_sound_and_subtitles_in_ten_bits(workplace, tmp_path):
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,200 --> 00:00:00,900\nHello <b>there</b>\n")
    film = tmp_path / "odd.mkv"
    picture = "testsrc2=size=151x91:rate=24000/1001,setsar=4/3"
    ffmpeg_run(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=sample_rate=48000", "-i", subtitles),
        *("-frames:v", "30", "-t", "1.25", "-c:v", "ffv1", "-pix_fmt", "yuv444p", "-c:a", "flac", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=fra", film),
    )
    settings = {"codec": "x265", "preset": "ultrafast", "pix_fmt": "yuv420p10le", "crfs": [20, 34]}
    workplace.config["variants"] = {"main10": settings}
    workplace.config["fixed_ladder"] = {"rungs": {"x265": []}}
    workplace.titles({"odd": film})
    workplace.run()
    facts, joined = workplace.json("odd/source.json"), workplace.json("odd/package/ladder.json")
    assert facts["mezzanine"] and facts["media"]["frame_rate"] == "24000/1001"
    # 4:3 samples of a picture 150 wide (after the odd column is cropped) are 200 square ones.
    assert (facts["media"]["width"], facts["media"]["height"], facts["media"]["frames"]) == (200, 90, 30)
    assert {rung["codecs"][:4] for rung in joined["rungs"]} == {"hvc1"}
    assert [track["language"] for track in joined["audio"]] == ["fr"] and len(joined["text"]) == 1
    assert joined["savings"] == {}


def test_fixed_segments_cut_the_shots_and_last_alike(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    workplace.config["shots"] = {"detector": "adaptive", "min_length_s": 0.08}
    workplace.config["encode"] = {"keyframe_s": 1}
    workplace.config["package"] = {"segments": "fixed", "segment_s": 1}
    workplace.run("results/tiny/package")
    import pandas as pd
    from laddersmith.package.manifests import read_playlist

    shots = pd.read_parquet(workplace.path / "results/tiny/shots.parquet")
    assert shots["start"].tolist() == [0, 22, 25]
    for rung in workplace.json("tiny/package/ladder.json")["rungs"]:
        playlist = read_playlist(workplace.path / "results/tiny/package" / rung["playlist"])
        assert [float(segment.duration_s) for segment in playlist.segments] == [1.0, 0.6]


def test_every_rung_is_exported_for_encoders_elsewhere(finished):
    ladder = finished.json("tiny/ladder.json")
    for rung in ladder["rungs"]:
        folder = finished.path / "results/tiny/exports" / rung["codec"] / rung["name"]
        settings = finished.json(f"tiny/exports/{rung['codec']}/{rung['name']}/settings.json")
        assert [shot["crf"] for shot in settings["shots"]] == [point["crf"] for point in rung["points"]]
        assert (folder / "shots.sh").exists() and (folder / "whole.sh").exists() == (rung["codec"] == "x264")


def test_snakemakes_own_report_is_made(finished, tmp_path):
    page = tmp_path / "report.zip"
    finished.run("--report", str(page))
    assert page.stat().st_size > 100_000
