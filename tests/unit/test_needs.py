"""What jobs ask a cluster for: limits by measured rates; and the profiles, one for two kinds of site."""

import json
import re
from dataclasses import dataclass

import pytest
import yaml
from clips import ROOT
from hypothesis import given
from hypothesis import strategies as some
from jsonschema import Draft202012Validator
from laddersmith import needs
from laddersmith.bench.encoders import SOFTWARE
from laddersmith.config import heights_of, search_rounds, validate
from laddersmith.encode.codecs import CODECS
from laddersmith.jsonfile import write_json
from laddersmith.titles import Title

FACTS = json.loads(needs.MEASURED.read_text())
SLOW, FAST = {"codec": "x264", "preset": "veryslow"}, {"codec": "x264", "preset": "veryfast"}


def probed(path, width=1920, height=1080, frames=1500):
    write_json(path, {"media": {"width": width, "height": height, "frames": frames}})
    return str(path)


def test_a_probed_title_is_known_exactly_and_anew_when_it_changes(tmp_path):
    path = probed(tmp_path / "source.json")
    assert needs.picture(path, 10.0, [270]) == needs.Picture(1920 * 1080, 1080, 1500)
    probed(tmp_path / "source.json", 608, 1080, 99)
    # Portrait fills the box of 608, scope that of 9/16 of its width.
    assert needs.picture(path, 10.0, [270]) == needs.Picture(608 * 1080, 608, 99)
    assert needs.picture(probed(tmp_path / "scope.json", 1920, 800), None, [270]).height == 1080


@pytest.mark.parametrize("content", [None, "", "{", '{"media": {"width": "wide"}}', "[]"])
def test_before_that_the_table_of_titles_tells_the_most(tmp_path, content):
    path = tmp_path / "source.json"
    if content is not None:
        path.write_text(content)
    assert needs.picture(str(path), 100.0, [270, 1080]) == needs.Picture(1920 * 1080, 1080, 3000)
    assert needs.picture(str(path), None, [1080]).frames == 7200 * 30


@given(some.integers(2, 4320), some.integers(2, 4320))
def test_a_picture_is_never_enlarged_by_its_box(own, asked):
    picture = needs.Picture(1000, own, 1)
    assert picture.pixels_in(asked) <= 1000
    assert picture.pixels_in(own) == 1000


def test_limits_have_a_floor_and_double_with_each_attempt():
    assert [needs.minutes(0.0, attempt) for attempt in (1, 2, 3)] == [10, 20, 40]
    # 60 s to start, and four times an hour.
    assert needs.minutes(3600.0, 1) == 241 and needs.minutes(3600.0, 2) == 482


def test_encoders_by_their_presets_and_those_of_hardware_by_a_slow_one():
    slow, fast = (needs.encode_s(1e6, 100, [settings], 6) for settings in (SLOW, FAST))
    assert slow > 2 * fast > 0
    assert needs.encode_s(1e6, 100, [SLOW, FAST], 6) == pytest.approx(slow + fast)
    assert needs.encode_s(1e6, 100, [SLOW | {"rate": "two_pass"}], 6) == pytest.approx(2 * slow)
    hardware, stand_in = (
        needs.encode_s(1e6, 1, [{"codec": codec, "preset": preset}], 1)
        for codec, preset in (("av1_nvenc", "p7"), ("x264", "placebo"))
    )
    assert hardware == stand_in
    assert needs.encoder_mb(8e6, [SLOW]) > needs.encoder_mb(1e6, [SLOW]) > 0


def test_scores_by_engine_and_model_and_memory_by_display_and_workers():
    numba, libvmaf, floating = (
        needs.score_s(2e6, 100, 6, *judge)
        for judge in (("numba", ""), ("libvmaf", "vmaf_v0.6.1"), ("libvmaf", "vmaf_float_v0.6.1"))
    )
    assert numba < libvmaf and floating == 4 * libvmaf
    # As measured: 565 MB at 1080p, 1308 at 2160p, with two workers (docs/benchmarks/scoring.md).
    assert needs.score_mb(1920 * 1080, 0, 2) >= 565 and needs.score_mb(3840 * 2160, 0, 2) >= 1308


def test_the_measured_encoders_keep_to_the_schema_and_are_complete():
    schema = json.loads((ROOT / "config" / "schemas" / "bench_encoders.json").read_text())
    Draft202012Validator(schema).validate(FACTS)
    assert [row["codec"] for row in FACTS["memory"]] == list(SOFTWARE)
    measured = [(row["codec"], row["preset"]) for row in FACTS["rows"]]
    assert measured == [(name, preset) for name in SOFTWARE for preset in CODECS[name].presets]
    assert max(row["ns_per_pixel"] for row in FACTS["rows"]) == FACTS["summary"]["slowest_ns_per_pixel"]
    assert max(row["mb_per_megapixel"] for row in FACTS["memory"]) == FACTS["summary"]["most_mb_per_megapixel"]


def test_the_profile_with_gpus_is_the_other_and_two_rules_elsewhere():
    plain, gpu = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text()) for name in ("slurm", "slurm-gpu")
    )
    assert set(gpu) - set(plain) == {"set-resources", "set-threads"}
    assert {key: gpu[key] for key in plain} == plain
    assert gpu["set-resources"] == {rule: {"slurm_partition": "gpu", "gpu": 1} for rule in ("score", "detect_shots")}


