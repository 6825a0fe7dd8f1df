import hashlib
import itertools
import json
import re
import runpy
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import ffmpeg_run
from hypothesis import given
from hypothesis import strategies as st
from laddersmith import tables
from laddersmith.errors import ShotsError, SourceError
from laddersmith.shots import (
    Settings,
    batch_of,
    check_tiling,
    complexity,
    detect,
    find,
    find_shots,
    identity,
    make_detector,
)
from laddersmith.shots.detector import Cut, Detector
from laddersmith.shots.pictures import Pictures
from laddersmith.shots.tiling import spaced, tile, whole_frames
from laddersmith.source import Colour, Media, frames, pictures

BIKES_STARTS = [0, 30, 76, 137, 187, 242]
LOSSLESS = ("-c:v", "ffv1")
ADAPTIVE = Settings(detector="adaptive")


def media_of(path: Path, width: int, height: int, count: int, pix_fmt: str = "yuv420p", **more) -> Media:
    depth = 10 if "10" in pix_fmt else 8
    return Media(str(path), width, height, pix_fmt, depth, Fraction(25), count, **more)


@pytest.fixture(scope="session")
def three_scenes(make_clip) -> Media:
    """30 frames of 96x64 with cuts at 12 and 20: a moving pattern, a red field, a moving pattern."""
    graph = (
        "testsrc2=size=96x64:rate=25:duration=0.48,format=yuv420p[a];color=red:size=96x64:rate=25:duration=0.32,"
        "format=yuv420p[b];mandelbrot=size=96x64:rate=25,format=yuv420p,trim=end_frame=10[c];[a][b][c]concat=n=3"
    )
    return media_of(make_clip("scenes.mkv", graph, 30, LOSSLESS), 96, 64, 30)


@pytest.fixture(scope="session")
def bikes_shots(bikes) -> pd.DataFrame:
    return find_shots(media_of(bikes, 640, 272, 250), ADAPTIVE)


# --- the detectors


def test_bikes_is_cut_where_its_shots_change(bikes_shots):
    assert bikes_shots["start"].tolist() == BIKES_STARTS
    assert bikes_shots["end"].tolist() == [*BIKES_STARTS[1:], 250]
    assert bikes_shots["transition"].tolist() == ["start"] + ["cut"] * 5
    assert bikes_shots["detector"].str.match(r"adaptive \(PySceneDetect 0\.7").all()


def test_content_cuts_bikes_the_same(bikes):
    assert detect(bikes, detector="content")["start"].tolist() == BIKES_STARTS


def test_bigbuckbunny_is_one_shot(bigbuckbunny):
    shots = detect(bigbuckbunny, detector="adaptive")
    assert shots.to_dict("records") == [{"shot": 0, "start": 0, "end": 132, "transition": "start"}]


@pytest.mark.parametrize(("detector", "threshold"), [("adaptive", 3.0), ("content", 27.0)])
def test_made_cuts_are_found_and_min_length_keeps_shots_apart(three_scenes, detector, threshold):
    def starts(min_length_s: float) -> list[int]:
        asked = Settings(detector=detector, threshold=threshold, min_length_s=min_length_s)
        found = find_shots(three_scenes, asked)
        return found["start"].tolist()

    assert starts(0.0) == [0, 12, 20]
    assert starts(0.4) == [0, 12]  # 10 frames: 20 is but 8 after 12
    assert starts(0.5) == [0, 20]  # 13 frames: 12 is too early
    assert starts(60.0) == [0]  # longer than the title


def test_a_higher_threshold_finds_fewer_cuts(bikes):
    assert detect(bikes, detector="adaptive", threshold=200)["start"].tolist() == [0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"detector": "transnet"},
            "no shot detector is called 'transnet'; set shots.detector to one of transnetv2, adaptive, content",
        ),
        ({"threshold": 0.5}, "adaptive takes a threshold from 1 to 255 (3 is usual), not 0.5; set shots.threshold"),
        ({"threshold": float("nan")}, "adaptive takes a threshold from 1 to 255 (3 is usual), not nan"),
        ({"detector": "content", "threshold": 3}, "content takes a threshold from 5 to 255 (27 is usual), not 3;"),
        ({"min_length_s": -1.0}, "shots.min_length_s is -1.0, and no shot can be that long; set it to 0 or more"),
        ({"min_length_s": float("inf")}, "shots.min_length_s is inf, and no shot"),
    ],
)
def test_settings_that_cannot_be_are_refused(three_scenes, settings, message):
    with pytest.raises(ShotsError, match=re.escape(message)):
        find_shots(three_scenes, replace(ADAPTIVE, **settings))


