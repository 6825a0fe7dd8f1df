"""What touches, additions and kills repeat: only points that nobody finished before."""

import os
import shutil

from workplace import workplace_like


def test_touching_the_source_encodes_nothing_anew(tmp_path, finished, two_shots):
    clip = shutil.copy(two_shots, tmp_path / "clip.mp4")
    place = workplace_like(tmp_path / "work", finished)
    place.titles({"tiny": clip})
    hull = "results/tiny/hull.parquet"
    place.run(hull)
    assert place.encodes() == []  # the store of another run, in other batches, serves this one
    os.utime(clip)
    # By itself Snakemake goes by the checksum of small files; with that off a touch counts as a change.
    said = place.run(hull, "--max-checksum-file-size", "0")
    assert "what the source is" in said and "encodes, batch 0" in said
    assert place.encodes() == []


def test_one_crf_more_encodes_only_the_new_points(tmp_path, finished, two_shots):
    place = workplace_like(tmp_path / "work", finished)
    place.titles({"tiny": two_shots})
    place.config["variants"]["x264"]["crfs"] = [18, 22, 30, 38, 46]
    place.run("results/tiny/hull.parquet")
    # CRF 18 at two heights for two shots.
    assert len(place.encodes()) == 4 and all("-crf 18" in call for call in place.encodes())


def test_one_codec_more_encodes_only_that_codec(tmp_path, finished, two_shots):
    place = workplace_like(tmp_path / "work", finished)
    place.titles({"tiny": two_shots})
    place.config["variants"]["x265"] = {"codec": "x265", "preset": "ultrafast", "crfs": [24, 40]}
    place.run("results/tiny/hull.parquet")
    assert len(place.encodes()) == 8 and all("libx265" in call for call in place.encodes())


def test_a_kill_in_mid_encode_repeats_only_the_points_in_flight(workplace, two_shots):
    workplace.titles({"tiny": two_shots})
    workplace.run_and_kill(lambda: len(workplace.encodes()) >= 6)
    before, points = len(workplace.encodes()), workplace.points()
    assert points and before < 16
    workplace.run("--unlock")
    workplace.run("results/tiny/hull.parquet")
    assert points <= workplace.points() and len(workplace.points()) == 16
    # Every point is encoded once, but for those that the kill met: at most one on each of the two cores.
    assert len(workplace.encodes()) <= 16 + 2
