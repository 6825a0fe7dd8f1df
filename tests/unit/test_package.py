"""Packages play: in both manifests, every rung, in time with the sound, and with every track accounted for."""

import hashlib
import importlib.util
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from clips import ROOT, ffmpeg_run
from encode_shots import HEIGHT, WIDTH, encode_shot, settings
from encode_shots import title as media_of
from export_kit import shots_table
from laddersmith import tables
from laddersmith.errors import PackageError, SourceError
from laddersmith.package import check_package, stitch
from laddersmith.package.audio import JITTER_S
from laddersmith.package.manifests import read_manifest, read_master, read_playlist
from laddersmith.package.shaka import run as run_shaka
from laddersmith.package.shaka import video_stream
from laddersmith.source import frames
from package_kit import FLASH_S, Title, beep_s, flash_s, make_title, picture, rung_of, sound, verdict_of

# Flash and beep of one instant are heard as one well within this; the beep's onset is found to a few samples.
IN_TIME_S = 0.005
VIDEO = ("-c:v", "libx264", "-bf", "2", "-qp", "10")
FILES = {"facts": "source.json", "shots": "shots.parquet", "ladder": "ladder.json"}
FORMS = ("master.m3u8", "manifest.mpd")
SCHEMA = json.loads((ROOT / "config" / "schemas" / "package.json").read_text())


def source(path: Path, *options: str, frames: int = 75, before: tuple[str, ...] = (), **heard: float) -> Path:
    """A film of one flash and one beep at one instant; `before` goes in front of the sound's input."""
    heard = {"seconds": 3.0} | heard
    inputs = ["-f", "lavfi", "-i", picture(), *before, "-f", "lavfi", "-i", sound(**heard)]
    ffmpeg_run(*inputs, *VIDEO, "-frames:v", str(frames), *options, path)
    return path


def early(path: Path) -> Path:
    """The sound began 0.7 s before the picture, and an edit list hides that part."""
    long = path.with_name("long.m4a")
    ffmpeg_run("-f", "lavfi", "-i", sound(3.7, at=FLASH_S + 0.7), "-c:a", "aac", long)
    silent = path.with_name("silent.mp4")
    ffmpeg_run("-f", "lavfi", "-i", picture(), "-frames:v", "75", *VIDEO, silent)
    ffmpeg_run("-i", silent, "-itsoffset", "-0.7", "-i", long, "-c", "copy", path)
    return path


def late(path: Path, codec: str, by_s: float = 0.5) -> Path:
    return source(path, "-c:a", codec, before=("-itsoffset", str(by_s)), seconds=2.0, at=FLASH_S - by_s)


@pytest.fixture(scope="module")
def flash(tmp_path_factory) -> Title:
    folder = tmp_path_factory.mktemp("flash")
    film = source(folder / "flash.mp4", "-c:a", "aac")
    return make_title(folder, film, codecs=("x264", "x265", "svtav1"), sizes=((96, 64), (48, 32)))


@pytest.fixture(scope="module")
def packaged(flash, tmp_path_factory) -> tuple[Path, dict]:
    target = tmp_path_factory.mktemp("films") / "Le „château“ d'été [1] 100% #?" / "package"
    return target, flash.package(target)


def test_every_rung_decodes_through_both_manifests(packaged, flash):
    target, joined = packaged
    checked = check_package(target, joined)
    assert checked.problems == []
    names = {f"{rung['codec']}/{rung['name']}" for rung in flash.ladder["rungs"]}
    assert checked.frames == {kind: dict.fromkeys(names, 75) for kind in ("hls", "dash")}


def test_flash_and_beep_are_one_instant_for_every_codec(packaged):
    target, joined = packaged
    assert joined["audio"][0]["how"] == "copied"
    for form in FORMS:
        heard = beep_s(target / form)
        for number in range(len(joined["rungs"])):
            assert abs(flash_s(target / form, number) - heard) < IN_TIME_S, (form, number)


