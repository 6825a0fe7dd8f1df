"""What a run will take: counts against the planners, fits against a known law, an estimate against real encodes."""

import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from clips import ROOT, demo_clip
from encode_shots import shot_table
from encode_shots import title as media_of
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import tables
from laddersmith.bench.rates import small
from laddersmith.config import validate
from laddersmith.door import door
from laddersmith.encode import CODECS, boxes
from laddersmith.encode.points import encode_points
from laddersmith.errors import ConfigError, SourceError, TableError
from laddersmith.search import plan_around_hull, plan_coarse, plan_grid, rate_fits
from laddersmith.search.estimate import _wall, estimate, film_of, known_rates
from laddersmith.search.estimate_page import Film, Taken, table
from laddersmith.search.expected import FIXED, LAST, SEARCH, encodes_planned, fixed_planned
from laddersmith.search.rate_fits import NOTHING, Range, encoder, exactly, line
from laddersmith.search.rates import ENCODES, HEAD, JOBS, SHIPPED, TOOK, Rates, own_rates, read_rates
from laddersmith.store import Store
from laddersmith.titles import Title
from report_inputs import inputs

SCHEMA = json.loads((ROOT / "config/schemas/estimate.json").read_text())
TITLE = Title("film", "film.mp4", None, 1)
TOLD = "took 2.00 s; CPU seconds: own 3.00, programs 1.00"
FILM = Film(TITLE, 24 * 600, 600.0, 1280, 720, 1280.0 * 720, 150, False)


def config(**sections: object) -> dict:
    return validate(sections, CODECS)


def estimated(settings: dict, rates: list[Rates], films: list[Film] | None = None, cores: int = 4) -> dict:
    found = estimate(settings, films or [FILM], rates, cores=cores)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(found, allow_nan=False)))
    return found


@pytest.fixture(scope="module")
def shipped() -> Rates:
    return read_rates(SHIPPED, "docs/benchmarks/rates.json")


def test_a_grid_is_counted_exactly():
    settings = config()
    planned = encodes_planned(settings, [360, 270], settings["variants"])
    plan = plan_grid([7], settings["variants"], {360: (640, 360), 270: (480, 270)})
    assert planned[SEARCH] == exactly(len(plan)) == exactly(24.0)
    # Six rungs of two codecs. The CRFs stand 4 and 7 apart, so one whole CRF in 4, or in 7, is measured already.
    assert planned[LAST] == Range(0.0, pytest.approx(6 * 3 / 4 + 6 * 6 / 7), pytest.approx(12.0))


def test_a_target_has_one_rung_of_each_codec_or_one_at_each_height():
    for heights, rungs in (("best", 1), ("each", 2)):
        settings = config(search={"mode": "bitrate_budget", "target_heights": heights})
        planned = encodes_planned(settings, [360, 270], settings["variants"])
        # Of two codecs, and a point beside each.
        assert planned[LAST].high == pytest.approx(2 * 2 * rungs)


@given(st.data(), st.integers(1, 3), st.sampled_from([1, 2, 4]))
def test_refine_never_exceeds_its_bounds(data, rounds, step):
    settings = config(search={"strategy": "refine", "max_rounds": rounds, "crf_step": step})
    variants, places = settings["variants"], {360: (640, 360), 270: (480, 270)}
    bounds = encodes_planned(settings, list(places), variants)[SEARCH]
    measured = plan_coarse([0], variants, places)
    for _ in range(rounds - 1):
        on_hull = data.draw(st.lists(st.booleans(), min_size=len(measured), max_size=len(measured)))
        points = measured.assign(on_hull=on_hull, allocation=tables.SINGLE)
        more = plan_around_hull([0], variants, places, points, step)
        measured = pd.concat([measured, more]).drop_duplicates(tables.KEY, ignore_index=True)
    assert bounds.low <= len(measured) <= bounds.high
    assert bounds.low == len(plan_coarse([0], variants, places))


