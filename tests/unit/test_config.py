"""The configuration: its faults told in sentences, its generated files, and what it costs to import."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith import config as config_module
from laddersmith import ffmpeg, reference, schema
from laddersmith.config import Title, all_variants, codecs_of, heights_of, search_rounds, validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = schema.load("config")
X264 = {"codec": "x264", "preset": "medium", "crfs": [20, 30]}
# CPU seconds that the import may take, best of five. Measured: 0.03 to 0.05; wall time would count other work too.
IMPORT_S = 0.15


def variant(**changes: Any) -> dict[str, Any]:
    return {"variants": {"a": X264 | changes}}


def without(key: str) -> dict[str, Any]:
    return {"variants": {"a": {k: v for k, v in X264.items() if k != key}}}


BAD = {
    "a key with a typo": ({"hieghts": [720]}, "hieghts: unknown key; the nearest is heights"),
    "a section with a typo": ({"ladders": {}}, "ladders: unknown key; the nearest is ladder"),
    "a key of a section": ({"search": {"max_round": 3}}, "search.max_round: unknown key; the nearest is max_rounds"),
    "a key of a variant": (variant(pixfmt="yuv420p"), "variants.a.pixfmt: unknown key; the nearest is pix_fmt"),
    "a key in the wrong section": ({"rungs": 5}, "rungs: unknown key; it belongs under ladder or fixed_ladder"),
    "a key of a rung": (
        {"fixed_ladder": {"rungs": {"x264": [{"height": 720, "kbps": 900, "kpbs": 9}]}}},
        "fixed_ladder.rungs.x264[0].kpbs: unknown key; the nearest is kbps",
    ),
    "a key that is no text": ({1: 2}, "1: unknown key"),
    "text for a number": ({"batches": "two"}, 'batches is "two", not a whole number from 1 to 10000'),
    "true for a number": ({"batches": True}, "batches is true, not a whole number"),
    "a fraction for a whole number": ({"batches": 1.5}, "batches is 1.5, not a whole number"),
    "a number for true or false": ({"probe": {"normalise": 1}}, "probe.normalise is 1, not true or false"),
    "not a number": ({"encode": {"keyframe_s": math.nan}}, "encode.keyframe_s is NaN, not a number"),
    "infinity": ({"store": {"max_gb": math.inf}}, "store.max_gb is Infinity, not a number from 0.01 to 1000000"),
    "a number for a section": ({"search": 3}, "search is 3, not a table of keys"),
    "an empty section": ({"shots": None}, "shots is empty (null); give a table of keys, or leave the line out"),
    "one height": ({"heights": 720}, "heights is 720, not a list of even whole numbers from 2 to 4320"),
    "no heights": ({"heights": []}, "heights is empty; at least one is needed"),
    "an odd height": ({"heights": [271]}, "heights[0] is 271, not an even whole number"),
    "a negative height": ({"heights": [-2]}, "heights[0] is -2; the range is 2 to 4320"),
    "a height twice": ({"heights": [720, 720]}, "heights names 720 twice"),
    "too little": ({"search": {"max_rounds": 0}}, "search.max_rounds is 0; the range is 1 to 10"),
    "too much": ({"shots": {"threshold": 300}}, "shots.threshold is 300; the range is 0.05 to 255"),
    "a choice with a typo": (
        {"search": {"strategy": "gird"}},
        'search.strategy is "gird"; the choices are adaptive, grid, refine; the nearest is grid',
    ),
    "an engine without the model": (
        {"quality": {"engine": "numba", "model": "vmaf_v1.0.16_3d0h"}},
        "quality.engine is numba, which does not have quality.model vmaf_v1.0.16_3d0h; libvmaf has it",
    ),
    "a GPU without the model": (
        {"quality": {"engine": "cuda", "model": "vmaf_4k_v0.6.1neg"}},
        "quality.engine is cuda, which does not have quality.model vmaf_4k_v0.6.1neg; libvmaf has it",
    ),
    "a threshold where there is none": (
        {"shots": {"detector": "fixed", "threshold": 1}},
        "shots.threshold is 1, and the detector fixed has none; leave the line out",
    ),
    "no list of cuts": ({"shots": {"detector": "file"}}, "shots.detector is file, and shots.cuts_file names none"),
    "braces in the list of cuts": ({"shots": {"cuts_file": "{shot}.csv"}}, "not a path without braces"),
    "a longest shot below two of the shortest": (
        {"shots": {"min_length_s": 2, "max_length_s": 3}},
        "shots.max_length_s is 3, less than twice shots.min_length_s, 2",
    ),
    "a strategy that the allocation cannot use": (
        {"search": {"strategy": "adaptive"}, "ladder": {"allocation": "single"}},
        "is single: set search.strategy: refine, or ladder.allocation: per_shot",
    ),
    "a target with one CRF for all shots": (
        {"search": {"mode": "quality_floor"}, "ladder": {"allocation": "single"}},
        "search.mode is quality_floor, which gives every shot a CRF of its own, and ladder.allocation is single",
    ),
    "a height of its own for each shot": (
        {"search": {"mode": "bitrate_budget", "target_heights": "per_shot"}},
        "search.target_heights: per_shot is not playable as one stream; set best or each, and for study",
    ),
    "a floor beyond all": ({"search": {"target_quality": 101}}, "search.target_quality is 101; the range is 0 to 100"),
    "a tolerance beyond all": ({"search": {"tolerance": 101}}, "search.tolerance is 101; the range is 0 to 100"),
    "too few points": ({"search": {"max_points": 1}}, "search.max_points is 1; the range is 2 to 1000"),
    "a model that is not built in": ({"quality": {"model": "vmaf_v0.6.2"}}, "the nearest is vmaf_v0.6.1"),
    "a model that the filter cannot load": ({"quality": {"model": "vmaf_b_v0.6.3"}}, "the choices are vmaf_v0.6.1, "),
    "no variants": ({"variants": {}}, "variants is empty; at least one is needed"),
    "a variant's name": ({"variants": {"a_b": X264}}, 'variants: "a_b" is not a name of at most 40 letters'),
    "a variant's name as a number": ({"variants": {264: X264}}, "variants: 264 is not a name of at most 40 letters"),
    "variants equal up to case": ({"variants": {"a": X264, "A": X264}}, "variants.A: a differs from it only in case"),
    "a codec with a typo": (
        variant(codec="x246"),
        "; the choices are x264, x265, svtav1, libaom, rav1e, vp9, vvenc, h264_nvenc, ",
    ),
    "a variant without codec": (without("codec"), "variants.a lacks codec, text"),
    "two pixel formats in one codec": (
        {"variants": {"a": X264, "b": X264 | {"pix_fmt": "yuv420p10le"}}},
        "variants.b.pix_fmt is yuv420p10le, but a has yuv420p",
    ),
    "a preset of another codec": (variant(preset=8), "variants.a.preset is '8'; the choices are placebo, veryslow"),
    "a preset with a typo": (variant(preset="meduim"), "; the nearest is medium"),
    "a pixel format": (variant(pix_fmt="yuv420p12le"), "variants.a.pix_fmt is 'yuv420p12le'; the choices are yuv420p"),
    "no CRFs": (variant(crfs=[]), "variants.a.crfs is empty; at least one is needed"),
    "a CRF twice": (variant(crfs=[20, 20.0]), "variants.a.crfs names 20 twice"),
    "a CRF out of range": (variant(crfs=[20, 52]), "variants.a.crfs[1]: CRF 52 lies outside 1 to 51"),
    "a CRF off its step": (variant(crfs=[20.25]), "variants.a.crfs[0]: CRF 20.25 is not a multiple of 0.1"),
    "a CRF as text": (variant(crfs=["20"]), 'variants.a.crfs[0] is "20", not a number'),
    "a step that the encoder does not heed": (
        {"search": {"crf_step": 0.1}},
        "search.crf_step is 0.1, not a multiple of 0.25, the finest step of svtav1",
    ),
    "a rate that the codec has not": (
        variant(codec="rav1e", preset=10, crfs=None, rate="two_pass", kbps=[300]),
        "variants.a.rate is two_pass, which rav1e has not; the choices are quality, average",
    ),
    "a rate without bitrates": (
        variant(crfs=None, rate="average"),
        "variants.a: rate is average, and no bitrate is named; give a list of them, kbps: [400, 800, 1600, 3200] say",
    ),
    "a rate with CRFs": (
        variant(rate="two_pass", crfs=[20], kbps=[300]),
        "variants.a: crfs names qualities, and rate is two_pass, which keeps bitrates; give kbps in the place of crfs",
    ),
    "bitrates without a rate": (
        variant(kbps=[300]),
        "variants.a: kbps names bitrates to keep, and rate is quality; set rate: average or two_pass, or leave kbps",
    ),
    "a bitrate in parts": (
        variant(crfs=None, rate="average", kbps=[300, 300.5]),
        "variants.a.kbps[1]: 300.5 kbps is not a multiple of 1",
    ),
    "a bitrate above its cap": (
        variant(crfs=None, rate="average", kbps=[300, 1200], maxrate_kbps=900, bufsize_kbps=900),
        "variants.a.maxrate_kbps is 900, less than 1200 of kbps",
    ),
    "a cap beside a bitrate that the encoder cannot keep": (
        variant(codec="svtav1", preset=8, crfs=None, rate="average", kbps=[300], maxrate_kbps=900, bufsize_kbps=900),
        "variants.a: svtav1 cannot cap the rate beside a bitrate that it keeps; leave out maxrate_kbps",
    ),
    "a strategy that knows nothing of bitrates": (
        variant(crfs=None, rate="two_pass", kbps=[300]) | {"search": {"strategy": "adaptive"}},
        "variants.a.rate is two_pass: set search.strategy: grid or refine",
    ),
    "a cap without its buffer": (variant(maxrate_kbps=900), "maxrate_kbps and bufsize_kbps are given together"),
    "a cap that the encoder cannot keep": (
        variant(codec="h264_qsv", maxrate_kbps=900, bufsize_kbps=900),
        "variants.a: h264_qsv cannot cap the rate beside a quality; leave out maxrate_kbps and bufsize_kbps",
    ),
    "threads that hardware does not have": (
        variant(codec="hevc_nvenc", preset="p4", threads=2),
        "variants.a.threads is 2, but hevc_nvenc has none of its own; set it to 1",
    ),
    "8 bits of an encoder of 10": (
        variant(codec="vvenc"),
        "variants.a.pix_fmt is 'yuv420p'; the choices are yuv420p10le",
    ),
    "a fixed ladder that the encoder cannot cap": (
        {"fixed_ladder": {"crf": {"av1_amf": 90}, "rungs": {"av1_amf": [{"height": 720, "kbps": 900}]}}},
        "fixed_ladder.rungs.av1_amf: av1_amf cannot cap the rate beside a quality; compare it with none",
    ),
    "no ffmpeg": ({"ffmpeg": ""}, "ffmpeg is empty"),
    "no encoder threads": (variant(threads=0), "variants.a.threads is 0; the range is 1 to 256"),
    "a fixed ladder of no codec": (
        {"fixed_ladder": {"rungs": {"h264": [{"height": 720, "kbps": 900}]}}},
        "fixed_ladder.rungs.h264: no such codec; the choices are x264, x265, svtav1, libaom, ",
    ),
    "a fixed height beside the heights": (
        {"fixed_ladder": {"rungs": {"x264": [{"height": 1008, "kbps": 900}]}}},
        "fixed_ladder.rungs.x264[0].height is 1008, which is not among heights",
    ),
    "a fixed rung twice": (
        {"fixed_ladder": {"rungs": {"x264": [{"height": 720, "kbps": 900}] * 2}}},
        "fixed_ladder.rungs.x264[1]: 720p at 900 kbps stands there twice",
    ),
    "a fixed rung without bitrate": (
        {"fixed_ladder": {"rungs": {"x264": [{"height": 720}]}}},
        "fixed_ladder.rungs.x264[0] lacks kbps, a number from 10 to 1000000",
    ),
    "a fixed CRF out of range": ({"fixed_ladder": {"crf": {"x264": 99}}}, "fixed_ladder.crf.x264: CRF 99 lies outside"),
    "limits of quality": ({"ladder": {"min_quality": 98}}, "ladder.min_quality is 98, above ladder.max_quality, 97"),
    "limits of bitrate": ({"ladder": {"max_kbps": 40}}, "ladder.min_kbps is 50, above ladder.max_kbps, 40"),
    "limits of height": ({"ladder": {"min_height": 720, "max_height": 360}}, "ladder.min_height is 720, above"),
    "heights outside the limits": (
        {"heights": [360], "ladder": {"min_height": 720}},
        "none of heights [360] lies within ladder.min_height 720 and ladder.max_height 4320",
    ),
    "segments between keyframes": (
        {"package": {"segment_s": 5}},
        "package.segment_s is 5, not a multiple of encode.keyframe_s, 2; segments start at keyframes: set it to 4 or 6",
    ),
    "segments at shots, longer than keyframes": (
        {"package": {"segments": "shots", "segment_s": 4}},
        "with package.segments shots every keyframe begins a segment: set both",
    ),
    "segments shorter than keyframes": ({"package": {"segment_s": 1}}, "set it to 2 or 4, say"),
    "a threshold of the other detector": (
        {"shots": {"detector": "content", "threshold": 3}},
        "shots.threshold is 3; the range for the detector content is 5 to 255 (27 is usual)",
    ),
    "a display in words": ({"display": "1080p"}, "display is \"1080p\", not 'source', or WIDTHxHEIGHT"),
    "an odd display": ({"display": "1921x1080"}, "display is 1921x1080; both sides must be even"),
    "a line break after the display": ({"display": "1920x1080\n"}, "not 'source', or WIDTHxHEIGHT"),
    "braces in a folder": ({"store": {"path": "out/{x}"}}, 'store.path is "out/{x}", not a path without braces'),
    "a folder without a name": ({"store": {"path": ""}}, "store.path is empty; give a path"),
    "a number for the source": ({"source": 2012}, "source is 2012, not text; put ./ before a name that looks like"),
    "true for the source": ({"source": True}, "source is true, not text; put ./ before a name"),
    "a mapping for the source": ({"source": {"a": "b.mp4"}}, 'source is {"a": "b.mp4"}, not text'),
    "nothing for the source": ({"source": None}, "source is empty (null); give text"),
}


@pytest.mark.parametrize(("given_config", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_config_is_told_in_a_sentence(given_config: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(given_config, CODECS)
    assert any(line.startswith("config: ") and message in line for line in str(caught.value).splitlines()), caught.value


def test_all_faults_are_told_at_once() -> None:
    bad = {"batchs": 1, "heights": [3], "ladder": {"min_kbps": 9, "max_kbps": 8}} | variant(preset="x")
    with pytest.raises(ConfigError) as caught:
        validate(bad, CODECS)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4, lines
    assert all(line.startswith("config: ") for line in lines)


def keys_of(part: dict[str, Any], steps: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(steps to a closed object, its keys) for every one in the schema; `a` stands for any name of a map."""
    found = [(steps, tuple(part["properties"]))] if "properties" in part else []
    for key, inner in part.get("properties", {}).items():
        found += keys_of(inner, (*steps, key))
    if isinstance(part.get("additionalProperties"), dict):
        found += keys_of(part["additionalProperties"], (*steps, "a"))
    return found


