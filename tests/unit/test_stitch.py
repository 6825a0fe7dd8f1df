"""Stitched encodes play as their parts do, from the one header outside the packets."""

import hashlib
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import ffmpeg_run
from encode_shots import BT709, CAPS_KBPS, HEIGHT, NAMES, WIDTH, decoded, encode_shot, settings, title
from laddersmith import source
from laddersmith.encode import CODECS
from laddersmith.encode.inspect import measure, read_packets
from laddersmith.encode.run import arguments, encode
from laddersmith.errors import PackageError
from laddersmith.package import stitch
from laddersmith.source.frames import pack

# One frame, two, three, and twelve, of several scenes; then a hard cut within a shot, and one frame last.
SHOTS = [(29, 30), (30, 32), (74, 77), (80, 92), (132, 144), (100, 101)]
AV1 = [name for name in NAMES if CODECS[name].decoded_as == "av1"]
FORMATS = [(name, pix_fmt) for name in NAMES for pix_fmt in CODECS[name].pix_fmts if pix_fmt.startswith("yuv420")]
# The type in a NAL unit's header: ITU-T H.264 7.3.1, H.265 7.3.1.2, H.266 7.3.1.2.
NAL_TYPE = {
    "h264": lambda header: header[0] & 31,
    "hevc": lambda header: header[0] >> 1 & 63,
    "vvc": lambda header: header[1] >> 3,
}


@pytest.fixture(scope="module")
def media(bikes):
    return title(bikes, 640, 272, 250)


def parts_of(media, codec, folder: Path, shots=tuple(SHOTS), **changes) -> list[Path]:
    asked = settings(codec, **changes)
    return [
        encode_shot(
            codec,
            asked,
            source.frames(media, start, end, width=WIDTH, height=HEIGHT, pix_fmt=asked.pix_fmt),
            folder / f"part{i}.mp4",
        )
        for i, (start, end) in enumerate(shots)
    ]


def pictures(files: list[Path]) -> list[bytes]:
    return [picture for file in files for picture in decoded(file)[1]]


def units(packet: bytes, codec: str) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each NAL unit (behind its length in four bytes) or OBU (whose length is in its header).

    A packet of VP9 is one unit, without a type.
    """
    if codec == "vp9":
        yield -1, packet
        return
    while packet:
        if codec in AV1:
            length, shift, size = 0, 0, 1
            while True:  # leb128, AV1 specification 4.10.5
                length |= (packet[size] & 127) << shift
                shift, size = shift + 7, size + 1
                if packet[size - 1] < 128:
                    break
            kind, end = packet[0] >> 3 & 15, size + length
        else:
            end = 4 + int.from_bytes(packet[:4], "big")
            kind = NAL_TYPE[CODECS[codec].decoded_as](packet[4:6])
        yield kind, packet[:end]
        packet = packet[end:]


def packets_of(path: Path) -> tuple[list[bytes], bytes]:
    """The packets, and what the sample entry holds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        return packets, bytes(stream.codec_context.extradata or b"")


def from_the_header_alone(path: Path, codec: str) -> list[bytes]:
    """Decode with every in-band parameter set taken out, so that only the sample entry's are left."""
    packets, entry = packets_of(path)
    sets = CODECS[codec].parameter_sets
    stripped = [b"".join(unit for kind, unit in units(packet, codec) if kind not in sets) for packet in packets]
    decoder = av.CodecContext.create("libdav1d" if codec in AV1 else CODECS[codec].decoded_as, "r")
    if codec in AV1:  # av1C is four bytes and the sequence header, which the decoder wants before the first frame
        stripped[0] = entry[4:] + stripped[0]
    elif entry:
        decoder.extradata = entry
    frames = [frame for data in stripped for frame in decoder.decode(av.Packet(data))] + decoder.decode(None)
    return [pack(frame) for frame in frames]


@pytest.mark.parametrize(("codec", "pix_fmt"), FORMATS)
@pytest.mark.parametrize("capped", [False, True], ids=["free", "capped"])
def test_the_whole_decodes_to_the_frames_of_its_parts(codec, pix_fmt, capped, media, tmp_path):
    kbps = CAPS_KBPS.get(codec, 150.0)
    caps = {"maxrate_kbps": kbps, "bufsize_kbps": kbps} if capped else {}
    files = parts_of(media, codec, tmp_path, pix_fmt=pix_fmt, **caps)
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    expected = pictures(files)
    times, found = decoded(tmp_path / "whole.mp4")
    assert len(found) == sum(end - start for start, end in SHOTS)
    assert found == expected
    assert times == [Fraction(i, 25) for i in range(len(found))]
    assert from_the_header_alone(tmp_path / "whole.mp4", codec) == expected