def test_the_fixed_ladder_is_counted_at_the_titles_heights_alone():
    settings = config()
    wanted = fixed_planned(settings, [360, 270], settings["variants"])
    assert [(w.variant, w.height, w.kbps) for w in wanted if w.variant == "x264"] == [
        ("x264", 270, 145.0),
        ("x264", 360, 365.0),
        ("x264", 360, 730.0),
    ]


def test_a_strategy_of_which_no_count_is_known_is_refused():
    settings = config() | {"search": {"strategy": "guess", "max_rounds": 2, "crf_step": 1}}
    with pytest.raises(ConfigError, match=r"how many encodes .* guess takes is not known; it is for adaptive"):
        encodes_planned(settings, [360], settings["variants"])


def made_up(cpu_of, spread: dict[str, float]) -> Rates:
    """Encodes by a law: bits per pixel = exp(2 - 0.1 CRF - 0.2 log pixels) x the sample's factor."""
    rows = []
    for sample, factor in spread.items():
        for width, height in ((640, 360), (320, 180), (1280, 720)):
            for crf in (20.0, 30.0, 40.0):
                pixels, frames = width * height, round(50 * factor)
                bits = factor * math.exp(2 - 0.1 * crf) * pixels**-0.2 * pixels * frames
                sizes = (sample, "x264", "medium", "yuv420p", "quality", width, height, crf, frames, round(bits / 8))
                rows.append((*sizes, cpu_of(frames, pixels * frames, bits)))
    return Rates("made up", pd.DataFrame(rows, columns=ENCODES), pd.DataFrame(columns=JOBS), 100.0)


def test_a_fit_finds_the_law_that_the_encodes_were_made_by():
    def cpu_of(frames: float, pixel_frames: float, bits: float) -> float:
        return 0.02 + 1e-4 * frames + 3e-8 * pixel_frames + 5e-8 * bits

    fit = encoder(made_up(cpu_of, {"a": 0.5, "b": 1.0, "c": 2.0}), "x264", "medium", "yuv420p", "quality")
    assert fit
    # Whole bytes and the solver's tolerance: 1e-3 is far above both, and far below what an estimate is good for.
    assert fit.bits == pytest.approx([2, -0.1, -0.2], rel=1e-3)
    # The outermost twentieths of three samples are left off: a tenth of the way from the ends, in bits, to the middle.
    assert fit.bits_range == Range(pytest.approx(0.55, rel=1e-3), 1.0, pytest.approx(1.9, rel=1e-3))
    assert fit.cpu == pytest.approx([0.02, 1e-4, 3e-8, 5e-8], rel=1e-3)
    assert fit.cpu_range.low == pytest.approx(1, rel=1e-3) and fit.cpu_range.high == pytest.approx(1, rel=1e-3)
    bits = fit.bits_of(640 * 360, 50, 25.0)
    expected = math.exp(2 - 2.5) * (640 * 360) ** 0.8 * 50
    assert bits.expected == pytest.approx(expected, rel=1e-3)
    assert fit.bits_of(640 * 360, 50, 25.0, most=10.0) == exactly(10.0)
    taken = fit.seconds(640 * 360, 50, 1, bits).expected
    assert taken == pytest.approx(cpu_of(50, 640 * 360 * 50, expected), rel=1e-3)


def test_too_little_is_no_rate():
    rates = made_up(lambda *_: 0.01, {"a": 1.0})
    assert encoder(rates, "x264", "medium", "yuv420p", "quality") is None
    busy = made_up(lambda *_: 10.0, {"a": 1.0})
    one_crf = Rates("one CRF", busy.encodes[busy.encodes["crf"] == 20.0], busy.jobs, 100.0)
    assert encoder(one_crf, "x264", "medium", "yuv420p", "quality") is None
    assert encoder(busy, "x264", "slow", "yuv420p", "quality") is None


