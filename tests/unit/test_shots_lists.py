"""Cuts from files, at fixed times, and the rules on how short and long a shot may be."""

import itertools
import json
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.errors import ShotsError
from laddersmith.shots import Settings, make_detector
from laddersmith.shots.cutlists import read
from laddersmith.shots.detector import Cut
from laddersmith.shots.segments import boundaries
from laddersmith.shots.tiling import parted, ruled, spaced, tile
from laddersmith.source import Media

TITLE = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(25), 300)
NTSC = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(30000, 1001), 200_000)

EDL = """TITLE: A
FCM: NON-DROP FRAME

001  AX       V     C        00:00:00:00 00:00:04:00 01:00:00:00 01:00:04:00
* FROM CLIP NAME: a.mov
002  AX       A     C        00:00:00:00 00:00:04:00 01:00:01:00 01:00:05:00
003  AX       V     C        00:00:04:00 00:00:04:00 01:00:04:00 01:00:04:00
003  BX       V     D    010 00:00:00:00 00:00:02:00 01:00:04:00 01:00:06:00
004  CX       B     W001 020 00:00:00:00 00:00:02:00 01:00:06:00 01:00:08:00
005  DX       AA/V  C        00:00:00:00 00:00:04:00 01:00:08:00 01:00:12:00
"""
SCENES = """Timecode List:,00:00:01.000,00:00:02.000
Scene Number,Start Frame,Start Timecode,End Frame
1,1,00:00:00.000,25
2,26,00:00:01.000,50
3,51,00:00:02.000,300
"""


def written(folder, name, text):
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "frame\n25\n\n50\n", [Cut(25), Cut(50)]),
        ("a.csv", "transition,frame\nfade,50\n,25\n", [Cut(25), Cut(50, "fade")]),
        ("a.CSV", SCENES, [Cut(25), Cut(50)]),
        ("a.csv", SCENES.split("\n", 1)[1], [Cut(25), Cut(50)]),
        ("a.csv", "frame\n", []),
        ("a.txt", "0 24\n25 49\n\n50 299\n", [Cut(25), Cut(50)]),
        ("a.txt", "0 299\n", []),
        ("a.edl", EDL, [Cut(105, "gradual"), Cut(160, "wipe"), Cut(200)]),
    ],
)
def test_every_form_is_read(tmp_path, name, text, expected):
    assert read(written(tmp_path, name, text), TITLE) == expected


def test_what_the_command_writes_is_read(tmp_path):
    shots = [
        {"start": 0, "transition": "start"},
        {"start": 30, "transition": "cut"},
        {"start": 90, "transition": "fade"},
    ]
    text = json.dumps({"schema": "laddersmith/shots/1", "shots": shots})
    file = written(tmp_path, "a.json", text)
    assert read(file, TITLE) == [Cut(30), Cut(90, "fade")]
    finder = make_detector(Settings(detector="file", cuts_file=str(file)), TITLE)
    assert finder.label == "file (a.json)" and finder.picture_size(96, 64) is None
    assert finder.see(None) == [] and finder.finish() == [Cut(30), Cut(90, "fade")]


