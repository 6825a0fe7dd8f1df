"""Files from strangers: each is refused in a sentence that says what it is, and opens nothing but itself."""

import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from clips import KERNELS, ROOT, ffmpeg_run
from laddersmith.bench import fuzz, mutants
from laddersmith.errors import SourceError, ToolError
from laddersmith.source import header, limits, probe
from laddersmith.source.frames import OPTIONS


def look(path: Path, **settings) -> dict:
    asked = {"normalise": True, "crop_bars": False, "timeout_s": 60.0} | settings
    return probe(path, title="t", mezzanine=path.with_suffix(".mezzanine.mov"), **asked)


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def in_python(code: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture
def clip(make_clip) -> Path:
    sound = ("-c:v", "libx264", "-g", "12", "-movflags", "+faststart")
    return make_clip("sound.mp4", "testsrc2=size=96x64:rate=25", 75, sound)


PLAYLISTS = {
    "hls.mp4": ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{victim}\n#EXT-X-ENDLIST\n", "HLS playlist"),
    "bom.mp4": ("\ufeff#EXTM3U\n#EXTINF:1,\n{victim}\n", "HLS playlist"),
    "list.mp4": ("ffconcat version 1.0\nfile '{victim}'\n", "concat list"),
    "call.mp4": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        "SDP session",
    ),
    "dash.mp4": ('<?xml version="1.0"?>\n<MPD><BaseURL>{victim}</BaseURL></MPD>', "XML file"),
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_in_disguise_opens_nothing(tmp_path, clip, name):
    text, kind = PLAYLISTS[name]
    path = written(tmp_path / name, text.format(victim=clip))
    for examine in (look, header):
        with pytest.raises(SourceError, match=f"{kind}.*nothing that it names is opened"):
            examine(path)


@pytest.mark.parametrize("name", ["hls.mp4", "list.mp4", "call.mp4", "dash.mp4"])
def test_the_demuxers_refuse_a_playlist_that_slipped_past_the_look_at_its_first_bytes(
    tmp_path, clip, name, monkeypatch
):
    monkeypatch.setattr("laddersmith.source.describe.PLAYLISTS", {})
    path = written(tmp_path / name, PLAYLISTS[name][0].format(victim=clip))
    for examine in (look, header):
        with pytest.raises(SourceError, match="cannot be opened as a video"):
            examine(path)


def boxed(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def with_reference(data: bytes, alias: bytes) -> bytes:
    """The MP4 with its data reference replaced by an alias to another file."""
    out, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            content = with_reference(content, alias)
        if kind == b"dref":
            content = struct.pack(">II", 0, 1) + boxed(b"alis", alias)
        out += boxed(kind, content)
        at += size
    return out


def test_a_container_whose_data_lie_in_another_file_reads_none_of_them(tmp_path, make_clip):
    victim = make_clip("victim.mov", "testsrc2=size=96x64:rate=25", 10)
    name = str(victim).encode()
    # Version and flags, 150 bytes of volume and file names left empty, then records: 2 is the path, -1 the end.
    alias = bytes(154) + struct.pack(">HH", 2, len(name)) + name + b"\0" * (len(name) % 2) + b"\xff\xff\0\0"
    path = written(tmp_path / "elsewhere.mov", with_reference(victim.read_bytes(), alias))

    def packets(**more: str) -> int:
        with av.open(f"file:{path}", options=OPTIONS | more) as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)

    assert packets(enable_drefs="1", use_absolute_path="1") == 10, "the reference must be one that would be followed"
    assert packets() == 0
    with pytest.raises(SourceError, match="not one frame in it"):
        look(path)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.mp4", "concat:a.mp4|b.mp4", "subfile,,start,0,end,9,,:x.mp4"]
)
def test_an_address_is_not_a_file(address):
    with pytest.raises(SourceError, match="no such file"):
        probe(address, title="t", normalise=True, crop_bars=False, mezzanine=Path("m.mov"), timeout_s=9)


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a:b.mp4", 'it\'s "a" [film] %d.mp4', "фильм.mp4", "http:x.mp4", "a|b;$(id).mp4"]
)
def test_odd_names_are_only_names(tmp_path, clip, name, monkeypatch):
    written(tmp_path / name, clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert (
        probe(name, title="t", normalise=True, crop_bars=False, mezzanine=Path("m.mov"), timeout_s=60)["path"] == name
    )
    assert header(name)[2:] == (96, 64)


def test_metadata_is_data(tmp_path, clip):
    evil = '</script><b>"x"\n\'; rm -rf ~ $(id) ‮'
    path = tmp_path / "tagged.mkv"
    ffmpeg_run("-i", clip, "-c", "copy", "-metadata", f"title={evil}", path)
    found = look(path)
    assert found["container"]["tags"]["title"] == evil
    assert json.loads(json.dumps(found))["container"]["tags"]["title"] == evil


def test_what_is_no_video_is_called_by_its_name(tmp_path, clip):
    sine = ("-f", "lavfi", "-i", "sine=duration=0.3")
    ffmpeg_run(*sine, tmp_path / "sound.m4a")
    ffmpeg_run(*sine, "-i", clip, "-map", "0", "-map", "1:v", "-frames:v", "1", "-c:v", "mjpeg", tmp_path / "cover.mkv")
    ffmpeg_run(*sine, tmp_path / "bare.mp3")
    ffmpeg_run("-i", clip, "-frames:v", "1", tmp_path / "art.png")
    ffmpeg_run(
        "-i", tmp_path / "bare.mp3", "-i", tmp_path / "art.png", "-map", "0", "-map", "1", "-c", "copy",
        "-disposition:v", "attached_pic", tmp_path / "cover.mp3",
    )  # fmt: skip
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, sentence in {
        "sound.m4a": r"has no video track \(only audio\)",
        "cover.mp3": r"has no video track \(only audio\)",
        "folder.mp4": "is a folder",
        "pipe.mp4": "not an ordinary file",
        "missing.mp4": "no such file",
    }.items():
        with pytest.raises(SourceError, match=sentence):
            look(tmp_path / name)
        with pytest.raises(SourceError):
            header(tmp_path / name)
    with pytest.raises(SourceError, match=r"is empty \(0 bytes\)"):
        look(written(tmp_path / "empty.mp4", b""))
    with pytest.raises(SourceError, match="cannot be opened as a video"):
        look(written(tmp_path / "noise.mp4", random.Random(1).randbytes(5000)))
    with pytest.raises(SourceError, match="cannot be opened as a video"):
        look(written(tmp_path / "words.mp4", "hello " * 500))


def test_a_track_without_frames(tmp_path, clip):
    path = tmp_path / "none.mp4"
    ffmpeg_run("-i", clip, "-frames:v", "0", "-c", "copy", "-movflags", "+empty_moov", path)
    with pytest.raises(SourceError, match=r"no video track|not one frame|truncated"):
        look(path)
    path = written(tmp_path / "none.y4m", "YUV4MPEG2 W96 H64 F25:1 Ip A1:1 C420jpeg\n")
    with pytest.raises(SourceError, match="not one frame in it"):
        look(path)


def test_truncated_files(tmp_path, clip, make_clip):
    whole = clip.read_bytes()
    with pytest.raises(SourceError, match=r"is truncated|damaged after frame|damaged after \d+ frames"):
        look(written(tmp_path / "half.mp4", whole[: len(whole) * 2 // 3]))
    late = make_clip("late.mp4", "testsrc2=size=96x64:rate=25", 75).read_bytes()
    with pytest.raises(SourceError, match="index cannot be read; the file is truncated or corrupt"):
        look(written(tmp_path / "noindex.mp4", late[: len(late) * 2 // 3]))
    matroska = tmp_path / "whole.mkv"
    ffmpeg_run("-i", clip, "-c", "copy", matroska)
    data = matroska.read_bytes()
    with pytest.raises(SourceError, match=r"is truncated|damaged after"):
        look(written(tmp_path / "half.mkv", data[: len(data) // 2]))


@pytest.mark.parametrize("seed", range(4))
def test_corrupt_files_are_told_by_their_pictures(tmp_path, clip, seed):
    chance, data = random.Random(seed), bytearray(clip.read_bytes())
    start = data.find(b"mdat") + 8
    for _ in range(40):
        data[chance.randrange(start + 2000, len(data))] ^= 0xFF
    with pytest.raises(SourceError, match=r"damaged|corrupt"):
        look(written(tmp_path / "bad.mp4", bytes(data)))


def test_a_picture_that_changes_its_size_is_refused(tmp_path, make_clip):
    parts = [make_clip(f"p{w}.h264", f"testsrc2=size={w}x64:rate=25", 5) for w in (96, 128)]
    joined = written(tmp_path / "joined.h264", b"".join(part.read_bytes() for part in parts))
    with pytest.raises(SourceError, match="picture changes at frame 5 from 96x64 yuv420p to 128x64"):
        look(joined)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("big.y4m", b"YUV4MPEG2 W20000 H20000 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(1000)),
        ("wide.y4m", b"YUV4MPEG2 W65535 H16 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(1000)),
        ("tiny.y4m", b"YUV4MPEG2 W8 H8 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(96)),
        (
            "huge.ivf",
            struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", 65535, 65535, 25, 1, 1, 0)
            + struct.pack("<IQ", 16, 0) + bytes.fromhex("1000009d012affffffff000000000000"),
        ),
    ],
)  # fmt: skip
def test_absurd_geometry_is_refused_before_a_frame_is_allocated(tmp_path, name, content):
    path = written(tmp_path / name, content)
    code = (
        "import resource\n"
        "from pathlib import Path\n"
        "from laddersmith.source import bounded, probe\n"
        "with bounded(500, 30, 'test'):\n"
        f"    probe({str(path)!r}, title='t', normalise=True, crop_bars=False, mezzanine=Path('m.mov'), timeout_s=20)\n"
    )
    started = time.monotonic()
    ended = in_python(code)
    assert "SourceError" in ended.stderr and time.monotonic() - started < 20
    assert any(words in ended.stderr for words in ("is refused; at most", "too small to encode", "cannot be opened"))
    with pytest.raises(SourceError):
        header(path)


@pytest.mark.parametrize(("width", "height"), [(65535, 65535), (16386, 16), (12000, 12000), (15, 1080), (0, 0)])
def test_geometry_bounds(width, height):
    with pytest.raises(SourceError, match=r"is refused|too small"):
        limits.check_geometry("x", width, height)
    limits.check_geometry("x", 7680, 4320)


def test_memory_is_bounded_and_given_back():
    code = (
        "from laddersmith.source import bounded\n"
        "from laddersmith.errors import SourceError\n"
        "try:\n"
        "    with bounded(200, 30, 'film: probing'): bytearray(300 * 1024**2)\n"
        "except SourceError as error: print(error)\n"
        "with bounded(300, 30, 'film'): bytearray(150 * 1024**2)\n"
        "bytearray(350 * 1024**2)\n"
        "print('free again')\n"
    )
    ended = in_python(code)
    assert ended.returncode == 0, ended.stderr
    assert (
        ended.stdout.splitlines()[0].startswith("film: probing: needs more than 200 MB")
        and "free again" in ended.stdout
    )


def test_a_decoder_that_lacks_memory_is_an_error_of_ours(make_clip):
    path = make_clip("large.mp4", "testsrc2=size=3840x2160:rate=25", 3, ("-c:v", "libx264", "-preset", "ultrafast"))
    code = (
        "from pathlib import Path\n"
        "from laddersmith.source import bounded, survey\n"
        "from laddersmith.source.survey import survey\n"
        "with bounded(30, 60, 'film'):\n"
        f"    survey({str(path)!r}, 0, full_range=False, timeout_s=50)\n"
    )
    ended = in_python(code)
    assert ended.returncode == 1 and "SourceError: film: needs more than 30 MB" in ended.stderr, ended.stderr


def test_a_process_that_is_stuck_ends_with_one_sentence():
    code = (
        "import time\nfrom laddersmith.source import bounded\nwith bounded(900, 0.3, 'film: probing'): time.sleep(30)\n"
    )
    started = time.monotonic()
    ended = in_python(code)
    assert ended.returncode == 1 and time.monotonic() - started < 20
    assert ended.stderr.strip() == "film: probing: not done after 0.3 s, given up; raise the time limit"


def test_work_in_time_is_left_alone():
    code = (
        "import time\nfrom laddersmith.source import bounded\n"
        "with bounded(900, 0.3, 'film'): pass\n"
        "time.sleep(0.6)\nprint('alive')\n"
    )
    assert in_python(code).stdout == "alive\n"


def test_a_decode_that_takes_too_long_is_given_up(make_clip):
    path = make_clip("slow.mp4", "testsrc2=size=640x360:rate=25", 60)
    with pytest.raises(SourceError, match=r"raise probe.timeout_s"):
        look(path, timeout_s=0.05)


# What the bench found, each mended: a codec that libav does not know, tags that are no UTF-8.
FOUND = [
    ("bikes.mp4", "bits flipped in the header", 3),
    ("bikes.mp4", "boxes swapped", 6),
    ("bigbuckbunny.mkv", "bits flipped in the header", 6),
    ("bikes.webm", "lying numbers", 6),
]


def test_a_few_dozen_mutants_end_in_a_score_or_in_one_sentence(tmp_path):
    """`bench_fuzz` does so with thousands."""
    clips = fuzz.make_clips(tmp_path)
    cases = [fuzz.Case(clip, kind, 0) for clip in ("bikes.mp4", "bigbuckbunny.mkv") for kind in mutants.KINDS]
    cases += [fuzz.Case(*found) for found in FOUND]
    outcomes = dict(fuzz.examined(clips, cases, workers=1, kernels=KERNELS, folder=tmp_path))
    wrong = {case: one for case, ends in outcomes.items() for one in ends if one.end not in ("passed", "refused")}
    assert not wrong
    assert {one.end for ends in outcomes.values() for one in ends} == {"passed", "refused"}


def test_a_seed_decides_a_mutant(clip):
    data = clip.read_bytes()
    for kind in mutants.KINDS:
        assert mutants.mutant(data, kind, 5) == mutants.mutant(data, kind, 5) != mutants.mutant(data, kind, 6)
    named = [kind for _, _, kind in mutants.boxes(data)]
    assert {b"moov", b"mvhd", b"stsz", b"mdat"} <= set(named) and named.index(b"moov") < named.index(b"stsz")
    assert list(mutants.boxes(b"no mp4 at all, this")) == []


@pytest.mark.parametrize(
    ("code", "end", "told"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crash", "exit status -11"),
        ("import time; time.sleep(60)", "hang", "killed after 1 s"),
        ("import sys; sys.exit('film: not done after 1 s, given up; raise the time limit')", "refused", "given up"),
        ("raise SystemError('no')", "crash", "exit status 1: SystemError: no"),
    ],
)
def test_a_worker_that_is_lost_is_counted_and_started_anew(tmp_path, clip, monkeypatch, code, end, told):
    monkeypatch.setattr(fuzz, "PROCESS_S", 1)
    monkeypatch.setattr(fuzz, "WORKER", ("-c", f"print('ready', flush=True); input(); {code}"))
    worker = fuzz.Worker(tmp_path / "worker", KERNELS)
    found = worker.examine(clip, fuzz.Case("clip", "truncated", 0))
    worker.close()
    assert [one.end for one in found] == [end, end] and all(told in one.told for one in found)


def test_a_worker_that_does_not_start_is_told(tmp_path, clip, monkeypatch):
    monkeypatch.setattr(fuzz, "WORKER", ("-c", "import nothing_of_the_kind"))
    with pytest.raises(ToolError, match=r"worker did not start: (.|\n)*nothing_of_the_kind"):
        fuzz.Worker(tmp_path / "worker", KERNELS).examine(clip, fuzz.Case("clip", "truncated", 0))


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("mutant.mp4: is truncated; copy it again", ""),
        ("mutant: frame 3\n  command: x", ""),
        ("no such thing", "does not say which file"),
        ("mutant.mp4: one\ntwo", "is more than a sentence"),
        ("mutant.mp4: " + "x" * 500, "is 512 characters long"),
        ("", "does not say which file"),
    ],
)
def test_what_counts_as_a_sentence(said, fault):
    from laddersmith.bench.fuzz_worker import told_badly

    assert told_badly(said, "mutant.mp4") == fault