@st.composite
def typos(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[str, ...], str, str]:
    """A closed object's steps and keys, one of its keys, and that key after one or two edits."""
    steps, keys = draw(st.sampled_from(keys_of(SCHEMA)))
    key = draw(st.sampled_from(keys))
    typo = key
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(typo)))
        letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz_"))
        typo = draw(
            st.sampled_from(
                [typo[:at] + letter + typo[at:], typo[:at] + letter + typo[at + 1 :], typo[:at] + typo[at + 1 :]]
            )
        )
    return steps, keys, key, typo


@settings(max_examples=200, deadline=None)
@given(typos())
def test_any_typo_of_a_key_is_refused_and_its_neighbour_named(typo_of: tuple) -> None:
    steps, keys, key, typo = typo_of
    if typo in keys:
        return
    inner: dict[str, Any] = {typo: 1}
    for step in reversed(steps):
        inner = {step: inner}
    with pytest.raises(ConfigError) as caught:
        validate(inner, CODECS)
    line = next(line for line in str(caught.value).splitlines() if f": {'.'.join([*steps, typo])}: unknown key" in line)
    named = line.partition("unknown key; ")[2]
    if named.startswith("it belongs under"):
        return
    nearer = [other for other in keys if schema.distance(typo, other) < schema.distance(typo, key)]
    assert named.split()[0:2] == ["the", "nearest"]
    names = named.partition(" is ")[2] or named.partition(" are ")[2]
    assert key in names.split(" and ") or any(other in names.split(" and ") for other in nearer)