@pytest.mark.parametrize(
    ("name", "make", "how"),
    [
        ("a.ts", lambda path: source(path, "-c:a", "aac"), "copied"),
        ("a.mkv", lambda path: source(path, "-c:a", "libopus"), "encoded"),
        ("late.mp4", lambda path: late(path, "aac"), "copied"),
        ("late.mkv", lambda path: late(path, "libmp3lame"), "encoded"),
        ("late.mov", lambda path: late(path, "pcm_s16le"), "encoded"),
        ("early.mp4", early, "copied"),
        # 15 ms are 720 samples: no whole number of AAC frames.
        ("askew.mp4", lambda path: late(path, "aac", 0.015), "copied"),
    ],
)
def test_sound_keeps_its_place(tmp_path, name, make, how):
    title = make_title(tmp_path, make(tmp_path / name))
    joined = title.package(tmp_path / "package")
    assert joined["audio"][0]["how"] == how
    for form in FORMS:
        assert flash_s(tmp_path / "package" / form) == pytest.approx(FLASH_S, abs=1e-6)
        assert abs(beep_s(tmp_path / "package" / form) - FLASH_S) < IN_TIME_S, form
    playlist = read_playlist(tmp_path / "package" / joined["audio"][0]["playlist"])
    # It may begin one AAC frame (21 ms) late; three decimals round each segment's duration.
    assert float(sum(segment.duration_s for segment in playlist.segments)) == pytest.approx(3.0, abs=0.025)


def test_the_ears_and_eyes_of_these_tests_hear_a_lag(tmp_path):
    film = source(tmp_path / "lag.mp4", "-c:a", "aac", at=FLASH_S + 0.02)
    make_title(tmp_path, film).package(tmp_path / "package")
    for form in FORMS:
        lag = beep_s(tmp_path / "package" / form) - flash_s(tmp_path / "package" / form)
        assert lag == pytest.approx(0.02, abs=0.002)


def test_sound_with_a_gap_is_encoded_anew_in_its_place(tmp_path):
    # Ten AAC frames of 1024 samples at 48 kHz are cut out 0.4 s before the beep; what follows keeps its time.
    whole = source(tmp_path / "whole.mkv", "-c:a", "aac")
    gap = ["-bsf:a", "noise=drop='between(n,25,35)'"]
    ffmpeg_run("-i", whole, "-c", "copy", *gap, tmp_path / "gap.mkv")
    joined = make_title(tmp_path, tmp_path / "gap.mkv").package(tmp_path / "package")
    assert joined["audio"][0]["how"] == "encoded"
    assert re.fullmatch(r"its time stamps stray by \d+ ms from its samples", joined["audio"][0]["reason"])
    assert abs(beep_s(tmp_path / "package" / "master.m3u8") - FLASH_S) < IN_TIME_S
    assert JITTER_S < IN_TIME_S


def test_two_runs_give_the_same_bytes(packaged, flash, tmp_path):
    flash.package(tmp_path / "other")
    assert digests(tmp_path / "other") == digests(packaged[0])


def digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_manifests_say_what_the_streams_are(packaged):
    target, joined = packaged
    variants = [tag.attributes for tag in read_master(target / "master.m3u8") if tag.name == "#EXT-X-STREAM-INF"]
    assert [v["CODECS"].split(",")[0].split(".")[0] for v in variants] == [
        "av01",
        "av01",
        "hvc1",
        "hvc1",
        "avc1",
        "avc1",
    ]
    assert {v["CODECS"].split(",")[1] for v in variants} == {"mp4a.40.2"}
    assert [v["RESOLUTION"] for v in variants] == ["96x64", "48x32"] * 3
    assert {v["FRAME-RATE"] for v in variants} == {"25.000"}
    assert {v["AUDIO"] for v in variants} == {"audio"}
    sets = [r.adaptation_set for r in read_manifest(target / "manifest.mpd")]
    assert [s["id"] for s in sets] == ["0", "0", "1", "1", "2", "2", "3"]
    assert {s["par"] for s in sets if s["contentType"] == "video"} == {"3:2"}
    assert all(len(rung["segments"]) == 3 for rung in joined["rungs"])
    assert [rung["picture_height"] for rung in joined["rungs"]] == [64, 32] * 3