@pytest.mark.parametrize(
    ("time", "frame"),
    # 29.97 frames a second, drop-frame: 1,798 frames a minute, two more in every tenth, 107,892 an hour.
    [("00:00:59;29", 1799), ("00:01:00;02", 1800), ("00:10:00;00", 17982), ("01:00:00;00", 107892)],
)
def test_drop_frame_time_codes_count_real_frames(tmp_path, time, frame):
    end = "02:00:00;00"
    edl = f"001 AX V C {time} {end} 00:00:00;00 {time}\n002 AX V C {time} {end} {time} {end}\n"
    assert read(written(tmp_path, "a.edl", edl), NTSC) == [Cut(frame)]
    colons = edl.replace(";", ":")
    assert read(written(tmp_path, "b.edl", "FCM: DROP FRAME\n" + colons), NTSC) == [Cut(frame)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv, line 1: there is no header"),
        ("a.csv", "start\n25\n", "a.csv, line 1: no column is called frame"),
        ("a.csv", "frame\n25\n2x\n", "a.csv, line 3: '2x' is no frame number"),
        ("a.csv", "frame,transition\n25\n", "a.csv, line 2: 1 cells under 2 headings"),
        ("a.csv", "frame\n0\n", "a.csv, line 2: frame 0 begins no shot; the title's frames are 0 to 299"),
        ("a.csv", "frame\n\n300\n", "a.csv, line 3: frame 300 begins no shot"),
        ("a.csv", "frame,transition\n9,cut\n9,fade\n", "a.csv, line 3: frame 9 stands in line 2 already"),
        ("a.txt", "0 24\n25\n", "a.txt, line 2: a scene is two numbers"),
        ("a.txt", "0 24\n50 49\n", "a.txt, line 2: the scene ends at frame 49, before it starts at 50"),
        ("a.json", "[]", "a.json: not what `python -m laddersmith shots --json` writes"),
        ("a.json", '{"schema": "laddersmith/ladder/1"}', "its schema is 'laddersmith/ladder/1'"),
        ("a.edl", "TITLE: A\n", "a.edl: holds no event that carries video"),
        ("a.edl", "001 AX V C 0 1 2 3\n", "a.edl, line 1: not an event as CMX 3600 writes them"),
        ("a.edl", EDL.replace("01:00:12:00", "01:00:07:00"), "a.edl, line 10: the event ends before it starts"),
        ("a.edl", EDL.replace("01:00:12:00", "01:00:12:25"), "line 10: 01:00:12:25 is no time at 25 frames a second"),
        ("a.edl", EDL.replace("01:00:12:00", "01:00:12;00"), "drop-frame time codes are for 29.97 and 59.94"),
        ("a.fcpxml", "", "a.fcpxml: a list of cuts ends in .csv, .json, .txt, .edl"),
    ],
)
def test_a_list_that_cannot_be_is_refused_at_its_line(tmp_path, name, text, message):
    with pytest.raises(ShotsError, match=re.escape(message)):
        read(written(tmp_path, name, text), TITLE)


def test_a_time_code_that_dropping_leaves_out_is_refused(tmp_path):
    edl = "001 AX V C 00:00:00;00 00:00:01;00 00:01:00;00 00:02:00;02\n"
    with pytest.raises(ShotsError, match="line 1: frame 0 of a minute has no drop-frame time code"):
        read(written(tmp_path, "a.edl", edl), NTSC)


def test_a_list_that_is_missing_or_unnamed_is_told(tmp_path):
    with pytest.raises(ShotsError, match=r"absent\.csv: cannot be read"):
        read(tmp_path / "absent.csv", TITLE)
    with pytest.raises(ShotsError, match=r"set shots\.cuts_file"):
        make_detector(Settings(detector="file"), TITLE)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ShotsError, match=r"binary\.csv: cannot be read"):
        read(tmp_path / "binary.csv", TITLE)


@pytest.mark.parametrize(
    ("length_s", "expected"), [(4, [100, 200]), (4.01, [101, 201]), (12, []), (0.01, list(range(1, 300)))]
)
def test_fixed_cuts_stand_at_the_frames_after_the_times(length_s, expected):
    finder = make_detector(Settings(detector="fixed", fixed_length_s=length_s), TITLE)
    assert finder.picture_size(96, 64) is None and finder.see(None) == []
    cuts = finder.finish()
    assert [cut.frame for cut in cuts] == expected and {cut.transition for cut in cuts} <= {"split"}


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(25)])
@pytest.mark.parametrize("length_s", [0.4, 2, 4])
def test_fixed_cuts_do_not_drift(rate, length_s):
    media = Media("a.mkv", 96, 64, "yuv420p", 8, rate, 20000)
    settings = Settings(detector="fixed", fixed_length_s=length_s)
    cuts = ruled(make_detector(settings, media).finish(), settings, media)
    step = Fraction(str(length_s))
    for number, cut in enumerate(cuts, 1):
        assert cut.frame / rate >= number * step > (cut.frame - 1) / rate
    assert len(cuts) == len(boundaries(length_s, rate, media.frames)) == (media.frames - 1) / rate // step


@pytest.mark.parametrize("length_s", [0, -4, float("nan"), float("inf")])
def test_a_fixed_length_that_cannot_be_is_refused(length_s):
    with pytest.raises(ShotsError, match=r"shots\.fixed_length_s is .*; set it to more than 0 seconds"):
        make_detector(Settings(detector="fixed", fixed_length_s=length_s), TITLE)


# --- the rules on length

CUTS = [Cut(10, strength=0.6), Cut(14, strength=0.9), Cut(30, strength=0.5)]