def test_a_jobs_work_is_what_its_log_tells_or_what_goes_beyond_a_start():
    nan = float("nan")
    jobs = [
        ("plan", "", "a", 1e6, 1.5, nan, 1.0),
        ("verify", "vmaf_v0.6.1", "a", 1e9, 31.5, nan, 9.0),
        ("verify", "vmaf_v0.6.1", "b", 3e9, 121.5, nan, 9.0),
        ("score", "numba", "a", 1e9, 24.0, 20.0, 9.0),
    ]
    rates = Rates("made up", pd.DataFrame(columns=ENCODES), pd.DataFrame(jobs, columns=JOBS), nan)
    verify, score = line(rates, "verify", "vmaf_v0.6.1"), line(rates, "score", "numba")
    assert verify and score
    # Two jobs, of 30 and 40 ns a pixel, and a twentieth of what lies between left off at either end.
    assert verify.per_pixel == Range(pytest.approx(30.5e-9), pytest.approx(150e-9 / 4), pytest.approx(39.5e-9))
    assert verify.start_s == pytest.approx(1.5)
    assert (score.start_s, score.per_pixel.expected) == (pytest.approx(4.0), pytest.approx(20e-9))
    assert line(rates, "verify", "vmaf_v1.0.16_3d0h") is None
    assert line(rates, "plan") is None and line(rates, "plan", enough_s=0.0)


def test_the_shipped_rates_estimate_the_default_config(shipped):
    found = estimated(config(), [shipped])
    assert found["missing"] == []
    assert {used["from"] for used in found["rates"]} == {shipped.name}
    film = found["titles"][0]
    # 5 heights up to 720p, 12 CRFs, 150 shots.
    assert film["encodes"]["search"]["expected"] == len(boxes(1280, 720, config()["heights"])) * 12 * 150
    for part in ("encode", "score", "verify", "rest", "total"):
        span = film["core_hours"][part]
        assert 0 < span["low"] <= span["expected"] <= span["high"]
    assert film["core_hours"]["encode"]["low"] < film["core_hours"]["encode"]["high"]
    assert found["total"]["gpu_hours"] is None
    text = table(found)
    assert "film" in text and "1 of 1 titles have no shots yet" in text
    assert "store has already are not known" in text and shipped.name in text


def test_twice_the_film_takes_twice_as_much_and_more_cores_less_time(shipped):
    longer = Film(TITLE, 2 * FILM.frames, 1200.0, 1280, 720, FILM.display, 300, False)
    one, two = (estimated(config(), [shipped], [film]) for film in (FILM, longer))
    hours = [found["total"]["core_hours"]["total"]["expected"] for found in (one, two)]
    # What a job takes to start is once in both; it is a thousandth here.
    assert hours[1] / hours[0] == pytest.approx(2, rel=0.01)
    walls = [
        estimated(config(), [shipped], cores=cores)["total"]["wall_hours"]["expected"] for cores in (1, 2, 4, 64, 4096)
    ]
    assert walls == sorted(walls, reverse=True) and walls[0] / walls[1] == pytest.approx(2, rel=0.01)
    assert walls[-1] == walls[-2] > 0  # the longest chain of jobs


def test_an_encoder_that_nobody_measured_is_named_and_never_made_up(shipped):
    settings = config(variants={"slow": {"codec": "x264", "preset": "veryslow"}})
    found = estimated(settings, [shipped])
    [sentence] = found["missing"]
    assert sentence.startswith("no rate is known for encoding by x264, preset veryslow, yuv420p; measure it with")
    assert "bench_rates" in sentence
    total = found["total"]
    assert total["core_hours"]["encode"] is None and total["core_hours"]["total"] is None
    assert total["wall_hours"] is None and total["gigabytes"]["store"] is None
    assert total["core_hours"]["score"]["expected"] > 0
    assert "?" in table(found) and "not known" in table(found)


