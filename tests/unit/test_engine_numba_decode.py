"""How the engine `numba` gets its pixels: the same as ffmpeg's, from files of any make; and its compiled kernels."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from clips import ROOT, ffmpeg_run
from laddersmith.errors import ScoreError
from laddersmith.quality import kernels, keyframes, score
from laddersmith.quality.decode import Encode, Planes
from laddersmith.quality.engine import Distorted, Reference
from laddersmith.quality.picture import same_colour
from laddersmith.quality.reference import title_reference
from test_quality import MOVING, TAGS, encode, media_of

FRAMES = 3


@pytest.fixture(scope="module")
def reference(make_clip: Callable[..., Path]) -> Reference:
    clip = make_clip("decode.mp4", f"{MOVING},{TAGS},format=yuv420p", FRAMES)
    return title_reference(media_of(clip), (320, 180), what="clip")


def joined(planes: list[np.ndarray]) -> bytes:
    return b"".join(plane.tobytes() for plane in planes)


def ours(path: Path, reference: Reference, pix_fmt: str) -> list[bytes]:
    """Each frame as the engine sees it."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
    encode = Encode(Distorted("it", path, first.width, first.height, first.format.name), reference, pix_fmt)
    frames = []
    while (planes := encode.planes()) is not None:
        frames.append(joined(planes))
    encode.close()
    return frames


def ffmpegs(path: Path, filters: str, pix_fmt: str, size: int, folder: Path) -> list[bytes]:
    """Each frame as ffmpeg's filters give it."""
    raw = folder / "frames.raw"
    passed = ("-fps_mode", "passthrough", "-pix_fmt", pix_fmt, "-f", "rawvideo")
    ffmpeg_run("-i", path, "-vf", filters, *passed, raw)
    data = raw.read_bytes()
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize(
    "coded, scored",
    [
        ("yuv420p", "yuv420p"), ("yuv420p", "yuv420p10le"), ("yuv420p10le", "yuv420p10le"), ("yuv420p", "yuv422p"),
        ("yuv420p", "yuv444p10le"), ("yuv422p10le", "yuv420p10le"), ("yuv444p", "yuv420p"), ("yuv422p", "yuv422p"),
        ("yuv444p10le", "yuv444p10le"), ("yuv420p10le", "yuv420p12le"), ("yuv422p10le", "yuv444p16le"),
    ],
)  # fmt: skip
def test_pixels_are_those_of_ffmpegs_scale_filter(make_clip, reference, tmp_path, coded, scored, range_) -> None:
    tagged = f"{MOVING},scale=out_range={range_},format={coded},{TAGS.replace('range=tv', f'range={range_}')}"
    clip = make_clip(f"{coded}{range_}.mp4", tagged, FRAMES, ("-c:v", "libx264", "-qp", "0", "-pix_fmt", coded))
    colour = replace(reference.colour, range=range_)
    for width, height in ((320, 180), (160, 90), (482, 270), (1280, 720)):
        display = replace(reference, width=width, height=height, pix_fmt=scored, colour=colour)
        found = ours(clip, display, scored)
        filters = f"{same_colour(display)},scale={width}:{height}:flags=bicubic,format={scored}"
        assert found == ffmpegs(clip, filters, scored, len(found[0]), tmp_path), (width, height)
        assert len(found) == FRAMES


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("scored", ["yuv420p", "yuv420p10le", "yuv420p12le"])
def test_the_references_samples_go_to_the_scoring_depth_as_ffmpeg_takes_them(
    reference, tmp_path, scored, range_
) -> None:
    same = replace(reference, colour=replace(reference.colour, range=range_))
    packed = next(iter(same.read()))
    (tmp_path / "one.yuv").write_bytes(packed)
    found = joined(Planes(same, scored).of_packed(packed, "yuv420p"))
    raw = ("-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", "320x180", "-i", tmp_path / "one.yuv")
    filters = f"{same_colour(same)},format={scored}"
    ffmpeg_run(*raw, "-vf", filters, "-pix_fmt", scored, "-f", "rawvideo", tmp_path / "other.yuv")
    assert found == (tmp_path / "other.yuv").read_bytes()


@pytest.mark.parametrize(
    "codec",
    [
        ("libx264", "-bf", "3"),
        ("libx265", "-preset", "ultrafast", "-bf", "4", "-x265-params", "log-level=none"),
        ("libsvtav1", "-preset", "12"),
    ],
)
def test_frames_come_in_presentation_order_after_edit_lists(make_clip, reference, tmp_path, codec) -> None:
    made = make_clip("coded.mp4", f"{MOVING},{TAGS},format=yuv420p", 20, ("-c:v", *codec))
    ffmpeg_run("-ss", "0.3", "-i", made, "-c", "copy", tmp_path / "edited.mp4")  # an edit list hides what it skips
    for path in (made, tmp_path / "edited.mp4"):
        found = ours(path, reference, "yuv420p")
        assert found == ffmpegs(path, "null", "yuv420p", len(found[0]), tmp_path)
    assert b"elst" in (tmp_path / "edited.mp4").read_bytes()


