"""Cutting a table of titles into shards, and running them: with toy rules under the real Snakemake."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import ROOT
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import alone
from laddersmith.catalogue import command, shards
from laddersmith.catalogue.flow import count_jobs
from laddersmith.catalogue.run import STATE, Order, run_catalogue
from laddersmith.catalogue.settings import Settings, read_settings
from laddersmith.config import read_titles, validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError, RunError
from laddersmith.titles import Title

CONFIG = validate({"heights": [180]}, CODECS)
TITLES = st.lists(st.integers(1, 30), min_size=1, max_size=40)

# What the real Snakefile does with a shard, without a video: one job for each title, which fails or waits as its name
# says, and a line for each that ran.
TOY = """
from pathlib import Path
configfile: "config/config.yaml"
rows = [line.split("\\t") for line in Path(config["titles"]).read_text().splitlines()]
NAMES = [row[0] for row in rows[1:]]
rule titles:
    input: expand("results/{title}/gate.json", title=NAMES)
rule work:
    output: "results/{title}/gate.json"
    shell:
        "case {wildcards.title} in bad*) [ -e mended ];; slow*) [ -e hurry ] || sleep 60;; esac; "
        "echo {wildcards.title} >> ran.txt; echo done > {output}"
"""


def titles_of(batches: list[int]) -> list[Title]:
    return [Title(f"t{place}", "a.mp4", None, count) for place, count in enumerate(batches)]


@given(TITLES, st.integers(1, 2000))
def test_shards_hold_every_title_once_in_order_and_keep_to_the_limit(batches, limit):
    titles = titles_of(batches)
    found = shards.cut(CONFIG, titles, jobs_per_shard=limit)
    assert [title for shard in found for title in shard.titles] == titles
    assert [shard.number for shard in found] == list(range(1, len(found) + 1))
    for shard in found:
        assert shard.jobs == sum(count_jobs(CONFIG, title) for title in shard.titles)
        assert shard.jobs <= limit or len(shard.titles) == 1


@given(TITLES, TITLES, st.integers(1, 2000))
def test_titles_added_at_the_end_leave_full_shards_as_they_were(batches, more, limit):
    before = shards.cut(CONFIG, titles_of(batches), jobs_per_shard=limit)
    after = shards.cut(CONFIG, titles_of(batches + more), jobs_per_shard=limit)
    assert after[: len(before) - 1] == before[:-1]


def test_a_shards_table_gives_back_its_titles(tmp_path):
    (tmp_path / "a.mp4").touch()
    titles = [
        Title("one", "a.mp4", 12.5, 3, "640x360", ("svtav1",), (180, 90)),
        Title("two", "a.mp4", None, 1),
    ]
    shards.write_table(tmp_path / "titles.tsv", titles)
    config = validate({"titles": "titles.tsv"}, CODECS)
    assert list(read_titles(config, root=tmp_path).values()) == titles


def test_what_decides_a_shard_changes_its_mark(tmp_path):
    (tmp_path / "a.mp4").write_text("one")
    shard = shards.Shard(1, tuple(titles_of([1])), 10)
    mark = shards.mark(shard, {}, ["--jobs", "2"], tmp_path)
    assert mark == shards.mark(shard, {}, ["--jobs", "2"], tmp_path)
    others = [
        shards.mark(shards.Shard(1, tuple(titles_of([2])), 10), {}, ["--jobs", "2"], tmp_path),
        shards.mark(shard, {"heights": [90]}, ["--jobs", "2"], tmp_path),
        shards.mark(shard, {}, ["--jobs", "3"], tmp_path),
    ]
    (tmp_path / "a.mp4").write_text("another")
    others.append(shards.mark(shard, {}, ["--jobs", "2"], tmp_path))
    (tmp_path / "a.mp4").unlink()
    others.append(shards.mark(shard, {}, ["--jobs", "2"], tmp_path))
    assert len({mark, *others}) == 6


def toy(folder: Path, *names: str) -> tuple[Settings, list[shards.Shard], Order]:
    """A working folder of toy titles, two to a shard."""
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config" / "config.yaml").write_text("heights: [180]\n")
    (folder / "Snakefile").write_text(TOY)
    if not (folder / "a.mp4").exists():
        (folder / "a.mp4").touch()
    shards.write_table(folder / "config" / "titles.tsv", [Title(name, "a.mp4", None, 1) for name in names])
    settings = read_settings(folder)
    jobs = 2 * count_jobs(settings.config, next(iter(settings.titles.values())))
    cut = shards.cut(settings.config, settings.titles.values(), jobs_per_shard=jobs)
    order = Order(arguments=["--cores", "2", "--keep-going", "--rerun-incomplete"], snakefile=folder / "Snakefile")
    return settings, cut, order


def run_toy(folder: Path, *names: str, **options) -> tuple[list[str], list[str]]:
    """The shards' states, and the titles that were worked on, in this run."""
    (folder / "ran.txt").unlink(missing_ok=True)
    settings, cut, order = toy(folder, *names)
    said: list[str] = []
    records = run_catalogue(settings, cut, order, jobs_per_shard=100, say=said.append, **options)
    schema = json.loads((ROOT / "config" / "schemas" / "catalogue.json").read_text())
    Draft202012Validator(schema).validate(json.loads((folder / STATE).read_text()))
    ran = (folder / "ran.txt").read_text().split() if (folder / "ran.txt").exists() else []
    return [record.state for record in records], sorted(ran)