def test_a_detector_may_want_no_pictures_and_know_its_cuts_only_at_the_end(three_scenes, monkeypatch):
    class AtTheEnd(Detector):
        label = "at the end"

        def picture_size(self, width, height):
            return None

        def see(self, picture):
            assert picture is None
            return []

        def finish(self):
            return [Cut(20, "dissolve"), Cut(5)]

    monkeypatch.setattr(find, "make_detector", lambda *_: AtTheEnd())
    shots = find_shots(three_scenes, Settings(min_length_s=0.2))
    assert shots["start"].tolist() == [0, 5, 20] and shots["transition"].tolist() == ["start", "cut", "dissolve"]


def test_a_detector_sees_each_picture_once_in_order_at_the_size_it_asked_for(three_scenes, monkeypatch):
    seen = []

    class Watching(Detector):
        label = "watching"

        def picture_size(self, width, height):
            return 48, 27

        def see(self, picture):
            seen.append(picture)
            return []

    monkeypatch.setattr(find, "make_detector", lambda *_: Watching())
    find_shots(three_scenes, ADAPTIVE)
    assert len(seen) == 30 and {(p.shape, p.dtype.name) for p in seen} == {((27, 48, 3), "uint8")}
    # Red in full range, BGR order: the clip's own rounding to 8-bit YUV is worth 2 code values at most.
    assert np.abs(seen[15].astype(int) - (0, 0, 254)).max() <= 2


def test_ten_bits_are_cut_like_eight(three_scenes):
    deep = Path(three_scenes.path).with_name("scenes10.mkv")
    ffmpeg_run("-i", three_scenes.path, "-pix_fmt", "yuv420p10le", *LOSSLESS, deep)
    eight, ten = find_shots(three_scenes, ADAPTIVE), find_shots(media_of(deep, 96, 64, 30, "yuv420p10le"), ADAPTIVE)
    assert ten["start"].tolist() == eight["start"].tolist()
    # The same pictures times four, divided by four: float32 rounding only.
    for column in ("spatial_complexity", "temporal_complexity"):
        np.testing.assert_allclose(ten[column], eight[column], rtol=1e-5)
    assert not set(ten["frames_sha256"]) & set(eight["frames_sha256"])


def test_a_grey_title_has_pictures(make_clip):
    clip = make_clip("grey.mkv", "testsrc2=size=96x64:rate=25,format=gray", 4, LOSSLESS)
    shots = find_shots(media_of(clip, 96, 64, 4, "gray"))
    assert len(shots) == 1 and shots["spatial_complexity"][0] > 0


# --- one pass


def test_a_title_is_decoded_once(three_scenes, monkeypatch):
    calls = []
    monkeypatch.setattr(find, "pictures", lambda *given: calls.append(given) or pictures(*given))
    find_shots(three_scenes, ADAPTIVE)
    assert calls == [(three_scenes, 0, 30)]


def test_a_title_shorter_than_it_says_is_an_error(three_scenes):
    with pytest.raises(SourceError, match="decoding ended before frame 31"):
        find_shots(replace(three_scenes, frames=31), ADAPTIVE)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_titles_of_a_few_frames_are_one_shot(make_clip, count):
    media = media_of(make_clip(f"short{count}.mkv", "testsrc2=size=96x64:rate=25", count, LOSSLESS), 96, 64, count)
    shots = find_shots(media)
    assert shots[["start", "end"]].to_numpy().tolist() == [[0, count]]
    assert (shots["temporal_complexity"][0] > 0) == (count > 1)


def test_detect_refuses_what_is_no_video(tmp_path):
    sound = tmp_path / "sound.mp4"
    ffmpeg_run("-f", "lavfi", "-i", "sine=d=0.2", sound)
    with pytest.raises(SourceError, match=r"sound\.mp4: .*no video"):
        detect(sound)
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(SourceError, match=r"text\.mp4: "):
        detect(tmp_path / "text.mp4")
    with pytest.raises(SourceError, match=r"absent\.mp4: "):
        detect(tmp_path / "absent.mp4")


