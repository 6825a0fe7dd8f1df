"""What goes wrong outside: processes killed, disks full, files damaged, clocks off. The real flow, and its way on."""

import ctypes
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import KERNELS
from laddersmith.bench import faults
from laddersmith.bench.faults import Place, differing, ended
from laddersmith.jsonfile import read_json

pytestmark = pytest.mark.system

SMALL = {
    "heights": [54],
    "variants": {"x264": {"codec": "x264", "preset": "veryfast", "crfs": [24, 40]}},
    "ladder": {"rungs": 2, "min_step": 1, "min_quality": 0, "min_kbps": 1},
    "fixed_ladder": {"rungs": {"x264": []}},
    "quality": {"kernel_cache": str(KERNELS)},
    "titles": "titles.tsv",
}
SUMMARY = ["summary.html", "summary.json"]  # left by the run that failed; the target `ladders` makes none
DROP_FROM_BOUNDS, OVERRIDE = 24, 1  # prctl(2) PR_CAPBSET_DROP, capabilities(7) CAP_DAC_OVERRIDE


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return faults.make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, clip) -> tuple[Place, float]:
    """A title brought to its ladder, and the seconds that it took."""
    place = Place(tmp_path_factory.mktemp("undisturbed") / "work", clip, SMALL, 2, ("ladders",))
    began = time.monotonic()
    assert run(place) == 0, said(place)
    return place, time.monotonic() - began


def fresh(folder: Path, clip: Path, *targets: str, **more) -> Place:
    return Place(folder, clip, SMALL | more, 2, targets or ("ladders",))


def copied(folder: Path, clip: Path, place: Place) -> Place:
    """A place of its own with all that a finished one has."""
    new = fresh(folder, clip)
    for name in ("results", "store", "logs", ".snakemake"):
        shutil.copytree(place.path / name, new.path / name)
    return new


def run(place: Place, *more: str) -> int:
    (place.path / "said.txt").write_text("")
    return ended(place.start(*more))


def said(place: Place) -> str:
    return (place.path / "said.txt").read_text()


def failed(place: Place) -> list[dict]:
    return read_json(place.path / "results" / "summary.json")["failed"]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_killed_is_made_up_for(tmp_path, clip, undisturbed, seed):
    """The whole run, Snakemake alone, an encoder: `bench_faults` does so with 50 seeds."""
    finished, whole_s = undisturbed
    place = fresh(tmp_path / "work", clip)
    row = faults.one_fault(seed, place, finished.results(), whole_s, len(finished.encoders()))
    assert row["survived"] and row["points_lost"] == 0 and set(row["differing"]) <= set(SUMMARY)
    assert row["kind"] == faults.KINDS[seed]


