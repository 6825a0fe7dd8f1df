"""Codecs side by side in one package: their order, what the manifests say of it, what each takes."""

import shutil
from itertools import permutations

import package_kit
import pytest
from clips import ffmpeg_run
from laddersmith.ladder.savings import codec_sets
from laddersmith.package.check import check_manifests, check_package
from laddersmith.package.manifests import read_manifest, read_master
from laddersmith.package.order import preferred, scores


def test_the_format_of_fewest_bits_stands_first_and_what_is_named_before_it():
    codecs = ("x264", "vp9", "x265", "svtav1")
    for given in permutations(codecs):
        assert preferred(given, ()) == ["svtav1", "x265", "vp9", "x264"]
    assert preferred(codecs, ("x264",)) == ["x264", "svtav1", "x265", "vp9"]
    assert preferred(codecs, ("vp9", "x265", "vvenc")) == ["vp9", "x265", "svtav1", "x264"]


def test_codecs_of_one_format_stand_together_whatever_is_preferred():
    assert preferred(("libaom", "x264", "svtav1"), ("svtav1", "x264", "libaom")) == ["svtav1", "libaom", "x264"]
    assert preferred(("h264_nvenc", "x264", "libaom"), ()) == ["libaom", "h264_nvenc", "x264"]


def test_any_rung_of_a_preferred_format_scores_more_than_all_of_the_next():
    rungs = [{"codec": codec, "quality": quality} for codec in ("svtav1", "libaom", "x264") for quality in (0.0, 99.9)]
    assert scores(rungs) == [100.01, 199.9, 100.01, 199.9, 0.01, 99.9]


@pytest.fixture(scope="module")
def title(tmp_path_factory) -> package_kit.Title:
    """Two rungs of each of two codecs."""
    folder = tmp_path_factory.mktemp("two")
    film = folder / "film.mp4"
    ffmpeg_run("-f", "lavfi", "-i", package_kit.picture(), "-frames:v", "75", "-c:v", "libx264", film)
    made = package_kit.make_title(folder, film, codecs=("x264", "svtav1"), sizes=((48, 32), (96, 64)))
    for rung, kbps, quality in zip(made.ladder["rungs"], (400, 1600, 200, 800), (70, 90, 70, 90), strict=True):
        rung |= {"bitrate_kbps": kbps, "quality": quality}
    return made


@pytest.fixture(scope="module")
def package(title, tmp_path_factory):
    target = tmp_path_factory.mktemp("out") / "package"
    return target, title.package(target)


def test_both_codecs_are_sets_of_their_own_and_players_are_told_which_to_prefer(package):
    target, joined = package
    assert [rung["codec"] for rung in joined["rungs"]] == ["svtav1", "svtav1", "x264", "x264"]
    variants = [tag for tag in read_master(target / "master.m3u8") if tag.name == "#EXT-X-STREAM-INF"]
    assert [variant.attributes["CODECS"].split(".")[0] for variant in variants] == ["av01", "av01", "avc1", "avc1"]
    assert [variant.attributes["SCORE"] for variant in variants] == ["170.00", "190.00", "70.00", "90.00"]
    assert ",SCORE=170.00" in (target / "master.m3u8").read_text()  # a decimal number has no quotes
    videos = [r for r in read_manifest(target / "manifest.mpd") if r.adaptation_set["contentType"] == "video"]
    sets = {r.adaptation_set["id"]: (r.adaptation_set["selectionPriority"], r.attributes["codecs"][:4]) for r in videos}
    assert sets == {"0": ("2", "av01"), "1": ("1", "avc1")}
    checked = check_package(target, joined)
    assert checked.problems == []
    assert [list(frames.values()) for frames in checked.frames.values()] == [[75] * 4, [75] * 4]


def test_what_the_fallback_takes_is_told(package):
    svtav1, x264 = package[1]["sets"]
    assert (svtav1["codec"], svtav1["rungs"], svtav1["bd_rate_pct"]) == ("svtav1", 2, None)
    assert x264["bd_rate_pct"] == pytest.approx(100)  # twice the bits at every quality
    assert x264["share_pct"] == pytest.approx(100 * 2000 / 3000)
    assert x264["kilobytes"] == pytest.approx(2000 * 3 / 8)  # kbit/s, three seconds


def test_codecs_that_share_no_quality_have_no_bd_rate(title):
    rungs = [
        {**rung, "quality": rung["quality"] / (3 if rung["codec"] == "x264" else 1)} for rung in title.ladder["rungs"]
    ]
    _, fallback = codec_sets(title.ladder | {"rungs": rungs}, ["svtav1", "x264"])
    assert fallback["bd_rate_pct"] is None
    assert fallback["why_none"] == "the two curves share no range of quality, so they have no BD-rate"


def test_the_config_can_turn_the_order_round(title, tmp_path):
    joined = title.package(tmp_path / "package", prefer=["x264"])
    assert [rung["codec"] for rung in joined["rungs"]] == ["x264", "x264", "svtav1", "svtav1"]
    assert [one["codec"] for one in joined["sets"]] == ["x264", "svtav1"]
    assert check_manifests(tmp_path / "package", joined) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "master.m3u8",
            ",SCORE=70.00",
            ",SCORE=170.00",
            "master.m3u8: a variant of avc1 has a SCORE as great as one of",
        ),
        ("master.m3u8", ",SCORE=170.00", "", "a SCORE as great as one of av01, which stands first"),
        (
            "manifest.mpd",
            'selectionPriority="2"',
            'selectionPriority="1"',
            "manifest.mpd: the adaptation sets' selectionPriority does not fall in their order",
        ),
        ("manifest.mpd", 'codecs="avc1', 'codecs="av01', ""),
    ],
    ids=["score", "no score", "priority", "mixed"],
)
def test_a_broken_order_is_found(package, tmp_path, file, old, new, message):
    target, joined = package
    shutil.copytree(target, tmp_path / "package")
    text = (tmp_path / "package" / file).read_text()
    assert old in text
    changed = text.replace(old, new, 1)
    (tmp_path / "package" / file).write_text(changed)
    problems = check_manifests(tmp_path / "package", joined)
    message = message or "adaptation set 1 mixes av01 and avc1, between which no player can switch"
    assert any(message in problem for problem in problems), problems