def test_defaults_are_valid_and_filling_them_again_changes_nothing() -> None:
    full = validate({}, CODECS)
    assert validate(full, CODECS) == full
    Draft202012Validator(SCHEMA).validate(full)


@pytest.mark.parametrize("name", ["config", "titles"])
def test_schemas_are_schemas_and_every_key_has_a_sentence(name: str) -> None:
    Draft202012Validator.check_schema(schema.load(name))

    def check(part: dict[str, Any], where: str) -> None:
        assert part["description"].endswith("."), where
        if "properties" in part:
            assert part["additionalProperties"] is False, where
        for key, inner in part.get("properties", {}).items():
            check(inner, f"{where}.{key}")

    check(schema.load(name), name)


def test_every_default_is_within_its_own_schema() -> None:
    def check(part: dict[str, Any]) -> None:
        if "default" in part:
            assert schema.faults(part, part["default"]) == []
        for inner in part.get("properties", {}).values():
            check(inner)

    check(SCHEMA)


def test_generated_files_have_not_drifted() -> None:
    remedy = "run `PYTHONPATH=scripts python -m laddersmith.config`"
    assert (ROOT / "config/config.yaml").read_text() == reference.config_yaml(), remedy
    assert (ROOT / "config/README.md").read_text() == reference.readme(), remedy