@pytest.mark.parametrize("codec", NAMES)
def test_the_whole_states_the_colour_of_its_parts(codec, media, tmp_path):
    files = parts_of(media, codec, tmp_path, shots=[(30, 32), (80, 82)])
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    measure(tmp_path / "whole.mp4", CODECS[codec], settings(codec, keyint=2), BT709, WIDTH, HEIGHT, frames=4)


def test_h266_plays_as_a_byte_stream_too(media, tmp_path):
    stitch(parts_of(media, "vvenc", tmp_path), tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="vvenc")
    ffmpeg_run("-i", tmp_path / "whole.mp4", "-c", "copy", "-bsf:v", "vvc_mp4toannexb", tmp_path / "whole.266")
    ffmpeg_run("-i", tmp_path / "whole.266", "-f", "rawvideo", tmp_path / "whole.yuv")
    assert (tmp_path / "whole.yuv").read_bytes() == b"".join(decoded(tmp_path / "whole.mp4")[1])


def test_hidden_frames_of_vp9_stay_hidden(media, tmp_path):
    """A second pass gives VP9 alternate references that no one sees: each is within a shown frame's packet."""
    log = str(tmp_path / "first")
    for part, (start, end) in enumerate([(80, 110), (140, 170)]):
        asked = settings("vp9", keyint=30)
        frames = list(source.frames(media, start, end, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p"))
        for number in ("1", "2"):
            more = ["-pass", number, "-passlogfile", log, "-auto-alt-ref", "1", "-lag-in-frames", "25"]
            two_pass = replace(CODECS["vp9"], options=lambda asked, more=more: [*CODECS["vp9"].options(asked), *more])
            given = arguments(two_pass, asked, BT709, WIDTH, HEIGHT)
            encode(given, frames, tmp_path / f"{part}.mp4", what="a test", timeout_s=60)
    files = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="vp9")
    packets, _ = packets_of(tmp_path / "whole.mp4")
    # A superframe ends with its marker, 110 in the highest bits (VP9 bitstream specification, annex B).
    assert any(packet[-1] >> 5 == 0b110 for packet in packets)
    assert len(packets) == 60
    assert decoded(tmp_path / "whole.mp4")[1] == pictures(files)


@pytest.mark.parametrize("codec", ["x264", "x265", "vvenc"])
def test_packets_hold_slices_and_nothing_else(codec, media, tmp_path):
    stitch(parts_of(media, codec, tmp_path), tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    # Table 7-1 of H.264 and of H.265, table 5 of H.266: the keyframes are IDR. Pictures of H.266 bring adaptation
    # parameter sets (17) of their own.
    slices = {"x264": {1, 5}, "x265": {0, 1, 19, 20}, "vvenc": {0, 1, 7, 8, 17}}[codec]
    packets, _ = packets_of(tmp_path / "whole.mp4")
    assert {kind for packet in packets for kind, _ in units(packet, codec)} <= slices


@pytest.mark.parametrize(
    ("codec", "preset"),
    [
        ("svtav1", "3"),
        ("svtav1", "8"),
        ("svtav1", "10"),
        ("libaom", "4"),
        ("libaom", "6"),
        ("rav1e", "6"),
        ("rav1e", "10"),
    ],
)
def test_every_sequence_header_of_av1_is_the_sample_entrys(codec, preset, media, tmp_path):
    files = parts_of(media, codec, tmp_path, preset=preset)
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    packets, entry = packets_of(tmp_path / "whole.mp4")
    headers = [unit for packet in packets for kind, unit in units(packet, codec) if kind == 1]
    assert headers == [entry[4:]] * 10  # one at each keyframe


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize("rate", ["30000/1001", "24000/1001", "25/2", "60/1"])
def test_frames_are_shown_at_their_time_at_every_rate(codec, rate, media, tmp_path):
    files = parts_of(media, codec, tmp_path, shots=SHOTS[1:4], frame_rate=rate)
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(rate), codec=codec)
    times, found = decoded(tmp_path / "whole.mp4")
    assert times == [i / Fraction(rate) for i in range(17)]
    assert found == pictures(files)
    with av.open(str(tmp_path / "whole.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.start_time == 0
        assert stream.duration * stream.time_base == 17 / Fraction(rate)
        assert stream.average_rate == Fraction(rate)


@pytest.mark.parametrize("codec", NAMES)
def test_packets_have_rising_decoding_times_one_frame_apart(codec, media, tmp_path):
    files = parts_of(media, codec, tmp_path)
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    with av.open(str(tmp_path / "whole.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        step = int(Fraction(1, 25) / packets[0].time_base)
        tag = container.streams.video[0].codec_context.codec_tag
    assert [packet.dts - packets[0].dts for packet in packets] == [i * step for i in range(len(packets))]
    assert all(packet.pts >= packet.dts for packet in packets)
    assert min(packet.pts for packet in packets) == 0
    assert tag == CODECS[codec].sample_entry
    assert b"elst" not in (tmp_path / "whole.mp4").read_bytes()
    if codec not in (*AV1, "vp9"):  # a packet of these always shows one frame, in order
        assert packets[0].dts < 0
    keyframes = [packet.frame for packet in read_packets(tmp_path / "whole.mp4", Fraction(25)) if packet.keyframe]
    assert keyframes == [0, 1, 3, 6, 11, 16, 18, 23, 28, 30]


@pytest.mark.parametrize("codec", NAMES)
def test_contents_and_crfs_as_unlike_as_can_be_share_their_parameter_sets(codec, tmp_path):
    asked = settings(codec)
    wide = asked.pix_fmt.endswith("10le")
    size = WIDTH * HEIGHT * 3 // 2
    noise = random.Random(1)
    shots = {
        "flat": [bytes([128]) * size] * 8,
        "noise": [noise.randbytes(size) for _ in range(8)],
        "flashes": [bytes([16 + 200 * (i % 2)]) * size for i in range(8)],
        "text": [(bytes([16] * 3 + [235] * 5) * size)[i : i + size] for i in range(8)],
    }
    knob = CODECS[codec].knob
    files = []
    for (name, frames), crf in zip(shots.items(), (str(knob.low), str(knob.high), "23", "40"), strict=True):
        given = [b"".join(struct.pack("<H", 4 * byte) for byte in frame) for frame in frames] if wide else frames
        files.append(encode_shot(codec, replace(asked, crf=crf), given, tmp_path / f"{name}.mp4"))
    stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec=codec)
    assert decoded(tmp_path / "whole.mp4")[1] == pictures(files)


@pytest.mark.parametrize("codec", NAMES)
def test_two_runs_write_one_file_which_names_no_writer_and_no_time(codec, media, tmp_path):
    hashes = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        files = parts_of(media, codec, tmp_path / run, shots=SHOTS[:3])
        stitch(files, tmp_path / run / f"{run}.mp4", frame_rate=Fraction(25), codec=codec)
        content = (tmp_path / run / f"{run}.mp4").read_bytes()
        assert b"Lav" not in content
        hashes.append(hashlib.sha256(content).hexdigest())
    assert hashes[0] == hashes[1]


def test_encodes_with_unlike_parameter_sets_are_refused_by_name(media, tmp_path):
    plain = replace(CODECS["x264"], options=lambda asked: ["-preset", "veryfast", "-crf", asked.crf])
    files = []
    for crf in ("20", "40"):
        given = arguments(plain, settings("x264", crf=crf), BT709, WIDTH, HEIGHT)
        frames = source.frames(media, 0, 5, width=WIDTH, height=HEIGHT)
        encode(given, frames, tmp_path / f"{crf}.mp4", what="a test", timeout_s=60)
        files.append(tmp_path / f"{crf}.mp4")
    with pytest.raises(PackageError, match=r"20\.mp4 and .*40\.mp4 differ in their parameter sets"):
        stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="x264")
    assert not (tmp_path / "whole.mp4").exists()


def test_what_cannot_be_stitched_is_refused(media, tmp_path):
    files = parts_of(media, "x264", tmp_path, shots=SHOTS[3:4])
    with pytest.raises(PackageError, match="no encodes to stitch"):
        stitch([], tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="x264")
    with pytest.raises(PackageError, match="holds h264, not x265"):
        stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="x265")
    with pytest.raises(PackageError, match=r"part0\.mp4: its frames are not at whole steps of 30 a second"):
        stitch(files, tmp_path / "whole.mp4", frame_rate=Fraction(30), codec="x264")
    (tmp_path / "bad.mp4").write_bytes(files[0].read_bytes()[:200])
    with pytest.raises(PackageError, match=r"bad\.mp4: cannot be read as an encode"):
        stitch([tmp_path / "bad.mp4"], tmp_path / "whole.mp4", frame_rate=Fraction(25), codec="x264")
    with pytest.raises(PackageError, match="cannot be stitched"):
        stitch(files, tmp_path / "nowhere" / "whole.mp4", frame_rate=Fraction(25), codec="x264")
    assert not (tmp_path / "whole.mp4").exists()