def test_limited_range_is_stretched_and_full_range_left():
    limited = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(25), 1)
    full = replace(limited, colour=Colour(range="pc"))
    packed = bytes([126]) * (96 * 64) + bytes([128]) * (96 * 64 // 2)
    assert Pictures(full).bgr(packed, 48, 32).flat[0] == 126
    assert Pictures(limited).bgr(packed, 48, 32).flat[0] == 128  # (126 - 16) * 255 / 219


def test_detect_makes_a_source_usable_first(make_clip):
    graph = (
        "testsrc2=size=96x64:rate=25:duration=0.6[a];color=red:size=96x64:rate=25:duration=0.6[b];[a][b]concat,setsar=2"
    )
    shots = detect(make_clip("wide.mkv", graph, 30, LOSSLESS), detector="adaptive")
    assert shots[["start", "end"]].to_numpy().tolist() == [[0, 15], [15, 30]]


# --- hashes


def test_a_shot_is_known_by_its_pictures_and_its_facts(three_scenes):
    shots = find_shots(three_scenes, ADAPTIVE)
    digests = [hashlib.sha256(packed).digest() for packed in frames(three_scenes)]
    for column, function in (("frames_sha256", identity.frames_sha256), ("context_sha256", identity.context_sha256)):
        assert shots[column].tolist() == [
            function(three_scenes, digests, start, end) for start, end in zip(shots["start"], shots["end"], strict=True)
        ]


def test_the_same_pictures_hash_alike_in_another_file_and_place(three_scenes):
    part = Path(three_scenes.path).with_name("part.nut")
    ffmpeg_run("-i", three_scenes.path, "-vf", "trim=start_frame=12,setpts=PTS-STARTPTS", "-c:v", "ffvhuff", part)
    whole, alone = find_shots(three_scenes, ADAPTIVE), find_shots(media_of(part, 96, 64, 18), ADAPTIVE)
    assert alone["frames_sha256"][0] == identity_of(three_scenes, 12, 30)
    assert alone["context_sha256"][0] not in set(whole["context_sha256"])


def identity_of(media: Media, start: int, end: int) -> str:
    return identity.frames_sha256(media, [hashlib.sha256(packed).digest() for packed in frames(media)], start, end)


DIGESTS = [hashlib.sha256(bytes([i])).digest() for i in range(6)]
MEDIA = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(25), 6)


@pytest.mark.parametrize("function", [identity.frames_sha256, identity.context_sha256])
def test_each_fact_and_each_frame_changes_the_hash(function):
    variants = [
        MEDIA,
        replace(MEDIA, width=64, height=96),
        replace(MEDIA, pix_fmt="yuv422p"),
        replace(MEDIA, frame_rate=Fraction(24000, 1001)),
        *(replace(MEDIA, colour=Colour(**{name: "x"})) for name in Colour.__dataclass_fields__),
    ]
    hashes = [function(media, DIGESTS, 1, 4) for media in variants]
    hashes += [function(MEDIA, DIGESTS, *span) for span in ((1, 3), (2, 4), (0, 4))]
    hashes += [function(MEDIA, [*DIGESTS[:2], DIGESTS[3], DIGESTS[2], *DIGESTS[4:]], 1, 4)]
    assert len(set(hashes)) == len(hashes)
    assert function(replace(MEDIA, path="b.mkv", frames=99), DIGESTS, 1, 4) == hashes[0]


def test_context_is_the_neighbours_and_the_title_s_ends():
    other = hashlib.sha256(b"other").digest()
    inner = identity.context_sha256(MEDIA, DIGESTS, 2, 4)
    assert identity.context_sha256(MEDIA, [other, *DIGESTS[1:]], 2, 4) == inner  # two frames away
    hashes = {
        inner,
        identity.context_sha256(MEDIA, [DIGESTS[0], other, *DIGESTS[2:]], 2, 4),
        identity.context_sha256(MEDIA, [*DIGESTS[:4], other], 2, 4),
        identity.context_sha256(MEDIA, DIGESTS[:4], 2, 4),
        identity.context_sha256(MEDIA, DIGESTS[2:], 0, 2),
        identity.context_sha256(MEDIA, DIGESTS[2:4], 0, 2),
        identity.frames_sha256(MEDIA, DIGESTS, 2, 4),
    }
    assert len(hashes) == 7


# --- complexity


def plain_si(luma: np.ndarray) -> float:
    """SI as P.910 writes it, by slices."""
    y = luma.astype(float)
    right, left = y[:, 2:], y[:, :-2]
    across = (right - left)[:-2] + 2 * (right - left)[1:-1] + (right - left)[2:]
    below, above = y[2:], y[:-2]
    down = (below - above)[:, :-2] + 2 * (below - above)[:, 1:-1] + (below - above)[:, 2:]
    return float(np.hypot(across, down).std())