def test_the_shipped_file_says_exactly_the_defaults() -> None:
    shipped = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert validate(shipped, CODECS) == validate({}, CODECS)


def test_what_means_the_same_compares_equal() -> None:
    one = validate({"variants": {"a": X264 | {"codec": "svtav1", "preset": 8, "crfs": [20.0, 30]}}}, CODECS)
    other = validate(
        {"variants": {"a": X264 | {"codec": "svtav1", "preset": "8"}}, "encode": {"keyframe_s": 2.0}}, CODECS
    )
    assert json.dumps(one) == json.dumps(other)


def test_a_variant_without_crfs_takes_the_codecs_own() -> None:
    full = validate({"variants": {"a": {"codec": "x264", "preset": "medium"}}}, CODECS)
    assert full["variants"]["a"]["crfs"] == [19, 23, 27, 31, 35, 39]


def test_a_variant_that_keeps_bitrates_has_no_crfs_and_its_codecs_fixed_ladder_has() -> None:
    full = validate(variant(crfs=None, rate="two_pass", kbps=[300, 600.0], maxrate_kbps=900, bufsize_kbps=900), CODECS)
    a = full["variants"]["a"]
    assert (a["crfs"], a["kbps"], a["rate"]) == (None, [300, 600], "two_pass")
    fixed = {name: own for name, own in all_variants(full).items() if "@" in name}
    assert fixed
    assert all((own["rate"], own["kbps"], own["crfs"]) == ("quality", None, [18]) for own in fixed.values())