def test_no_rate_of_a_gpu_is_invented(shipped):
    found = estimated(config(quality={"engine": "cuda"}), [shipped])
    assert found["missing"][0].startswith("no rate measured on a GPU yet; measure it with")
    assert found["total"]["gpu_hours"] is None and found["total"]["core_hours"]["score"] is None
    job = ("score", "cuda", "a", 1e12, 50.0, 40.0, 100.0)
    on_gpu = Rates("a GPU", shipped.encodes, pd.concat([shipped.jobs, pd.DataFrame([job], columns=JOBS)]), 100.0)
    found = estimated(config(quality={"engine": "cuda"}), [on_gpu])
    hours, encodes = (found["total"][key] for key in ("gpu_hours", "encodes"))
    frames = (encodes["search"]["expected"] + encodes["last_round"]["expected"]) / FILM.shots
    frames += encodes["fixed_ladder"]["expected"]
    # 100 s for 10^12 pixels.
    expected = frames * FILM.frames * FILM.display * 1e-10 / 3600
    assert found["missing"] == [] and hours["expected"] == pytest.approx(expected, rel=1e-3)
    assert "GPU hours" in table(found)


def test_scoring_by_libvmaf_goes_by_what_verifying_took(shipped):
    found = estimated(config(quality={"engine": "libvmaf"}), [shipped])
    assert found["missing"] == []
    other = estimated(config(quality={"model": "vmaf_v1.0.16_3d0h"}), [shipped])
    assert [sentence.split(";")[0] for sentence in other["missing"]] == [
        "no rate is known for verifying by libvmaf, vmaf_v1.0.16_3d0h"
    ]


def test_wall_time_lies_between_even_work_and_the_longest_chain_after_it():
    def taken(work: float, chain: float) -> Taken:
        return Taken({}, exactly(work), NOTHING, NOTHING, NOTHING, None, exactly(chain), None, None, None)

    assert _wall([taken(100, 10), taken(100, 60)], 10) == Range(60, 60, 80)
    assert _wall([taken(100, 10), taken(100, 60)], 2) == Range(100, 100, 160)


def test_cores_there_must_be(shipped):
    with pytest.raises(ConfigError, match="0 cores run nothing"):
        estimate(config(), [FILM], [shipped], cores=0)


def test_rates_of_another_form_are_refused(tmp_path):
    path = tmp_path / "rates.json"
    with pytest.raises(TableError, match=r"rates.json: not readable .* measure anew with bench_rates"):
        read_rates(path, "x")
    path.write_text("{}")
    with pytest.raises(TableError, match=r"rates.json: .*lacks .*; delete it, or measure anew with bench_rates"):
        read_rates(path, "x")


def test_a_film_goes_by_its_header_or_by_what_was_found_before(tmp_path, bikes):
    title = Title("bikes", str(bikes), None, 1)
    film = film_of(title, config(), tmp_path)
    assert (film.frames, film.width, film.height, film.display) == (250, 640, 272, 640.0 * 272)
    assert (film.shots, film.counted) == (2, False)  # of 10 s, at 4 s each; 2.5 is rounded to even
    fixed = config(shots={"detector": "fixed", "fixed_length_s": 2})
    assert film_of(title, fixed, tmp_path).shots == 5
    (tmp_path / "bikes").mkdir()
    (tmp_path / "bikes" / "source.json").write_text(json.dumps(inputs()["facts"]))
    tables.write(tmp_path / "bikes" / "shots.parquet", shot_table((0, 100), (100, 200), (200, 250)), tables.SHOTS)
    wide = Title("bikes", "gone.mp4", None, 1, display="1280x544")
    film = film_of(wide, config(), tmp_path)
    assert (film.frames, film.shots, film.counted, film.display) == (250, 3, True, 1280.0 * 544)
    with pytest.raises(SourceError):
        film_of(Title("none", str(tmp_path / "none.mp4"), None, 1), config(), tmp_path)


def log_of(
    path, rule: str, wildcards: dict, *lines: str, took: str = "took 2.00 s; CPU seconds: own 3.00, programs 1.00"
):
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = "2026-11-21 18:40:55,341 INFO"
    every = [f"rule {rule} {wildcards}", *lines, took, "done"]
    path.write_text("".join(f"{stamp} {line}\n" for line in every))