def test_what_a_site_edits_stands_together_at_the_top():
    for name in ("slurm", "slurm-gpu"):
        text = (ROOT / "profiles" / name / "config.yaml").read_text()
        site, rest = text.split("# ---- What follows need not change")
        keys = set(re.findall(r"^([a-z-]+):", site, re.MULTILINE))
        wanted = {"default-resources", "jobs", "slurm-status-command", "slurm-init-seconds-before-status-checks"}
        assert keys - {"set-resources", "set-threads"} == wanted
        assert not wanted & set(re.findall(r"^([a-z-]+):", rest, re.MULTILINE))


@dataclass
class Job:
    """A job's wildcards and inputs, as the functions of rules/needs.smk read them."""

    title: str = "film"
    batch: str = "0"
    round: str = "0"
    codec: str = "x264"
    height: str = "1080"
    facts: str = ""


def asked(path, batches: int = 1, display: str = "source", **settings):
    """rules/needs.smk over a config and one title: what it names, for a job."""
    config = validate({"fixed_ladder": {"rungs": {"svtav1": []}}} | settings, CODECS)
    variants, rungs = config["variants"], config["fixed_ladder"]["rungs"]
    known = {
        "config": config,
        "TITLES": {"film": Title("film", "film.mp4", 60.0, batches)},
        "LAST": search_rounds(config),
        "heights_of": heights_of,
        "display_of": lambda job: display,
        "batches_of": lambda job: batches,
        "searched_variants": lambda job: variants,
        "searched_heights": lambda job: heights_of(config, known["TITLES"]["film"]),
        "title_codecs": lambda job: list(dict.fromkeys(v["codec"] for v in variants.values())),
        "fixed_rungs": lambda job: {codec: rungs[codec] for codec in known["title_codecs"](job) if codec in rungs},
    }
    exec(compile((ROOT / "rules" / "needs.smk").read_text(), "needs.smk", "exec"), known)

    def seconds(name: str, threads: int = 1, **job: str) -> float:
        one = Job(facts=path, **job)
        return known[name](one, known["picture_of"](one, one), threads)

    def resource(name: str, threads: int = 1, attempt: int = 1, **job: str) -> int:
        one = Job(facts=path, **job)
        found = known["limit"](known[name]) if name.endswith("_seconds") else known[name]
        return found(one, one, threads, attempt)

    return seconds, resource


def test_an_encoding_job_asks_by_its_height_batch_round_and_threads(tmp_path):
    path = probed(tmp_path / "source.json")
    seconds, resource = asked(path)
    medium = {"codec": "x264", "preset": "medium"}
    assert seconds("encode_seconds") == needs.encode_s(1920 * 1080, 1500, [medium], 6)
    assert seconds("encode_seconds", height="540") == pytest.approx(seconds("encode_seconds") / 4)
    assert seconds("encode_seconds", threads=4) == seconds("encode_seconds") / 4
    assert seconds("encode_seconds", codec="svtav1") != seconds("encode_seconds")
    assert asked(path, batches=5)[0]("encode_seconds") == pytest.approx(seconds("encode_seconds") / 5)
    adaptive = asked(path, search={"strategy": "adaptive", "max_points": 20})[0]
    assert adaptive("encode_seconds") == pytest.approx(seconds("encode_seconds") * 20 / 6)
    # The last round: the rungs' points, and in the first batch the two rungs of the fixed ladder at 1080.
    last, later = (asked(path, batches=2)[0]("encode_seconds", round="1", batch=batch) for batch in ("0", "1"))
    assert later == needs.encode_s(1920 * 1080, 750, [medium], 6)
    assert last == pytest.approx(later + needs.encode_s(1920 * 1080, 1500, [medium], 2))
    assert resource("encode_seconds") == needs.minutes(seconds("encode_seconds"), 1)
    assert resource("encode_mb", attempt=2) == 2 * resource("encode_mb") > 2 * (500 + 1024)
    assert resource("encode_mb", threads=3) - 1524 == 3 * (resource("encode_mb") - 1524)


def test_a_scoring_job_asks_by_the_display_and_every_encode(tmp_path):
    path = probed(tmp_path / "source.json")
    seconds, resource = asked(path, batches=3)
    assert seconds("score_seconds", threads=8) == pytest.approx(
        needs.score_s(1920 * 1080, 500, 7 * 12, "numba", "vmaf_v0.6.1") / 8
    )
    small = asked(path, batches=3, display="960x540")
    assert small[0]("score_seconds") == pytest.approx(seconds("score_seconds") / 4)
    assert small[1]("score_mb", threads=8) < resource("score_mb", threads=8) == needs.score_mb(1920 * 1080, 1024, 8)
    last, later = (seconds("score_seconds", round="1", batch=batch) for batch in ("0", "1"))
    assert last == pytest.approx(later + needs.score_s(1920 * 1080, 1500, 9, "numba", ""))
    adaptive = asked(path, search={"strategy": "adaptive"})[0]("score_seconds")
    assert adaptive == pytest.approx(needs.score_s(1920 * 1080, 1500, 24, "numba", ""))
    exact = asked(path, verify={"exact": True})[0]("verify_seconds")
    assert exact == 4 * seconds("verify_seconds") == 4 * needs.score_s(1920 * 1080, 1500, 6, "libvmaf", "")
    assert seconds("look_seconds") > seconds("look_seconds", threads=2) > 0
    assert resource("frame_seconds") == 10