def test_the_given_config_is_left_alone() -> None:
    mine = {"search": {"strategy": "refine"}}
    validate(mine, CODECS)
    assert mine == {"search": {"strategy": "refine"}}


def test_default_fixed_ladder_follows_the_heights() -> None:
    full = validate({"heights": [720, 180]}, CODECS)
    assert full["fixed_ladder"]["rungs"]["x264"] == [{"height": 720, "kbps": 3000}, {"height": 720, "kbps": 4500}]
    assert validate(full, CODECS) == full
    assert validate({"heights": [180]}, CODECS)["fixed_ladder"]["rungs"] == {}


def test_one_codec_of_the_fixed_ladder_can_be_changed_alone() -> None:
    mine = {"fixed_ladder": {"rungs": {"x264": [{"height": 720, "kbps": 900}]}, "crf": {"x264": 21}}}
    fixed = validate(mine, CODECS)["fixed_ladder"]
    assert fixed["rungs"]["x264"] == [{"height": 720, "kbps": 900}]
    assert fixed["rungs"]["x265"] and fixed["crf"] == {"x264": 21, "x265": 20, "svtav1": 24}


def test_the_fixed_ladder_becomes_capped_variants() -> None:
    fixed = {"rungs": {"x264": [{"height": 720, "kbps": 900}, {"height": 360, "kbps": 900}]}, "crf": {"x264": 21}}
    full = validate(variant() | {"fixed_ladder": fixed}, CODECS)
    capped = full["variants"]["a"] | {"crfs": [21], "maxrate_kbps": 900, "bufsize_kbps": 900}
    assert all_variants(full) == {"a": full["variants"]["a"], "a@900k": capped}