def test_joined_ladder_meets_its_closed_schema(packaged):
    joined = packaged[1]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(joined, SCHEMA)
    assert json.loads((packaged[0] / "ladder.json").read_text()) == joined
    for extra in ({"surprise": 1}, {"source": joined["source"] | {"path": "/home/me/film.mp4"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(joined | extra, SCHEMA)


def test_a_peak_far_over_the_average_is_warned_of(tmp_path):
    # Two seconds of black and one of noise.
    noisy = "color=black:size=96x64:rate=25,noise=alls=100:allf=t:enable='gte(t,2)',format=yuv420p"
    ffmpeg_run("-f", "lavfi", "-i", noisy, "-frames:v", "75", *VIDEO, tmp_path / "noise.mp4")
    joined = make_title(tmp_path, tmp_path / "noise.mp4").package(tmp_path / "package")
    assert len(joined["warnings"]) == 1
    assert re.match(
        r"x264 64p_x264_crf30: its peak is \d\.\d times its average; cap the variant", joined["warnings"][0]
    )


@pytest.mark.parametrize(
    ("rate", "frames", "keyframe", "sizes"),
    [
        ("25/2", 31, 12, ((96, 64),)),
        ("30000/1001", 37, 30, ((640, 272), (422, 180))),
        ("24000/1001", 7, 24, ((96, 64),)),
        ("24000/1001", 30, 48, ((160, 90),)),
        ("25", 1, 25, ((96, 64),)),
    ],
)
def test_odd_rates_and_lengths(tmp_path, rate, frames, keyframe, sizes):
    width, height = sizes[0]
    source = tmp_path / "film.mp4"
    moving = f"testsrc2=size={width}x{height}:rate={rate},format=yuv420p"
    ffmpeg_run("-f", "lavfi", "-i", moving, "-frames:v", str(frames), *VIDEO, "-bf", "3", source)
    title = make_title(tmp_path, source, codecs=("svtav1", "x264", "x265"), sizes=sizes, keyframe=keyframe)
    joined = title.package(tmp_path / "package")
    checked = check_package(tmp_path / "package", joined)
    assert checked.problems == []
    assert {count for counts in checked.frames.values() for count in counts.values()} == {frames}


def test_every_track_is_carried_or_named(tmp_path):
    texts = {
        "a.srt": "1\n00:00:00,500 --> 00:00:09,000\nfirst <i>words</i>\n\n2\n00:00:20,000 --> 00:00:21,000\npast\n"
    }
    texts["late.srt"] = "1\n00:00:02,200 --> 00:00:02,700\nlate\n"
    texts["none.srt"] = "1\n00:00:20,000 --> 00:00:21,000\npast the end\n"
    texts["font.ttf"] = "no font"
    texts["marks"] = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=one\n"
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    inputs = [
        "-f",
        "lavfi",
        "-i",
        picture(),
        "-f",
        "lavfi",
        "-i",
        sound(),
        "-f",
        "lavfi",
        "-i",
        sound(layout="5.1", rate=44100),
    ]
    inputs += [part for name in ("a.srt", "late.srt", "none.srt", "marks") for part in ("-i", tmp_path / name)]
    inputs += ["-f", "lavfi", "-i", picture(size="32x32")]
    maps = [part for chosen in ("0:v", "1:a", "2:a", "1:a", "3:s", "4:s", "5:s", "7:v") for part in ("-map", chosen)]
    tags = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=eng", "-metadata:s:a:2", 'language=d",X=1']
    tags += [
        "-metadata:s:a:2",
        'title=x",URI="http://evil/",\nNAME="<b>&',
        "-disposition:a:0",
        "0",
        "-disposition:a:1",
        "default",
    ]
    tags += [
        "-metadata:s:s:0",
        "language=fre",
        "-disposition:s:1",
        "forced",
        "-c:s:0",
        "ass",
        "-c:s:1",
        "srt",
        "-c:s:2",
        "srt",
    ]
    kept = ["-map_chapters", "6", "-attach", tmp_path / "font.ttf", "-metadata:s:t:0", "mimetype=font/ttf"]
    film = tmp_path / "film.mkv"
    ffmpeg_run(
        *inputs, *maps, *VIDEO, "-c:a:0", "aac", "-c:a:1", "flac", "-c:a:2", "aac", *tags, *kept, "-t", "3", film
    )

    title = make_title(tmp_path, film)
    target = tmp_path / "package"
    joined = title.package(target)
    assert check_package(target, joined).problems == []
    jsonschema.validate(joined, SCHEMA)
    assert [(t["name"], t["language"], t["channels"], t["default"], t["how"]) for t in joined["audio"]] == [
        ("en", "en", 1, False, "copied"),
        ("en 2", "en", 6, True, "encoded"),
        ("x URI http evil NAME b", "und", 1, False, "copied"),
    ]
    assert [(t["name"], t["language"], t["forced"]) for t in joined["text"]] == [
        ("fr", "fr", False),
        ("text 2", "und", True),
    ]
    assert [(t["kind"], t["reason"]) for t in joined["left_out"]] == [
        ("subtitle", "it holds no cue within the title"),
        ("video", "a ladder is made of the first video track alone"),
        ("attachment", "attachment tracks have no place in HLS and DASH"),
        ("chapters", "1 chapters have no place in HLS and DASH"),
    ]
    media = [tag.attributes for tag in read_master(target / "master.m3u8") if tag.name == "#EXT-X-MEDIA"]
    assert [m["DEFAULT"] for m in media] == ["NO", "YES", "NO", "NO", "NO"]
    assert [m.get("LANGUAGE") for m in media] == ["en", "en", None, "fr", None]
    assert media[4]["FORCED"] == "YES"
    assert "first <i>words</i>" in (target / "text" / "0_fr" / "00001.vtt").read_text()
    assert "00:00:02.200 --> 00:00:02.700" in (target / "text" / "1_und" / "00003.vtt").read_text()
    sets = [r.adaptation_set for r in read_manifest(target / "manifest.mpd")]
    assert [(s["contentType"], s.get("lang")) for s in sets][1:] == [
        ("audio", "en"),
        ("audio", "en"),
        ("audio", "und"),
        ("text", "fr"),
        ("text", "und"),
    ]
    assert "evil" not in (target / "master.m3u8").read_text().replace("http evil", "")


def test_bitmap_subtitles_are_named(flash, tmp_path):
    disc = {"track": 0, "codec": "dvd_subtitle", "kind": "bitmap", "language": "ger", "title": "", "disposition": []}
    joined = replace(flash, facts=flash.facts | {"subtitles": [disc]}).package(tmp_path / "package")
    assert joined["left_out"] == [
        {
            "kind": "subtitle",
            "number": 0,
            "codec": "dvd_subtitle",
            "language": "de",
            "reason": "bitmap subtitles cannot become WebVTT; convert them to text first",
        }
    ]


def test_a_broken_segment_is_found(flash, tmp_path):
    joined = flash.package(tmp_path / "package")
    segment = tmp_path / "package" / joined["rungs"][2]["segments"][1]
    data = bytearray(segment.read_bytes())
    data[-400:] = bytes(400)
    segment.write_bytes(data)
    problems = check_package(tmp_path / "package", joined).problems
    assert any(re.match(r"(master.m3u8|manifest.mpd): .*(the decoder says|gives \d+ frames)", p) for p in problems)
    segment.unlink()
    assert "which is not there" in check_package(tmp_path / "package", joined).problems[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("master.m3u8", r"BANDWIDTH=\d+", "BANDWIDTH=1000", "below its measured peak"),
        ("master.m3u8", 'CODECS="av01[^"]*"', 'CODECS="avc1.64000a"', "but its bitstream is av01"),
        ("master.m3u8", "FRAME-RATE=25.000", "FRAME-RATE=24.000", "has FRAME-RATE 24.000, not 25.000"),
        ("master.m3u8", "RESOLUTION=96x64,", "", "has no RESOLUTION"),
        ("master.m3u8", "RESOLUTION=96x64", "RESOLUTION=96x66", "has RESOLUTION 96x66, not 96x64"),
        ("master.m3u8", "DEFAULT=YES", "DEFAULT=NO", "not exactly one audio track is the default"),
        ("master.m3u8", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-GONE", "one I-frame playlist for each rung"),
        ("svtav1/64p_svtav1_crf30.m3u8", "EXTINF:1.000", "EXTINF:1.040", "give its segments different durations"),
        ("svtav1/64p_svtav1_crf30.m3u8", "EXTINF:1.000", "EXTINF:1.040", "the segments of .* are not those of"),
        ("svtav1/64p_svtav1_crf30.m3u8", "00001.m4s", "00002.m4s", "name different segments"),
        ("svtav1/64p_svtav1_crf30.m3u8", "#EXT-X-ENDLIST", "", "has no segments or no end"),
        ("manifest.mpd", 'bandwidth="[0-9]+"', 'bandwidth="9"', "has bandwidth 9, below"),
        ("manifest.mpd", 'par="3:2"', "", "pixels must be square"),
        ("manifest.mpd", 'segmentAlignment="true"', "", "does not promise aligned segments"),
        ("manifest.mpd", 'r="2"', 'r="1"', "do not last as long as the title's 3.000 s"),
        (
            "manifest.mpd",
            'startNumber="1"',
            'startNumber="1" presentationTimeOffset="9"',
            "moves a track against the others",
        ),
        ("manifest.mpd", 't="0"', 't="10"', "do not begin at zero"),
        ("manifest.mpd", "</MPD>", "", "is no DASH manifest"),
    ],
)
def test_a_wrong_manifest_is_found(packaged, tmp_path, file, old, new, message):
    target, joined = packaged
    path = target / file
    text = path.read_text()
    wrong = re.sub(old, new, text, count=1)
    assert wrong != text
    try:
        path.write_text(wrong)
        problems = check_package(target, joined).problems
    finally:
        path.write_text(text)
    assert any(re.search(message, problem) for problem in problems), problems


def test_what_cannot_be_packaged_is_said(flash, tmp_path):
    target = tmp_path / "package"
    with pytest.raises(PackageError, match=r"no verdict on 64p_x264_crf30, 32p_x264_crf30, .*run `verify` again"):
        replace(flash, verdicts=[]).package(target)
    with pytest.raises(PackageError, match=r"rung svtav1/64p_svtav1_crf30 has no rendition .*run `assemble` again"):
        replace(flash, renditions=tmp_path).package(target)
    rungs = [flash.ladder["rungs"][0] | {"name": "../../etc"}]
    verdict = flash.verdicts[0]["rungs"][0] | {"name": "../../etc"}
    with pytest.raises(PackageError, match=r"'x264/../../etc' cannot be part of a segment's name"):
        replace(
            flash, ladder=flash.ladder | {"rungs": rungs}, verdicts=[{"codec": "x264", "rungs": [verdict]}]
        ).package(target)
    never_written = tmp_path / "never_written.mp4"
    os.mkfifo(never_written)
    with pytest.raises(PackageError, match=r"flash: Shaka Packager was stopped after 0.5 s"):
        run_shaka([video_stream(str(never_written), "x264", "a")], tmp_path, segment_s=1, what="flash", timeout_s=0.5)
    never_written.unlink()
    with pytest.raises(
        PackageError, match=r"(?s)Shaka Packager failed \(exit status \d+\).*command: .*  \| .*nowhere.mp4"
    ):
        run_shaka([video_stream("nowhere.mp4", "x264", "a")], tmp_path, segment_s=1, what="flash", timeout_s=60)
    with pytest.raises(PackageError, match="cannot be part of a packaged stream's name"):
        video_stream("in.mp4", "x264", "a,output=/etc/passwd")
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_there_is_replaced(flash, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "old").touch()
    flash.package(tmp_path / "package")
    assert not (tmp_path / "package" / "old").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["package"]


def test_the_door_packages_what_its_files_say(flash, tmp_path):
    spec = importlib.util.spec_from_file_location("package_door", ROOT / "scripts" / "package.py")
    assert spec and spec.loader
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    verdicts = [tmp_path / f"{verdict['codec']}.json" for verdict in flash.verdicts]
    for path, verdict in zip(verdicts, flash.verdicts, strict=True):
        path.write_text(json.dumps(verdict))
    (tmp_path / "source.json").write_text(json.dumps(flash.facts | {"path": "moved since"}))
    (tmp_path / "ladder.json").write_text(json.dumps(flash.ladder))
    tables.write(tmp_path / "shots.parquet", shots_table([(0, 75)]), tables.SHOTS)
    files = {name: str(tmp_path / file) for name, file in FILES.items()}
    given = {
        "segment_s": 1.0,
        "segments": "keyframes",
        "audio_kbps": 128.0,
        "prefer": [],
        "config": {"package": {"timeout_s": 60}},
    }
    asked = {"source": flash.facts["path"], "verdicts": [str(path) for path in verdicts], **files, **given}
    folders = [str(flash.renditions / verdict["codec"]) for verdict in flash.verdicts]
    door.main(**asked, renditions=folders, package=str(tmp_path / "package"))
    joined = json.loads((tmp_path / "package" / "ladder.json").read_text())
    jsonschema.validate(joined, SCHEMA)
    with pytest.raises(PackageError, match="the renditions lie in several folders"):
        door.main(**asked, renditions=[*folders, "elsewhere/x264"], package=str(tmp_path / "package"))


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
def test_stitched_shots_of_uneven_length_are_packaged(tmp_path, bikes, codec):
    # A keyframe every 5 frames and at the cut, 30 frames in; the last segment is a frame long.
    asked, chosen = settings(codec), [(0, 30), (30, 76)]
    whole = media_of(bikes, 640, 272, 250)
    parts = [
        encode_shot(
            codec,
            asked,
            frames(whole, *shot, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt),
            tmp_path / f"{shot[0]}.mp4",
        )
        for shot in chosen
    ]
    cut = tmp_path / "cut.mp4"
    ffmpeg_run("-i", bikes, "-frames:v", "76", "-an", "-c:v", "libx264", "-crf", "20", cut)
    title = make_title(tmp_path, cut, codecs=())
    name = f"{HEIGHT}p_{codec}_crf30"
    (tmp_path / "renditions" / codec).mkdir(parents=True)
    stitch(parts, tmp_path / "renditions" / codec / f"{name}.mp4", frame_rate=whole.frame_rate, codec=codec)
    ladder = title.ladder | {"rungs": [rung_of(codec, name, WIDTH, HEIGHT)]}
    verdicts = [{"codec": codec, "rungs": [verdict_of(name)]}]
    joined = replace(title, ladder=ladder, verdicts=verdicts).package(tmp_path / "package")
    checked = check_package(tmp_path / "package", joined)
    assert checked.problems == []
    assert {count for counts in checked.frames.values() for count in counts.values()} == {76}


def test_a_source_that_names_other_files_opens_none(flash, tmp_path):
    playlist = tmp_path / "film.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:3,\n{flash.facts['path']}\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match=r"film.mp4: cannot be decoded"):
        replace(flash, facts=flash.facts | {"path": str(playlist)}).package(tmp_path / "package")
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]