@pytest.mark.parametrize(("rule", "expected"), [("first", [10, 30]), ("last", [14, 30]), ("strongest", [14, 30])])
def test_of_two_cuts_too_close_the_rule_says_which_stays(rule, expected):
    assert [cut.frame for cut in spaced(CUTS, 8, rule)] == expected
    assert [cut.frame for cut in spaced(CUTS, 1, rule)] == [10, 14, 30]
    assert spaced(CUTS, 60, rule) == []


def test_the_weakest_gives_way_whatever_its_place():
    cuts = [Cut(10, strength=0.9), Cut(14, strength=0.2), Cut(19, strength=0.8)]
    assert [cut.frame for cut in spaced(cuts, 8, "strongest")] == [10, 19]
    assert [cut.frame for cut in spaced(cuts, 8, "last")] == [10, 19]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("even", [25, 50, 75, 100, 110, 138, 166]), ("fixed", [30, 60, 90, 100, 110, 140, 170])],
)
def test_long_shots_are_parted(rule, expected):
    cuts = parted([Cut(100), Cut(110)], 195, 30, 5, rule)
    assert [cut.frame for cut in cuts] == expected
    assert {cut.frame for cut in cuts if cut.transition == "cut"} == {100, 110}
    assert {cut.transition for cut in cuts} == {"cut", "split"}


def test_a_fixed_rest_that_would_be_too_short_takes_from_the_part_before():
    assert [cut.frame for cut in parted([], 62, 30, 10, "fixed")] == [30, 52]


def test_rules_that_contradict_each_other_are_refused():
    settings = Settings(min_length_s=2, max_length_s=3)
    said = "shots.max_length_s, 3, is 75 frames at most, and shots.min_length_s, 2, 50 at least: the halves"
    with pytest.raises(ShotsError, match=re.escape(said)):
        ruled([], settings, TITLE)


@pytest.mark.parametrize("long", ["even", "fixed"])
@pytest.mark.parametrize(
    ("max_length_s", "most"), [(2, 59), (0.999, 29), (1.001, 30), (0.05, 1), (0.001, 1)], ids=lambda value: f"{value}"
)
def test_no_shot_is_longer_than_said(max_length_s, most, long):
    media = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(30000, 1001), 1200)
    settings = Settings(min_length_s=0, max_length_s=max_length_s, long=long)
    shots = tile(ruled([], settings, media), media.frames)
    parts = -(-media.frames // most)
    longest = (shots["end"] - shots["start"]).max()
    assert len(shots) == parts and longest == (most if long == "fixed" else -(-media.frames // parts))
    assert most == 1 or most / media.frame_rate <= Fraction(str(max_length_s))


@pytest.mark.parametrize("long", ["even", "fixed"])
def test_a_greatest_length_of_twice_the_least_is_no_contradiction(long):
    media = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(24000, 1001), 20)
    settings = Settings(min_length_s=0.4, max_length_s=0.8, long=long)  # 10 frames at least, 19 at most
    shots = tile(ruled([], settings, media), 20)
    assert (shots["end"] - shots["start"]).tolist() == [10, 10]


titles = st.integers(1, 3000).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.builds(Cut, st.integers(1, count - 1), st.just("cut"), st.floats(0, 1)),
            max_size=60,
            unique_by=lambda cut: cut.frame,
        )
        if count > 1
        else st.just([]),
    )
)


@given(
    titles,
    st.sampled_from(["first", "last", "strongest"]),
    st.sampled_from(["even", "fixed"]),
    st.integers(1, 40),
    st.integers(2, 5) | st.none(),
)
def test_whatever_the_rules_the_shots_tile_the_title_within_their_limits(title, short, long, shortest, times):
    count, cuts = title
    media = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(1), count)
    longest = None if times is None else shortest * times
    settings = Settings(min_length_s=shortest, max_length_s=longest, short=short, long=long)
    shots = tile(ruled(cuts, settings, media), count)
    assert list(itertools.chain(*map(range, shots["start"], shots["end"]))) == list(range(count))
    lengths = (shots["end"] - shots["start"]).tolist()
    assert all(length >= shortest for length in lengths[:-1])
    if longest is not None:
        assert max(lengths) <= longest


def test_a_thousand_shots_and_single_frames(tmp_path):
    media = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(25), 1000)
    file = written(tmp_path, "a.csv", "frame\n" + "\n".join(map(str, range(1, 1000))))
    shots = tile(ruled(read(file, media), Settings(min_length_s=0), media), 1000)
    assert len(shots) == 1000 and (shots["end"] - shots["start"] == 1).all()