@pytest.mark.parametrize("shape", [(3, 3), (5, 8), (64, 97)])
def test_si_and_ti_are_those_of_the_recommendation(shape):
    rng = np.random.default_rng(7)
    luma, before = (rng.integers(0, 256, shape).astype(np.float32) for _ in range(2))
    # float32 sums of 3x3 kernels against float64: rounding at 1e-7 of values up to 1,500.
    assert complexity.spatial_information(luma) == pytest.approx(plain_si(luma), rel=1e-4, abs=1e-3)
    assert complexity.temporal_information(luma, before) == pytest.approx(float((luma - before).std()), rel=1e-5)


def test_flat_and_still_pictures_are_not_complex():
    flat = np.full((20, 30), 130, np.float32)
    assert complexity.spatial_information(flat) == 0 == complexity.temporal_information(flat, flat)
    assert complexity.temporal_information(flat + 40, flat) == 0  # a fade changes no structure
    assert complexity.spatial_information(np.ones((2, 9), np.float32)) == 0


def test_shot_means_take_no_difference_across_a_cut():
    spatial, temporal = np.array([1.0, 3, 5, 7]), np.array([0.0, 2, 100, 4])
    spans = np.array([0, 2, 3]), np.array([2, 3, 4])
    assert complexity.shot_means(spatial, temporal, *spans) == ([2.0, 5.0, 7.0], [2.0, 0.0, 0.0])
    assert complexity.shot_means(spatial, temporal, np.array([0]), np.array([4]))[1] == [pytest.approx(106 / 3)]


@pytest.mark.parametrize(
    ("size", "measured"),
    [((640, 360), (640, 360)), ((640, 272), (640, 272)), ((3840, 2160), (640, 360)), ((1080, 1920), (360, 640))],
)
def test_complexity_is_measured_at_no_more_pixels_than_640x360(size, measured):
    assert complexity.measured_size(*size) == measured


def test_bikes_complexity_orders_its_shots_as_the_eye_does(bikes_shots):
    assert bikes_shots["spatial_complexity"].idxmax() == 3  # railings before rows of houses
    assert bikes_shots["spatial_complexity"].idxmin() == 0  # a road and roofs from above
    assert bikes_shots["temporal_complexity"].idxmax() == 1  # a car fills the picture as it passes


def test_luma_is_on_the_8_bit_scale_and_shrunk_by_averaging(three_scenes):
    packed = next(frames(three_scenes))
    own = np.frombuffer(packed, np.uint8, 96 * 64).reshape(64, 96)
    pictures = Pictures(three_scenes)
    assert (pictures.luma(packed, 96, 64) == own).all()
    blocks = own.reshape(32, 2, 48, 2).mean(axis=(1, 3))
    assert np.abs(pictures.luma(packed, 48, 32) - blocks).max() <= 0.5  # rounded to whole code values


# --- tiling

titles = st.integers(1, 400).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.integers(1, count - 1), max_size=40) if count > 1 else st.just([])
    )
)


@given(titles, st.integers(1, 60))
def test_whatever_the_cuts_the_shots_tile_the_title_and_none_but_the_last_is_short(title, shortest):
    count, places = title
    shots = tile(spaced([Cut(place) for place in places], shortest), count)
    assert list(itertools.chain(*map(range, shots["start"], shots["end"]))) == list(range(count))
    assert ((shots["end"] - shots["start"])[:-1] >= shortest).all()
    assert set(shots["start"]) <= {0, *places}
    if shortest == 1:
        assert set(shots["start"]) == {0, *places}


@pytest.mark.parametrize("places", [[0], [10], [12], [-1], [5, 5], [6, 3]])
def test_cuts_that_cannot_be_make_no_shots(places):
    with pytest.raises(ShotsError):
        tile([Cut(place) for place in places], 10)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([], "there is no shot; a title has one at least"),
        ([(0, 4), (5, 10)], "film: shot 1 [5, 10) leaves a gap: it should start at frame 4"),
        ([(1, 10)], "shot 0 [1, 10) leaves a gap: it should start at frame 0"),
        ([(0, 6), (5, 10)], "shot 1 [5, 10) overlaps what comes before it: it should start at frame 6"),
        ([(0, 5), (5, 5), (5, 10)], "shot 1 [5, 5) is empty"),
        ([(0, 5), (5, 3)], "shot 1 [5, 3) is empty"),
        ([(0, 5), (5, 9)], "the shots end at frame 9, but the title has 10; detect its shots again"),
        ([(0, 5), (5, 11)], "the shots end at frame 11, but the title has 10"),
    ],
)
def test_shots_that_do_not_tile_the_title_are_refused(spans, message):
    shots = pd.DataFrame(spans, columns=["start", "end"], dtype=int)
    shots["shot"] = range(len(shots))
    with pytest.raises(ShotsError, match=re.escape(message)):
        check_tiling(shots, 10, "film")