def test_what_the_rules_ask() -> None:
    full = validate({}, CODECS)
    plain = Title("a", "a.mp4", None, 1)
    own = Title("a", "a.mp4", None, 1, codecs=("svtav1",), heights=(180, 360))
    assert codecs_of(full, plain) == ("x264", "svtav1")
    assert codecs_of(full, own) == ("svtav1",)
    assert heights_of(full, plain) == (2160, 1440, 1080, 720, 540, 360, 270)
    assert heights_of(full, own) == (360, 180)
    assert search_rounds(full) == 1
    for strategy, usual in (("refine", 2), ("adaptive", 3)):
        assert search_rounds(validate({"search": {"strategy": strategy}}, CODECS)) == usual
        assert search_rounds(validate({"search": {"strategy": strategy, "max_rounds": 4}}, CODECS)) == 4


def test_thresholds_are_the_detectors_own() -> None:
    from laddersmith.shots import Settings, pyscenedetect, transnetv2
    from laddersmith.shots.detector import MODULES

    section = SCHEMA["properties"]["shots"]["properties"]
    assert list(MODULES) == section["detector"]["enum"]
    assert pyscenedetect.THRESHOLDS | {"transnetv2": transnetv2.THRESHOLD} == config_module.THRESHOLDS
    limits = section["threshold"]["minimum"], section["threshold"]["maximum"]
    spans = config_module.THRESHOLDS.values()
    assert limits == (min(least for least, _, _ in spans), max(most for _, most, _ in spans))
    defaults = {key: value["default"] for key, value in section.items()}
    assert Settings(**defaults) == Settings()


def libvmaf_loads(model: str) -> bool:
    # 4K-distance models shrink the picture by much before they look at it: 640x360 is about the least that they take.
    clip = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"]
    name, phone = model.removesuffix("_phone"), model.endswith("_phone")
    graph = f"[0:v][1:v]libvmaf=model=version={name}" + r"\\:enable_transform=true" * phone
    command = [ffmpeg.executable(), "-v", "error", *clip, *clip, "-lavfi", graph, "-frames:v", "1", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("model", SCHEMA["properties"]["quality"]["properties"]["model"]["enum"])
def test_every_model_is_built_into_ffmpeg(model: str) -> None:
    assert libvmaf_loads(model)


def test_the_check_of_models_can_fail() -> None:
    assert not libvmaf_loads("vmaf_v0.6.2")
    assert not libvmaf_loads("vmaf_b_v0.6.3")  # In the library, but ffmpeg's filter does not load bootstrap models.


def test_auto_is_the_engine_that_has_the_model() -> None:
    def engine(**quality: str) -> str:
        return validate({"quality": quality}, CODECS)["quality"]["engine"]

    assert engine() == "numba"
    assert engine(model="vmaf_v0.6.1_phone") == "numba"
    assert engine(model="vmaf_v1.0.16_3d0h") == "libvmaf"
    assert engine(engine="libvmaf") == "libvmaf"


def test_import_is_quick_and_light() -> None:
    program = (
        "import sys, time; start = time.process_time(); import laddersmith.config; "
        "print(time.process_time() - start, *sorted(sys.modules))"
    )
    seconds = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
        )
        first, *modules = done.stdout.split()
        seconds.append(float(first))
    heavy = {"numpy", "pandas", "pyarrow", "av", "cv2", "scipy", "snakemake", "skvideo"}
    assert not heavy & {module.partition(".")[0] for module in modules}
    assert min(seconds) < IMPORT_S


def test_checking_is_light_too() -> None:
    program = (
        "import pathlib, sys; from laddersmith.config import read_titles, validate; "
        "from laddersmith.encode.codecs import CODECS; "
        "read_titles(validate({}, CODECS), root=pathlib.Path('..')); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "pandas", "pyarrow", "av", "cv2", "scipy", "snakemake", "skvideo"}
    assert not heavy & {module.partition(".")[0] for module in done.stdout.split()}


def test_two_hundred_titles_are_read_quickly(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("x")
    rows = "".join(f"t{i}\ta.mp4\t10\t1\n" for i in range(200))
    (tmp_path / "titles.tsv").write_text(f"title\tpath\tduration_s\tbatches\n{rows}")
    full = validate({"titles": "titles.tsv"}, CODECS)
    start = time.process_time()
    assert len(config_module.read_titles(full, root=tmp_path)) == 200
    assert time.process_time() - start < 1.0  # Measured: 0.1, importing jsonschema included.
