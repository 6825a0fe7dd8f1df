"""An estimate beside what a whole tiny run really took."""

import pandas as pd
from laddersmith.config import read_titles, validate
from laddersmith.encode import CODECS
from laddersmith.search import rate_fits
from laddersmith.search.estimate import estimate, film_of
from laddersmith.search.rates import TOOK, own_rates


def took(folder, *patterns: str) -> float:
    """CPU seconds of all jobs with such logs, by what they wrote themselves."""
    found = [TOOK.search(log.read_text()) for pattern in patterns for log in folder.glob(pattern)]
    assert found and all(found)
    return sum(float(match[place]) for match in found if match for place in (2, 3))


def test_an_estimate_is_within_a_factor_of_two_of_a_whole_run(finished, monkeypatch):
    """The rates are the run's own, since nobody else has measured its presets: what is tested is the reckoning.

    A factor of two, as in tests/unit/test_estimate.py. These jobs are nearly all start, whose seconds differ by half
    from job to job; of a real title nearly nothing is.
    """
    monkeypatch.setattr(rate_fits, "ENOUGH_S", 0.0)
    settings = validate(finished.config, CODECS)
    rates = own_rates(finished.path, "the run")
    titles = read_titles(settings, root=finished.path)
    film = film_of(titles["tiny"], settings, finished.path / "results")
    assert film.counted
    found = estimate(settings, [film], [rates], cores=2)
    assert found["missing"] == []
    plan = pd.read_parquet(finished.path / "results/tiny/r0/plan.parquet")
    encodes = found["total"]["encodes"]
    assert encodes["search"]["low"] == encodes["search"]["high"] == len(plan)
    choice = pd.read_parquet(finished.path / "results/tiny/r1/choice.parquet")
    fixed = choice["maxrate_kbps"].notna()
    assert encodes["fixed_ladder"]["expected"] == fixed.sum()
    assert encodes["total"]["low"] <= len(finished.points()) <= encodes["total"]["high"]

    hours, logs = found["total"]["core_hours"], finished.path / "logs" / "tiny"
    real = {
        "encode": took(logs, "b*/r*/*-*p.log"),
        "score": took(logs, "b*/r*/score.log"),
        "verify": took(logs, "verify-*.log"),
        "total": took(logs, "**/*.log"),
    }
    for part, seconds in real.items():
        assert 0.5 < hours[part]["expected"] * 3600 / seconds < 2, (part, hours[part], seconds)
    stored = sum(file.stat().st_size for file in (finished.path / "store/points").rglob("stream.mp4"))
    scores = sum(file.stat().st_size for file in finished.path.glob("results/tiny/b*/r*/frames.parquet"))
    # An MP4 of 20 frames is half container, which bytes of video do not count: hence four and not two.
    assert 1 / 4 < found["total"]["gigabytes"]["store"]["expected"] * 1e9 / (stored + scores) < 4