def streams(folder: Path, source: Path, *variants: tuple[str, str]) -> Path:
    """A raw stream of several encodes, one after the other: filters and pixel format of each."""
    parts = []
    for place, (filters, pix_fmt) in enumerate(variants):
        part = folder / f"{place}.h264"
        encode(source, part, filters=filters, options=("-pix_fmt", pix_fmt, "-f", "h264"))
        parts.append(part.read_bytes())
    path = folder / "joined.h264"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(
    "second, message",
    [
        (("scale=160:90", "yuv420p"), "decodes to 160x90 yuv420p, but it should be 320x180 yuv420p"),
        (("null", "yuv422p"), "decodes to 320x180 yuv422p, but it should be 320x180 yuv420p"),
        (("setparams=colorspace=smpte170m", "yuv420p"), "colour description changes at frame 3"),
        (("setparams=color_trc=smpte170m", "yuv420p"), "colour description changes at frame 3"),
        (("setparams=color_primaries=smpte170m", "yuv420p"), "colour description changes at frame 3"),
        (("setparams=range=pc", "yuv420p"), "colour description changes at frame 3"),
        (("setsar=4/3", "yuv420p"), "shape or colour description changes at frame 3"),
    ],
)
def test_what_changes_on_the_way_is_refused(reference, tmp_path, make_clip, second, message) -> None:
    clip = make_clip("decode.mp4", f"{MOVING},{TAGS},format=yuv420p", FRAMES)
    path = streams(tmp_path, clip, ("null", "yuv420p"), second)
    made = Encode(Distorted("it", path, 320, 180, "yuv420p"), reference, "yuv420p")
    with pytest.raises(ScoreError, match=f"it: .*{message}"):
        while made.planes() is not None:
            pass
    made.close()


def test_what_a_keyframe_states_anew_is_refused(reference, tmp_path, make_clip) -> None:
    clip = make_clip("decode.mp4", f"{MOVING},{TAGS},format=yuv420p", FRAMES)
    good = encode(clip, tmp_path / "good.mp4")
    path = streams(tmp_path, clip, ("null", "yuv420p"), ("setparams=chroma_location=top", "yuv420p"))
    both = [Distorted("good", good, 320, 180, "yuv420p"), Distorted("bad", path, 320, 180, "yuv420p")]
    with pytest.raises(ScoreError, match=r"bad: decodes with chroma_location top \(reference: left\)"):
        keyframes.check_keyframes(reference, both, timeout_s=60)
    assert keyframes.check_keyframes(reference, both[:1] * 20, timeout_s=60) == []


def test_an_encode_without_a_keyframe_is_refused(tmp_path, make_clip) -> None:
    """The only keyframe of a cut copy lies before its edit list begins: it is decoded and not shown."""
    clip = make_clip("coded.mp4", f"{MOVING},{TAGS},format=yuv420p", 20, ("-c:v", "libx264", "-bf", "0"))
    ffmpeg_run("-ss", "0.3", "-i", clip, "-c", "copy", tmp_path / "cut.mp4")
    encode(tmp_path / "cut.mp4", tmp_path / "shown.mp4", crf=0)
    with pytest.raises(ScoreError, match=r"cut\.mp4: ffmpeg decodes no keyframe of cut\.mp4; encode it again"):
        score(tmp_path / "shown.mp4", [tmp_path / "cut.mp4"], engine="numba")


def test_a_turned_picture_is_refused(reference, tmp_path, make_clip) -> None:
    clip = make_clip("decode.mp4", f"{MOVING},{TAGS},format=yuv420p", FRAMES)
    ffmpeg_run("-display_rotation", "90", "-i", clip, "-c", "copy", tmp_path / "turned.mp4")
    made = Encode(Distorted("it", tmp_path / "turned.mp4", 320, 180, "yuv420p"), reference, "yuv420p")
    with pytest.raises(ScoreError, match=r"it: asks players to turn its picture by -?90 degrees; encode it upright"):
        made.planes()
    made.close()


def test_sound_alone_is_no_encode(reference, tmp_path) -> None:
    ffmpeg_run("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", tmp_path / "sound.mp4")
    made = Encode(Distorted("it", tmp_path / "sound.mp4", 320, 180, "yuv420p"), reference, "yuv420p")
    with pytest.raises(ScoreError, match=r"it: sound\.mp4 has no video"):
        made.planes()


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    monkeypatch.setattr(kernels, "_loaded", {})
    monkeypatch.setattr(numba.config, "CACHE_DIR", numba.config.CACHE_DIR)  # put back afterwards


def test_kernels_are_compiled_once_for_all_jobs(tmp_path, monkeypatch, nothing_loaded) -> None:
    compiled = []
    monkeypatch.setattr(kernels, "warm", lambda: compiled.append(1) or 1.5)

    def job() -> None:
        monkeypatch.setattr(kernels, "_loaded", {})
        kernels.load(tmp_path / "kernels")

    jobs = [threading.Thread(target=job) for _ in range(4)]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()
    assert compiled == [1]
    [folder] = (tmp_path / "kernels").iterdir()
    assert folder.name == kernels.fingerprint()
    assert json.loads((folder / "warm.json").read_text())["seconds"] == 1.5
    monkeypatch.setattr(kernels, "fingerprint", lambda: "another")  # another CPU, another version
    job()
    assert compiled == [1, 1]


def test_a_folder_of_kernels_that_cannot_be_written_is_told(tmp_path, nothing_loaded) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ScoreError, match=re.escape("cannot be written") + ".*set quality.kernel_cache"):
        kernels.load(tmp_path / "file")


def test_numba_is_loaded_only_to_score() -> None:
    program = (
        "import sys; from laddersmith.quality import engine_named, score; "
        "[engine_named(n).version('vmaf_v0.6.1') for n in ('numba', 'libvmaf')]; "
        "print(sorted({'numba', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "scripts", capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
