"""Where segments begin: at keyframes, at every shot, or at fixed times, in the shots' table and in the package."""

from fractions import Fraction
from itertools import pairwise

import pytest
from clips import ffmpeg_run
from hypothesis import given
from hypothesis import strategies as st
from laddersmith.encode.inspect import read_packets
from laddersmith.ladder.peak import flow, peak_rate
from laddersmith.package.build import shortest_gap_s
from laddersmith.package.manifests import read_playlist
from laddersmith.shots import Settings, find_shots
from laddersmith.shots.detector import Cut
from laddersmith.shots.segments import boundaries, with_boundaries
from laddersmith.source import Media
from package_kit import make_title, picture

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


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A title of 75 frames whose keyframes stand at 0, 25, 37, 62: shots of 25, 12 and 38, keyframes every 25."""
    folder = tmp_path_factory.mktemp("uneven")
    clip = folder / "source.mp4"
    ffmpeg_run("-f", "lavfi", "-i", picture(), "-f", "lavfi", "-i", "sine", "-frames:v", "75", "-t", "3", clip)
    made = make_title(folder, clip)
    rendition = folder / "renditions" / "x264" / f"{made.ladder['rungs'][0]['name']}.mp4"
    whole = folder / "whole.mp4"
    rendition.rename(whole)
    times = ",".join(f"{frame / 25 - 0.02:.3f}" for frame in (25, 37, 62))
    stamps = ["-movflags", "negative_cts_offsets", "-use_editlist", "0", "-avoid_negative_ts", "disabled"]
    coding = ["-c:v", "libx264", "-bf", "3", "-g", "250", "-sc_threshold", "0", "-force_key_frames", times]
    coding += ["-forced-idr", "1", "-fps_mode", "passthrough", "-video_track_timescale", "25000"]
    ffmpeg_run("-i", whole, *coding, *stamps, rendition)
    keys = [packet.frame for packet in read_packets(rendition, Fraction(25)) if packet.keyframe]
    assert sorted(keys) == [0, 25, 37, 62]
    return made, rendition


def durations(folder, made) -> list[Fraction]:
    return [s.duration_s for s in read_playlist(folder / "x264" / f"{made.ladder['rungs'][0]['name']}.m3u8").segments]


def test_with_shots_every_keyframe_begins_a_segment(uneven, tmp_path):
    made, rendition = uneven
    joined = made.package(tmp_path / "package", segment_s=1, segments="shots")
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 0.48, 1.0, 0.52]
    assert joined["segments"] == "shots"
    assert shortest_gap_s(rendition, Fraction(25), 1) == 0.48
    # The peak that the ladder tells is over the same segments.
    packets = read_packets(rendition, Fraction(25))
    edges = [0, 25, 37, 62, 75]
    sizes = [sum(p.bytes for p in packets if a <= p.frame < b) for a, b in pairwise(edges)]
    peak = peak_rate(sizes, [Fraction(b - a, 25) for a, b in pairwise(edges)], 1)
    assert flow([rendition], Fraction(25), 1, every_keyframe=True).peak_kbps == pytest.approx(float(peak) / 1000)


def test_with_keyframes_a_segment_begins_at_the_first_after_each_multiple(uneven, tmp_path):
    made, _ = uneven
    made.package(tmp_path / "package", segment_s=1, segments="keyframes")
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 1.48, 0.52]


def test_with_a_keyframe_at_every_multiple_all_segments_last_as_long(uneven, tmp_path):
    made, rendition = uneven
    cut = tmp_path / "cut.mp4"
    times = ",".join(f"{frame / 25 - 0.02:.3f}" for frame in (12, 25, 37, 50))
    stamps = ["-movflags", "negative_cts_offsets", "-use_editlist", "0", "-avoid_negative_ts", "disabled"]
    coding = ["-c:v", "libx264", "-bf", "3", "-g", "250", "-sc_threshold", "0", "-force_key_frames", times]
    coding += ["-forced-idr", "1", "-fps_mode", "passthrough", "-video_track_timescale", "25000"]
    ffmpeg_run("-i", rendition, *coding, *stamps, cut)
    before = rendition.read_bytes()
    rendition.write_bytes(cut.read_bytes())
    made.package(tmp_path / "package", segment_s=1, segments="fixed")
    rendition.write_bytes(before)
    assert [float(d) for d in durations(tmp_path / "package", made)] == [1.0, 1.0, 1.0]
