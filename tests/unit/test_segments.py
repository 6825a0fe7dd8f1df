"""Where segments begin: at keyframes, at every shot, or at fixed times, in the shots' table and in the package."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clips import ffmpeg_run
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.encode.inspect import Packet, read_packets
from laddersmith.errors import PackageError
from laddersmith.ladder.peak import flow, peak_rate
from laddersmith.package import check_package
from laddersmith.package.cuts import cut_at, segment_starts, shot_segments
from laddersmith.package.manifests import read_playlist
from laddersmith.shots import Settings, find_shots
from laddersmith.shots.detector import Cut
from laddersmith.shots.segments import boundaries, with_boundaries
from laddersmith.source import Media
from package_kit import Title, make_title, picture

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60)]


@given(st.sampled_from([2, 4, 6, 2.5]), st.sampled_from(RATES), st.integers(1, 5000))
def test_boundaries_are_the_first_frames_of_their_segments(segment_s, rate, frames):
    found = boundaries(segment_s, rate, frames)
    assert found == [
        f for f in range(1, frames) if f / rate // Fraction(str(segment_s)) > (f - 1) / rate // Fraction(str(segment_s))
    ]


@given(st.lists(st.integers(1, 499), unique=True), st.sets(st.integers(1, 499)), st.integers(1, 30))
def test_cuts_too_near_to_a_boundary_give_way(places, wanted, shortest):
    found = with_boundaries([Cut(place) for place in sorted(places)], wanted, shortest)
    assert set(wanted) <= {cut.frame for cut in found} <= set(wanted) | set(places)
    for cut in found:
        if cut.frame not in wanted:
            assert all(abs(cut.frame - place) >= shortest for place in wanted)
    dropped = set(places) - {cut.frame for cut in found}
    assert all(any(abs(frame - place) < shortest for place in wanted) for frame in dropped)


def test_a_title_is_cut_where_its_segments_begin(bikes):
    media = Media(str(bikes), 640, 272, "yuv420p", 8, Fraction(25), 250)
    shots = find_shots(media, Settings(detector="adaptive"), segment_s=4)
    assert shots["start"].tolist() == [0, 30, 76, 100, 137, 187, 200, 242]
    assert shots["transition"].tolist() == ["start", "cut", "cut", "split", "cut", "cut", "split", "cut"]
    # Segments alone in the place of shots: the same allocator tunes each.
    alone = find_shots(media, Settings(detector="fixed", fixed_length_s=4), segment_s=4)
    assert alone["start"].tolist() == [0, 100, 200]


STAMPS = ["-movflags", "negative_cts_offsets", "-use_editlist", "0", "-avoid_negative_ts", "disabled"]


def with_keyframes(rendition: Path, keys: list[int], target: Path) -> None:
    """The rendition coded anew, with keyframes at 0 and at these frames."""
    times = ",".join(f"{frame / 25 - 0.02:.3f}" for frame in keys)
    coding = ["-c:v", "libx264", "-bf", "3", "-g", "250", "-sc_threshold", "0", "-force_key_frames", times]
    coding += ["-forced-idr", "1", "-fps_mode", "passthrough", "-video_track_timescale", "25000"]
    ffmpeg_run("-i", rendition, *coding, *STAMPS, target)
    assert sorted(p.frame for p in read_packets(target, Fraction(25)) if p.keyframe) == [0, *keys]


def make_uneven(folder: Path, frames: int, keys: list[int]) -> tuple[Title, Path]:
    """A title and its one rendition, with keyframes at 0 and at these frames."""
    folder.mkdir(exist_ok=True)
    clip = folder / "source.mp4"
    heard = ["-f", "lavfi", "-i", "sine", "-frames:v", str(frames), "-t", str(frames / 25)]
    ffmpeg_run("-f", "lavfi", "-i", picture(), *heard, clip)
    made = make_title(folder, clip)
    rendition = folder / "renditions" / "x264" / f"{made.ladder['rungs'][0]['name']}.mp4"
    whole = folder / "whole.mp4"
    rendition.rename(whole)
    with_keyframes(whole, keys, rendition)
    return made, rendition


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A title of 75 frames whose keyframes stand at 0, 25, 37, 62: shots of 25, 12 and 38, keyframes every 25."""
    return make_uneven(tmp_path_factory.mktemp("uneven"), 75, [25, 37, 62])


def durations(folder, made) -> list[Fraction]:
    return [s.duration_s for s in read_playlist(folder / "x264" / f"{made.ladder['rungs'][0]['name']}.m3u8").segments]