def test_finished_work_tells_its_rates(tmp_path):
    made = inputs()
    title = tmp_path / "results" / "bikes"
    place = title / "b0" / "r0" / "x264"
    place.mkdir(parents=True)
    (title / "source.json").write_text(json.dumps(made["facts"]))
    (title / "ladder.json").write_text(json.dumps(made["ladder"] | {"engine": "numba"}))
    (title / "verify").mkdir()
    verdict = next(v for v in made["verdicts"] if v["codec"] == "x264")
    (title / "verify" / "x264.json").write_text(json.dumps(verdict))
    points = made["points"]
    mine = points[(points["codec"] == "x264") & points["maxrate_kbps"].isna()]
    height = int(mine["height"].iloc[0])
    encodes = mine[mine["height"] == height][tables.ENCODES.columns.names]
    tables.write(place / f"{height}p.parquet", encodes, tables.ENCODES)
    again = title / "b0" / "r1" / "x264"
    again.mkdir(parents=True)
    tables.write(again / f"{height}p.parquet", encodes, tables.ENCODES)  # found in the store by the round after
    (title / "b0" / "r0" / "frames.parquet").write_bytes(b"not a table")
    logs = tmp_path / "logs" / "bikes"
    where = {"title": "bikes", "batch": "0", "round": "0", "codec": "x264", "height": str(height)}
    log_of(logs / "b0/r0/x264.log", "encode", where, "bikes: 9 points, 0 of them in the store")
    log_of(logs / "b0/r1/x264.log", "encode", where | {"round": "1"}, "bikes: 9 points, 9 of them in the store")
    told = "bikes, shot 0: 4 encodes x 50 frames; CPU seconds: reference 0.25, decode 1.00, kernels 1.25"
    log_of(logs / "b0/r0/score.log", "score", {"title": "bikes", "batch": "0", "round": "0"}, told, told)
    log_of(logs / "b0/r1/score.log", "score", {"title": "bikes", "batch": "0", "round": "1"})
    log_of(logs / "verify-x264.log", "verify", {"title": "bikes", "codec": "x264"})
    log_of(logs / "old.log", "plan", {"title": "bikes", "round": "0"}, took="")
    found = own_rates(tmp_path, "here")
    assert len(found.encodes) == len(encodes)
    assert found.encodes["cpu_s"].sum() == pytest.approx(encodes["encode_cpu_s"].sum())
    assert math.isnan(found.bytes_per_score)
    jobs = found.jobs.set_index("rule")
    assert sorted(jobs.index) == ["encode", "score", "verify"]
    media, display = made["facts"]["media"], made["ladder"]["display"]
    screen = display["width"] * display["height"]
    assert jobs.loc["score", ["what", "pixel_frames", "cpu_s", "work_s", "wall_s"]].tolist() == [
        *("numba", 2 * 4 * 50 * screen, 4.0, 5.0, 2.0)
    ]
    rungs = sum(rung["codec"] == "x264" for rung in made["ladder"]["rungs"])
    assert jobs.loc["verify", "pixel_frames"] == rungs * media["frames"] * screen
    assert jobs.loc["verify", "what"] == verdict["model"]
    size = boxes(media["width"], media["height"], [height])[height]
    assert jobs.loc["encode", "pixel_frames"] == encodes["frames"].sum() * size[0] * size[1]
    assert jobs.loc["encode", "cpu_s"] == 3.0  # the encoders' own seconds are in the table
    assert own_rates(tmp_path / "empty", "nothing").encodes.empty


def test_a_door_writes_what_its_job_took(tmp_path):
    def main(title: str) -> None:
        sum(range(3_000_000))
        subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    log = tmp_path / "job.log"
    job = {"rule": "plan", "wildcards": {"title": "a"}, "params": {}, "input": {}, "output": {}}
    door(main, SimpleNamespace(**job, threads=1, config={}, log=[str(log)]))
    text = log.read_text()
    head, took = HEAD.search(text), TOOK.search(text)
    assert head and took and head[1] == "plan" and all(float(took[n]) > 0 for n in (1, 2, 3))
    assert text.strip().endswith("done")


