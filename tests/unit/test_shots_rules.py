"""The Snakefile's side of shots: what a rerun of `detect_shots` goes by, and what `report` reads and may use."""

import json
import re
import runpy
import sys
from types import SimpleNamespace

import pytest
from clips import ROOT
from laddersmith.errors import SourceError
from laddersmith.shots import Settings

ASKED = {
    "transnetv2": {"threshold", "first_look"},
    "adaptive": {"threshold"},
    "content": {"threshold"},
    "fixed": {"fixed_length_s"},
    "file": set(),
}
LENGTHS = {"min_length_s", "short", "max_length_s", "long"}


@pytest.fixture
def common(tmp_path, monkeypatch):
    """The names of rules/common.smk, for a table of one title."""
    (tmp_path / "film.mp4").touch()
    (tmp_path / "titles.tsv").write_text(f"title\tpath\tduration_s\tbatches\nfilm\t{tmp_path / 'film.mp4'}\t\t1\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = {
        "workflow": SimpleNamespace(
            basedir=ROOT, is_main_process=True, storage_settings=SimpleNamespace(default_storage_provider=None)
        ),
        "config": {"titles": str(tmp_path / "titles.tsv")},
        "WorkflowError": RuntimeError,
    }
    for file in ("common.smk", "settings.smk"):
        exec(compile((ROOT / "rules" / file).read_text(), file, "exec"), names)
    return names


@pytest.mark.parametrize("detector", ASKED)
def test_only_what_the_detector_reads_reruns_it(common, detector):
    shots = common["config"]["shots"]
    shots["detector"] = detector
    before = common["shot_settings"]()
    assert set(before) == {"detector"} | ASKED[detector] | LENGTHS
    assert Settings(**before).detector == detector
    for key in set(shots) - set(before):
        shots[key] = "another"
    assert common["shot_settings"]() == before


def test_every_detector_has_its_settings(common):
    detectors = json.loads((ROOT / "config" / "schemas" / "config.json").read_text())
    known = detectors["properties"]["shots"]["properties"]["detector"]["enum"]
    assert set(known) == set(ASKED)


def test_the_report_waits_for_the_pictures_that_it_shows():
    rule = (ROOT / "rules" / "report.smk").read_text().split("rule report:")[1].split("output:")[0]
    assert re.search(r"source=source_of,\s", rule) and "mezzanine=rules.probe.output.mezzanine," in rule


@pytest.fixture
def report_door(tmp_path, monkeypatch):
    main = runpy.run_path(str(ROOT / "scripts" / "report.py"))["main"]
    inside = main.__globals__
    media = {"path": "film.mp4", "width": 96, "height": 64, "pix_fmt": "yuv420p", "bit_depth": 8}
    media |= {"frame_rate": "25/1", "frames": 10, "colour": {}}
    monkeypatch.setitem(inside, "read_json", lambda _: {"media": media})
    monkeypatch.setitem(inside, "tables", SimpleNamespace(read=lambda *_: None, SHOTS=None))
    monkeypatch.setitem(inside, "shown", lambda *_: [])

    def call(thumbnails, bounded=None):
        monkeypatch.setitem(inside, "thumbnails", thumbnails)
        if bounded:
            monkeypatch.setitem(inside, "bounded", bounded)
        paths = dict.fromkeys(("facts", "shots", "points", "hull", "ladder", "package"), "a")
        settings = {"chroma_alarm_db": 30.0, "config": {"probe": {"timeout_s": 7}}, "title": "film"}
        main(**paths, verdicts=[], frames=[], page=str(tmp_path / "a.html"), **settings)

    return call


def test_thumbnails_that_need_too_much_memory_are_refused(report_door):
    def hungry(*_):
        raise MemoryError

    with pytest.raises(SourceError, match=r"film: pictures of its shots: needs more than 6000 MB of memory"):
        report_door(hungry)


def test_thumbnails_are_made_within_the_limits_of_the_probe(report_door):
    within: list[tuple] = []

    class Bounded:
        def __init__(self, *limits):
            within.append(limits)

        def __enter__(self):
            within.append("in")

        def __exit__(self, *_):
            within.append("out")

    def seen(*_):
        assert within[-1] == "in"
        raise InterruptedError

    with pytest.raises(InterruptedError):
        report_door(seen, Bounded)
    assert within == [(6000, 7, "film: pictures of its shots"), "in", "out"]
