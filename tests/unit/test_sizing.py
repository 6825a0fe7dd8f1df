"""How many batches a title is spread over: by measured rates, near the length asked for, and never past its shots."""

from pathlib import Path

import pytest
from laddersmith.__main__ import main
from laddersmith.config import validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError
from laddersmith.search.estimate import known_rates, longest_job_s
from laddersmith.search.estimate_page import Film
from laddersmith.search.rates import SHIPPED, read_rates
from laddersmith.search.sizing import Sizing, by_length
from laddersmith.titles import Title


@pytest.fixture(scope="module")
def rates():
    return [read_rates(SHIPPED, "docs/benchmarks/rates.json")]


def film(hours: float = 2.0, height: int = 1080, **columns) -> Film:
    frames = round(hours * 3600 * 25)
    width = height * 16 // 9
    title = Title("film", "film.mp4", hours * 3600, 1, **columns)
    return Film(title, frames, hours * 3600, width, height, float(width * height), max(1, frames // 100), False)


def sizing(rates, minutes: float = 10.0, **config) -> Sizing:
    return Sizing(validate(config, CODECS), rates, 60 * minutes)


def test_jobs_come_near_the_length_asked_for(rates):
    for minutes in (5, 10, 30):
        sized = sizing(rates, minutes)
        longest = longest_job_s(sized.config, film(), sized.book)
        batches = sized.batches(film())
        assert longest / batches == pytest.approx(60 * minutes, rel=0.1)
    assert sizing(rates, 5).batches(film()) > sizing(rates, 10).batches(film()) > 1


def test_what_makes_jobs_longer_makes_batches_more(rates):
    usual = sizing(rates).batches(film())
    assert sizing(rates).batches(film(4.0)) == pytest.approx(2 * usual, abs=1)
    assert sizing(rates).batches(film(height=540)) < usual
    assert sizing(rates, search={"strategy": "refine"}).batches(film()) < usual
    # The fixed ladder's encodes are of the whole title, and no number of batches makes them shorter.
    assert sizing(rates, fixed_ladder={"rungs": {"x264": [], "svtav1": []}}).batches(film()) == usual


def test_at_least_one_and_at_most_one_for_each_shot(rates):
    assert sizing(rates).batches(film(0.001)) == 1
    assert sizing(rates, 0.01).batches(film()) == film().shots


def test_an_encoder_without_a_rate_is_named(rates):
    slow = {"variants": {"slow": {"codec": "x265", "preset": "slower"}}, "fixed_ladder": {"rungs": {}}}
    with pytest.raises(
        ConfigError, match=r"batches cannot be sized: no rate is known for encoding by x265, preset slower"
    ):
        sizing(rates, **slow).batches(film())


def test_by_length_alone():
    assert [by_length(Title("a", "a", s, 1), 120.0) for s in (601.0, 1.0, None)] == [5, 1, 1]
    assert by_length(Title("a", "a", 1e9, 1), 1.0) == 10_000


def test_the_command_writes_the_table(bikes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["titles", str(bikes)]) == 0
    assert capsys.readouterr().out == f"title\tpath\tduration_s\tbatches\nbikes\t{bikes}\t10.000\t1\n"
    assert main(["titles", "--job-minutes", "0.05", str(bikes)]) == 0
    batches = int(capsys.readouterr().out.split()[-1])
    assert batches > 1
    Path("mine.yaml").write_text("heights: [180]\nvariants: {x264: {codec: x264, preset: medium, crfs: [30]}}\n")
    assert main(["titles", "--job-minutes", "0.05", "--configfile", "mine.yaml", str(bikes)]) == 0
    assert int(capsys.readouterr().out.split()[-1]) < batches
    assert main(["titles", "--batch-seconds", "2", str(bikes)]) == 0
    assert capsys.readouterr().out.split()[-1] == "5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heights: [7]", "config: heights[0] is 7"),
        ("- a", "mine.yaml: holds no table of keys; see config/README.md"),
        ("a: b: c", "mine.yaml: is no YAML (mapping values are not allowed here"),
    ],
)
def test_a_config_that_cannot_be_is_told(text, message, bikes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    assert main(["titles", "--configfile", "mine.yaml", str(bikes)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "soon"])
def test_a_length_that_is_none_is_refused(given, bikes, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["titles", f"--job-minutes={given}", str(bikes)])
    assert "--job-minutes" in capsys.readouterr().err


def test_rates_of_this_folder_come_first(tmp_path):
    assert [one.name.split(" (")[0] for one in known_rates(tmp_path / "results")][-1] == "docs/benchmarks/rates.json"