@given(
    st.lists(st.integers(1, 120), min_size=1, max_size=30),
    st.integers(2, 50),
    st.sampled_from([Fraction(0), Fraction(1, 3)]),
)
def test_no_segment_is_shorter_than_half_nor_as_long_as_two(lengths, step, finer):
    cuts = np.cumsum([0, *lengths]).tolist()
    keys = [key for a, b in pairwise(cuts) for key in range(a, b, step)]
    longest = step - finer  # at 30000/1001 frames a second, the step is the whole number above
    starts = segment_starts(keys, cuts[:-1], cuts[-1], longest)
    assert starts[0] == 0 and set(starts) <= set(keys)
    lasting = [b - a for a, b in pairwise([*starts, cuts[-1]])]
    if len(lasting) > 1:
        assert min(lasting) >= longest / 2
    assert max(lasting) < step + longest
    if all(length >= longest / 2 for length in lengths):
        assert set(cuts[:-1]) <= set(starts)
        assert max(lasting) < step + longest / 2


def test_short_shots_begin_a_segment_with_what_follows():
    # Shots of 60, 40, 1 and 79 frames, a keyframe every 50: neither 50 to 60 nor the frame at 100 stands alone.
    assert segment_starts([0, 50, 60, 100, 101, 151], [0, 60, 100, 101], 180, Fraction(50)) == [0, 60, 100, 151]
    # At the end of the title, with what precedes it.
    assert segment_starts([0, 50, 51], [0, 51], 52, Fraction(50)) == [0]
    assert segment_starts([0, 50, 100], [0], 101, Fraction(50)) == [0, 50]
    assert segment_starts([0], [0], 1, Fraction(50)) == [0]


def test_segments_follow_the_shots(uneven, tmp_path):
    made, rendition = uneven
    shots = [0, 25, 37]
    joined = made.package(tmp_path / "package", segment_s=1, segments="shots", shots=shots)
    # The shot of 12 frames, shorter than half a second, is one segment with the first 25 of the next.
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 1.48, 0.52]
    assert joined["segments"] == "shots"
    assert check_package(tmp_path / "package", joined).problems == []
    assert shot_segments(rendition, Fraction(25), 1, shots) == ([0, 25, 62], 1.0)
    # The ladder's peak is over every keyframe's frames: that of the segments at most.
    packets = read_packets(rendition, Fraction(25))
    peaks = [kbps(packets, edges) for edges in ([0, 25, 37, 62, 75], [0, 25, 62, 75])]
    assert flow([rendition], Fraction(25), 1, every_keyframe=True).peak_kbps == pytest.approx(peaks[0])
    assert peaks[1] <= peaks[0]


def kbps(packets: list[Packet], edges: list[int]) -> float:
    """Peak rate of the segments between `edges`."""
    sizes = [sum(p.bytes for p in packets if a <= p.frame < b) for a, b in pairwise(edges)]
    return float(peak_rate(sizes, [Fraction(b - a, 25) for a, b in pairwise(edges)], 1)) / 1000


@pytest.mark.parametrize(
    ("frames", "keys", "shots", "expected"),
    [
        (52, [25, 50, 51], [0, 51], [25, 27]),  # a shot of 2 x 25 + 1 frames, and one of a single frame at the end
        (78, [25, 26, 27, 52, 77], [0, 25, 26, 27], [25, 27, 26]),  # two single frames after one another
        (27, [1, 26], [0, 1], [27]),  # a single frame at the start
    ],
)
def test_short_tails_and_single_frames_play(tmp_path, frames, keys, shots, expected):
    made, _ = make_uneven(tmp_path / "title", frames, keys)
    joined = made.package(tmp_path / "package", segment_s=1, segments="shots", shots=shots)
    assert [d * 25 for d in durations(tmp_path / "package", made)] == expected
    checked = check_package(tmp_path / "package", joined)
    assert checked.problems == []
    assert {count for counts in checked.frames.values() for count in counts.values()} == {frames}


def test_a_rung_without_a_keyframe_where_a_segment_begins_is_refused(uneven, tmp_path):
    _, rendition = uneven
    with pytest.raises(PackageError, match=r"frames \[30\] begin segments but are no keyframes"):
        cut_at(rendition, tmp_path / "cut.mp4", [0, 30], Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_with_keyframes_a_segment_begins_at_the_first_after_each_multiple(uneven, tmp_path):
    made, _ = uneven
    made.package(tmp_path / "package", segment_s=1, segments="keyframes")
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 1.48, 0.52]


def test_with_a_keyframe_at_every_multiple_all_segments_last_as_long(uneven, tmp_path):
    made, rendition = uneven
    cut = tmp_path / "cut.mp4"
    with_keyframes(rendition, [12, 25, 37, 50], cut)
    before = rendition.read_bytes()
    rendition.write_bytes(cut.read_bytes())
    made.package(tmp_path / "package", segment_s=1, segments="fixed")
    rendition.write_bytes(before)
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 1.0, 1.0]