def test_a_failed_title_stops_neither_its_shard_nor_the_next_and_is_all_that_is_run_again(tmp_path):
    names = ["a", "bad", "c"]
    assert run_toy(tmp_path, *names) == (["failed", "done"], ["a", "c"])
    # The failed shard alone is begun again, and in it the failed title alone is tried.
    (tmp_path / "mended").touch()
    assert run_toy(tmp_path, *names) == (["done", "done"], ["bad"])
    assert run_toy(tmp_path, *names) == (["done", "done"], [])
    # An output that went missing is made again; two shards may run at once.
    for title in ("a", "c"):
        (tmp_path / "results" / title / "gate.json").unlink()
    assert run_toy(tmp_path, *names, at_once=2) == (["done", "done"], ["a", "c"])


def is_held(folder: Path) -> bool:
    try:
        alone.check_alone(folder)
    except RunError:
        return True
    return False


BEGIN = """
import sys
sys.path[:0] = {path}
from pathlib import Path
from test_catalogue_shards import run_toy
print(run_toy(Path({folder!r}), *{names!r}))
"""


def test_a_kill_loses_nothing_and_no_second_run_begins_beside_what_is_left(tmp_path):
    names = ["d", "slow"]
    path = [str(ROOT / "scripts"), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]
    code = BEGIN.format(path=path, folder=str(tmp_path), names=names)
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "results" / "d" / "gate.json").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert (tmp_path / "ran.txt").read_text().split() == ["d"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # Its Snakemake goes on, and keeps the lock.
        with pytest.raises(RunError, match="a Snakemake that one began, is at work in this folder"):
            run_toy(tmp_path, *names)
        with pytest.raises(RunError, match="at work in this folder"):
            alone.check_alone(tmp_path)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    # What was killed lets go of the lock as it dies, which takes a moment.
    while alone.at_work(tmp_path) is not None or is_held(tmp_path):
        time.sleep(0.05)
    (tmp_path / "hurry").touch()
    assert run_toy(tmp_path, *names) == (["done"], ["slow"])


def test_a_snakemake_at_work_keeps_a_catalogue_from_beginning(tmp_path):
    words = ["-c", "import time; time.sleep(60)", "snakemake"]
    settings, cut, order = toy(tmp_path, "a")
    # Among the first three words of a command line Snakemake names itself.
    process = subprocess.Popen(["snakemake", *words], executable=sys.executable, cwd=tmp_path)
    try:
        while alone.at_work(tmp_path) is None:
            time.sleep(0.02)
        with pytest.raises(RunError, match=rf"process {process.pid}\) is still at work in this folder; wait"):
            run_catalogue(settings, cut, order, jobs_per_shard=100)
    finally:
        process.kill()
        process.wait()


def test_the_command_shows_shards_and_refuses_what_it_says_itself(tmp_path, capsys):
    toy(tmp_path, "a", "b", "c")
    assert command.main([str(tmp_path), "--shards", "--jobs-per-shard", "30"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3 and shown[0].startswith("shard-0001") and shown[0].endswith("a to a")
    for word in ("--configfile", "--directory=x", "-s"):
        with pytest.raises(SystemExit):
            command.main([str(tmp_path), "--", word, "y"])
        assert f"{word} stands after `--`, where a catalogue says that itself" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read \(.*name the config with --config"):
        command.main([str(tmp_path), "--config", "none.yaml"])