def test_the_bench_measures_the_configs_encoders_each_once():
    given_ = config(
        variants={
            "a": {"codec": "x264", "preset": "medium"},
            "b": {"codec": "x264", "preset": "medium", "crfs": [20]},
            "c": {"codec": "x265", "preset": "fast", "pix_fmt": "yuv420p10le"},
        },
        quality={"model": "vmaf_4k_v0.6.1"},
    )
    settings = validate(small(given_), CODECS)
    assert [(v["codec"], v["preset"], v["pix_fmt"]) for v in settings["variants"].values()] == [
        ("x264", "medium", "yuv420p"),
        ("x265", "fast", "yuv420p10le"),
    ]
    assert all(len(v["crfs"]) == 2 for v in settings["variants"].values())
    assert settings["quality"]["model"] == "vmaf_4k_v0.6.1" and not any(settings["fixed_ladder"]["rungs"].values())


def encoded(media, span: tuple[int, int], heights: list[int], crfs: dict[str, list[int]], folder) -> pd.DataFrame:
    """Real encodes of one shot by the default config's encoders: rows as `Rates.encodes` has them."""
    settings = config()
    variants = {name: settings["variants"][name] | {"crfs": crfs[name]} for name in crfs}
    places = boxes(media.width, media.height, heights)
    plan = plan_grid([0], variants, places)
    how = {"title": "t", "store": Store(folder / "store"), "folder": folder / "f", "variants": variants}
    limits = {"keyframe_s": 2, "threads": 2, "timeout_s": 300, "frame_cache_mb": 256}
    made = encode_points(media, shot_table(span), plan, **how, **limits)
    size = np.array([places[height] for height in made["height"]])
    columns = {"width": size[:, 0], "height": size[:, 1], "cpu_s": made["encode_cpu_s"], "sample": media.path}
    return made.assign(**columns, crf=made["crf"].astype(float))[ENCODES]


def test_an_estimate_is_within_a_factor_of_two_of_real_encodes(tmp_path, monkeypatch):
    """The rates are of one film, the estimate is of another, at a size and at CRFs that were not measured.

    A factor of two: encoders' time goes with content by up to about that, which no header tells of; and it is what an
    estimate is for, to know an hour from a day. Bits go with content by far more: a factor of eight.
    """
    monkeypatch.setattr(rate_fits, "ENOUGH_S", 0.5)
    known = media_of(demo_clip("bikes"), 640, 272, 250)
    rows = encoded(known, (31, 61), [360, 180], {"x264": [20, 34], "svtav1": [30, 50]}, tmp_path / "known")
    rates = Rates("bikes", rows, pd.DataFrame(columns=JOBS), 100.0)
    other = media_of(demo_clip("bigbuckbunny"), 1280, 720, 132)
    real = encoded(other, (40, 70), [270], {"x264": [24, 29], "svtav1": [35, 44]}, tmp_path / "other")
    for codec, preset in (("x264", "medium"), ("svtav1", "8")):
        fit = encoder(rates, codec, preset, "yuv420p", "quality")
        assert fit
        mine = real[real["codec"] == codec]
        said, bits = NOTHING, NOTHING
        for row in tables.rows(mine):
            written = fit.bits_of(row.width * row.height, row.frames, row.crf)
            bits, said = bits + written, said + fit.seconds(row.width * row.height, row.frames, 1, written)
        assert 0.5 < said.expected / mine["cpu_s"].sum() < 2
        assert 1 / 8 < bits.expected / (8 * mine["bytes"].sum()) < 8


def test_the_target_runs_nothing_and_is_answered_anew_each_time(tmp_path, bikes):
    (tmp_path / "titles.tsv").write_text(f"title\tpath\nbikes\t{bikes}\n")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"titles": "titles.tsv"}))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--configfile", str(tmp_path / "config.yaml"), "--cores", "3", "estimate"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "wall hours" in done.stdout and "on 3 cores" in done.stdout
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["estimate.json"]
    assert not (tmp_path / "store").exists()
    found = json.loads((tmp_path / "results" / "estimate.json").read_text())
    Draft202012Validator(SCHEMA).validate(found)
    assert found["titles"][0]["frames"] == 250 and len(known_rates(tmp_path / "results")) == 2
    assert FIXED in found["total"]["encodes"]