def test_shots_out_of_number_are_refused():
    with pytest.raises(ShotsError, match=re.escape("shot 1 [0, 10) stands where shot 0 belongs")):
        check_tiling(pd.DataFrame({"shot": [1], "start": [0], "end": [10]}), 10)


@pytest.mark.parametrize(
    ("seconds", "rate", "expected"),
    [
        (0.4, "25", 10),
        (0.28, "25", 7),
        (0.4, "24000/1001", 10),
        (0, "25", 1),
        (0.01, "25", 1),
        (1.001, "30000/1001", 30),
    ],
)
def test_the_shortest_shot_in_frames_is_exact(seconds, rate, expected):
    assert whole_frames(seconds, Fraction(rate), "shots.min_length_s") == expected


# --- batches


def shots_of(lengths) -> pd.DataFrame:
    ends = np.cumsum(lengths)
    return pd.DataFrame({"shot": range(len(ends)), "start": ends - lengths, "end": ends})


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(1, 11))
def test_no_other_split_has_a_smaller_largest_batch(lengths, batches):
    batch = batch_of(shots_of(lengths), batches)
    used = min(batches, len(lengths))
    assert (np.diff(batch) >= 0).all() and sorted(set(batch)) == list(range(used))
    splits = itertools.combinations(range(1, len(lengths)), used - 1)
    best = min(max(sum(part) for part in np.split(lengths, split)) for split in splits)
    assert np.bincount(batch, weights=lengths).max() == best


def test_batches_are_as_even_as_they_can_be():
    assert batch_of(shots_of([10] * 6), 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert batch_of(shots_of([10] * 5), 3).tolist() in ([0, 0, 1, 1, 2], [0, 0, 1, 2, 2], [0, 1, 1, 2, 2])
    assert batch_of(shots_of([100, 1, 1, 1, 1]), 3).tolist() == [0, 1, 1, 2, 2]
    assert batch_of(shots_of([5, 9]), 4).tolist() == [0, 1]
    assert batch_of(shots_of([5, 9]), 1).tolist() == [0, 0]


def test_two_thousand_shots_are_shared_out_at_once():
    shots = shots_of(np.random.default_rng(3).integers(1, 400, 2000))
    started = time.perf_counter()
    batch = batch_of(shots, 64)
    assert time.perf_counter() - started < 1  # seconds; some 10 ms alone on one core
    assert len(set(batch)) == 64 and (batch == batch_of(shots, 64)).all()


@pytest.mark.parametrize(
    ("lengths", "batches", "message"),
    [([5], 0, "in 0 batches; set its batches to 1"), ([5, 0], 1, "none is empty"), ([], 1, "only when there are some")],
)
def test_batches_that_cannot_be_are_refused(lengths, batches, message):
    with pytest.raises(ShotsError, match=message):
        batch_of(shots_of(np.array(lengths, int)), batches)


# --- the door


def test_the_door_writes_the_table_of_the_probed_source(three_scenes, tmp_path):
    facts, shots = tmp_path / "source.json", tmp_path / "shots.parquet"
    source = {
        "title": "scenes",
        "path": three_scenes.path,
        "sha256": hashlib.sha256(Path(three_scenes.path).read_bytes()).hexdigest(),
    }
    facts.write_text(json.dumps(source | {"media": three_scenes.to_json()}))
    main = runpy.run_path(str(Path(find.__file__).parents[2] / "detect_shots.py"))["main"]
    main(
        str(facts),
        str(shots),
        title="scenes",
        cuts="",
        settings={"detector": "adaptive", "min_length_s": 0.2},
        segment_s=None,
        config={"probe": {"timeout_s": 60}, "shots": {"device": "cpu"}, "gpu": {"fallback": "cpu", "slots": 1}},
        threads=1,
    )
    written = tables.read(shots, tables.SHOTS)
    assert written["start"].tolist() == [0, 12, 20] and written["end_s"].tolist() == [0.48, 0.8, 1.2]


def test_an_unknown_detector_is_named_where_it_is_made(three_scenes):
    with pytest.raises(ShotsError, match="no shot detector is called ''"):
        make_detector(Settings(detector=""), three_scenes)
