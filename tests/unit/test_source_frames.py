"""Frames by index are the frames of a full decode, whatever the file."""

from pathlib import Path

import av
import pytest
from clips import ffmpeg_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laddersmith.errors import SourceError
from laddersmith.source import Media, decoded, frames, packed_bytes, probe

FRAMES = 48
OPEN_GOP = ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "3", "-x264-params", "open-gop=1:scenecut=0")
X265_OPEN = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "open-gop=1:keyint=12:bframes=3:log-level=none")
REFRESH = ("-c:v", "libx264", "-g", "12", "-x264-params", "intra-refresh=1:bframes=0")
KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "b-frames": ("mp4", "25", ("-c:v", "libx264", "-g", "12", "-bf", "3")),
    "open-gop": ("mp4", "25", OPEN_GOP),
    "open-gop-matroska": ("mkv", "30000/1001", OPEN_GOP),
    "open-gop-transport-stream": ("ts", "30000/1001", OPEN_GOP),
    "open-gop-hevc": ("mkv", "24000/1001", X265_OPEN),
    "open-gop-mpeg2": ("ts", "25", ("-c:v", "mpeg2video", "-g", "12", "-bf", "2")),
    "intra-refresh": ("mp4", "25", REFRESH),
    "120-in-milliseconds": ("mkv", "120000/1001", OPEN_GOP),
    "10-bit": ("mp4", "60000/1001", ("-c:v", "libx264", "-g", "9", "-pix_fmt", "yuv420p10le")),
    "422": ("mkv", "50", ("-c:v", "libx264", "-g", "9", "-pix_fmt", "yuv422p")),
    "av1": ("mp4", "24", ("-c:v", "libsvtav1", "-preset", "12", "-g", "12")),
    "vp9": ("webm", "30", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "12")),
}


def opened(path: Path, **settings) -> Media:
    asked = {"normalise": False, "crop_bars": False, "timeout_s": 60.0} | settings
    found = probe(path, title="t", mezzanine=path.with_suffix(".mezzanine.mov"), **asked)
    return Media.from_json(found["media"])


@pytest.fixture(scope="module", params=sorted(KINDS))
def whole(request, make_clip) -> tuple[Media, list[bytes]]:
    suffix, rate, options = KINDS[request.param]
    path = make_clip(f"{request.param}.{suffix}", f"testsrc2=size=96x64:rate={rate}", FRAMES, options)
    media = opened(path)
    assert media.frames == FRAMES and f"{media.frame_rate}" == rate
    with av.open(str(path)) as container:
        count = sum(1 for _ in container.decode(video=0))
    assert count == FRAMES
    return media, list(frames(media))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_is_that_slice_of_the_whole(whole, data):
    media, pictures = whole
    start = data.draw(st.integers(0, FRAMES - 1))
    end = data.draw(st.integers(start + 1, FRAMES))
    assert list(frames(media, start, end)) == pictures[start:end]


def test_every_first_frame_after_a_seek_is_exact(whole):
    media, pictures = whole
    for start in range(0, FRAMES, 5):
        assert next(frames(media, start)) == pictures[start]


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_frames_before_an_edit_list_do_not_count(make_clip, tmp_path, suffix):
    source = make_clip("long.mp4", "testsrc2=size=96x64:rate=25", 60, ("-c:v", "libx264", "-g", "25", "-bf", "2"))
    cut = tmp_path / f"cut.{suffix}"
    ffmpeg_run("-ss", "0.4", "-i", source, "-c", "copy", cut)
    media, full = opened(cut), opened(source)
    assert media.frames == 50
    pictures = list(frames(media))
    assert pictures == list(frames(full, 10))
    assert list(frames(media, 20, 31)) == pictures[20:31]


def test_a_crop_takes_the_same_samples_out_of_every_plane(make_clip):
    video = "testsrc2=size=96x48:rate=25,pad=128:64:16:8"
    media = opened(make_clip("boxed.mkv", video, 12, ("-c:v", "ffv1", "-pix_fmt", "yuv420p")), crop_bars=True)
    inner = opened(make_clip("inner.mkv", "testsrc2=size=96x48:rate=25", 12, ("-c:v", "ffv1", "-pix_fmt", "yuv420p")))
    assert (media.crop_x, media.crop_y, media.width, media.height) == (16, 8, 96, 48)
    assert list(frames(media, 3, 9)) == list(frames(inner, 3, 9))


def test_full_range_stays_full_when_scaled_and_deepened(make_clip):
    options = ("-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "libx264", "-qp", "0", "-color_range", "pc")
    media = opened(make_clip("full.mp4", "color=white:size=96x64:rate=25", 3, options))
    assert (media.pix_fmt, media.colour.range) == ("yuv420p", "pc")
    assert next(frames(media))[:10] == bytes([255] * 10)
    assert next(frames(media, width=48, height=32))[:10] == bytes([255] * 10)
    deep = next(frames(media, pix_fmt="yuv420p10le"))
    # 255 becomes 1020 (shifted) or 1023 (spread); limited range would be 940.
    assert int.from_bytes(deep[:2], "little") >= 1020


def test_packed_sizes():
    assert packed_bytes("yuv420p", 6, 4) == 36
    assert packed_bytes("yuv422p10le", 6, 4) == 96
    with pytest.raises(SourceError, match="not planar"):
        packed_bytes("nv12", 6, 4)


def test_a_range_outside_the_title_is_refused(make_clip):
    media = opened(make_clip("short.mp4", "testsrc2=size=96x64:rate=25", 5))
    for start, end in [(0, 6), (-1, 2), (3, 3)]:
        with pytest.raises(SourceError, match=r"but the title has 5"):
            next(frames(media, start, end))


def test_a_file_that_lost_frames_since_it_was_probed_is_refused(make_clip):
    media = opened(make_clip("short.mp4", "testsrc2=size=96x64:rate=25", 5))
    longer = Media.from_json(media.to_json() | {"frames": 9})
    with pytest.raises(SourceError, match="decoding ended before frame 9"):
        list(frames(longer))


def test_a_missing_frame_is_named(make_clip):
    media = opened(make_clip("short.mp4", "testsrc2=size=96x64:rate=25", 5))
    wrong = Media.from_json(media.to_json() | {"frame_rate": "50/1"})
    with pytest.raises(SourceError, match=r"frame 1 is missing \(frame 2 came instead\)"):
        list(frames(wrong, 0, 4))


def test_an_unseekable_file_is_read_from_its_start(make_clip):
    media = opened(make_clip("short.mp4", "testsrc2=size=96x64:rate=25", 5))
    slow = Media.from_json(media.to_json() | {"seekable": False})
    assert [f.pts for f in decoded(slow, 3, 5)] == [f.pts for f in decoded(media, 3, 5)]