def test_a_scoring_job_past_its_wall_time_says_so_and_is_made_up_for(tmp_path, clip, undisturbed):
    """SIGTERM, then SIGKILL, as a cluster ends a job."""
    place = fresh(tmp_path / "work", clip)
    head = place.start()
    while not (jobs := place.processes(".score.py")):
        assert head.poll() is None, said(place)
        time.sleep(0.02)
    log = place.path / "logs/bikes/b0/r0/score.log"
    while "rule score" not in (log.read_text() if log.exists() else ""):
        time.sleep(0.02)
    time.sleep(0.1)
    os.kill(jobs[0], signal.SIGTERM)
    time.sleep(1)
    if place.processes(".score.py"):
        os.kill(jobs[0], signal.SIGKILL)
    assert ended(head) == 1
    [cause] = failed(place)
    assert cause["rule"] == "score" and cause["sentence"].startswith("was told to stop (SIGTERM")
    assert "1 of 1 titles failed" in said(place) and "bikes, score: was told to stop" in said(place)
    assert run(place) == 0
    assert differing(undisturbed[0].results(), place.results()) == SUMMARY


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.fail("a disk can be mounted by root alone; run `make test-system` as root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_told_and_with_room_the_run_goes_on(small_disk, clip, undisturbed):
    """The store's disk. Where the working folder itself is full, Snakemake ends, and says so."""
    place = fresh(small_disk.parent / "work", clip, store={"path": str(small_disk)})
    (small_disk / "fill").write_bytes(bytes(960_000))
    assert run(place) == 1
    [cause] = failed(place)
    assert "cannot be written (No space left on device); free space or set store.path" in cause["sentence"]
    assert "\n" not in cause["sentence"]
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    assert run(place) == 0, said(place)
    assert differing(undisturbed[0].results(), place.results()) == SUMMARY


def test_two_runs_in_one_folder_and_two_on_one_store(tmp_path, clip, undisturbed):
    shared = {"store": {"path": str(tmp_path / "store")}}
    places = [fresh(tmp_path / name, clip, **shared) for name in ("one", "other")]
    heads = [place.start() for place in places]
    while not (tmp_path / "one" / "logs").exists():
        time.sleep(0.05)
    third = places[0].start()
    assert ended(third) == 1 and "cannot be locked" in said(places[0])
    assert [ended(head) for head in heads] == [0, 0], said(places[0]) + said(places[1])
    for place in places:
        assert differing(undisturbed[0].results(), place.results()) == []
    points = list((tmp_path / "store" / "points").glob("??/*/row.json"))
    assert len(points) == len(undisturbed[0].points())


def test_damaged_results_and_a_damaged_store_are_told_or_mended(tmp_path, clip, undisturbed):
    place = copied(tmp_path / "work", clip, undisturbed[0])
    results, expected = place.path / "results" / "bikes", undisturbed[0].results()
    # In the store, which the results share their files with: found out by the hash, and encoded again.
    for point in (place.path / "store" / "points").glob("??/*/stream.mp4"):
        point.chmod(0o644)
        os.truncate(point, 100)
    for table in (place.path / "store" / "scores").glob("??/*.parquet"):
        os.truncate(table, random.Random(1).randrange(50))
    for name in results.iterdir():
        if name.name not in ("source.json", "mezzanine", "shots.parquet"):
            shutil.rmtree(name) if name.is_dir() else name.unlink()
    assert run(place) == 0, said(place)
    assert differing(expected, place.results()) == []
    assert len(place.encoders()) == len(place.points()) == len(undisturbed[0].points())
    # A table and a JSON file, which Snakemake takes as they lie there: told by name, with what to do.
    for name in ("points.parquet", "source.json"):
        kept = (results / name).read_bytes()
        os.truncate(results / name, 0)
        for made in ("r1/choice.json", "ladder.json"):
            (results / made).unlink(missing_ok=True)
        assert run(place) == 1
        [cause] = failed(place)
        assert name in cause["sentence"] and "delete it and run again" in cause["sentence"]
        (results / name).write_bytes(kept)
    assert run(place) == 0, said(place)
    assert differing(expected, place.results()) == SUMMARY


def test_a_source_that_is_changed_under_way_spoils_nothing(tmp_path, clip, undisturbed):
    film = tmp_path / "film.mp4"
    shutil.copy(clip, film)
    place = fresh(tmp_path / "work", film)
    head = place.start()
    while not (place.path / "results" / "bikes" / "r0").exists():
        assert head.poll() is None, said(place)
        time.sleep(0.01)
    other = tmp_path / "other.mp4"
    content = bytearray(clip.read_bytes())
    content[-200] ^= 0xFF
    other.write_bytes(content)
    other.replace(film)
    assert ended(head) == 1
    [cause] = failed(place)
    assert "was changed since it was probed" in cause["sentence"]
    assert place.points() == {}
    shutil.copy(clip, film)
    assert run(place) == 0, said(place)
    assert place.points().keys() == undisturbed[0].points().keys()


def without_override() -> None:
    """Root obeys permissions, as everybody does."""
    ctypes.CDLL(None).prctl(DROP_FROM_BOUNDS, OVERRIDE, 0, 0, 0)


def test_results_that_cannot_be_written_are_told_before_any_job(tmp_path, clip):
    place = fresh(tmp_path / "work", clip)
    (place.path / "results").mkdir(mode=0o555)
    assert ended(place.start(before=without_override)) == 1
    assert "results: cannot be written (Permission denied); give the user who runs this" in said(place)
    assert not (place.path / "logs" / "bikes").exists()


def test_clocks_that_are_off_repeat_no_encode(tmp_path, clip, undisturbed):
    film = tmp_path / "film.mp4"
    shutil.copy(clip, film)
    place = copied(tmp_path / "work", film, undisturbed[0])
    unlike = ["bikes/ladder.json", "bikes/mezzanine/seen.json", "bikes/source.json"]  # another path and time stamp
    ahead, exact = time.time() + 86400, ("--max-checksum-file-size", "0")
    os.utime(film, (ahead, ahead))
    assert run(place, *exact) == 1
    assert f"bikes: {film} is dated in the future; set the clock right, or touch the file" in said(place)
    os.utime(film)
    for file in (place.path / "results").rglob("*.parquet"):
        os.utime(file, (1, 1))
    assert run(place, *exact) == 0, said(place)
    assert place.encoders() == [] and differing(undisturbed[0].results(), place.results()) == unlike
    hull = place.path / "results" / "bikes" / "hull.parquet"
    os.utime(hull, (ahead, ahead))
    assert run(place, *exact) == 1 and "clock skew" in said(place)
    os.utime(hull)
    assert run(place, *exact) == 0, said(place)
    assert place.encoders() == [] and differing(undisturbed[0].results(), place.results()) == unlike
