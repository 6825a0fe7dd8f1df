"""What `probe` says of a file, and the mezzanine that it makes."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from clips import ROOT, ffmpeg_run
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from laddersmith.errors import SourceError
from laddersmith.source import Media, bars, frames, header, load_media, pixels, probe, rate, survey

TICK = Fraction(1, 90000)
SCHEMA = json.loads((ROOT / "config/schemas/source.json").read_text())


def look(path: Path, mezzanine: Path | None = None, **settings) -> dict:
    asked = {"normalise": mezzanine is not None, "crop_bars": False, "timeout_s": 60.0} | settings
    found = probe(path, title="t", mezzanine=mezzanine or path.with_suffix(".none.mov"), **asked)
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(found)))
    return found


def pictures(found: dict, **wanted) -> np.ndarray:
    media = Media.from_json(found["media"])
    kind = np.uint8 if media.bit_depth == 8 else np.dtype("<u2")
    return np.stack([np.frombuffer(frame, kind) for frame in frames(media, **wanted)])


def luma(found: dict) -> np.ndarray:
    """(frames, height, width)"""
    media = found["media"]
    size = media["width"] * media["height"]
    return pictures(found)[:, :size].reshape(-1, media["height"], media["width"])


def test_a_demo_title(bikes):
    found = look(bikes)
    assert found["mezzanine"] is None and found["media"]["path"] == str(bikes)
    assert (found["video"]["frames"], found["video"]["frame_rate"]) == (250, "25/1")
    assert not any(found["bars"][side] for side in ("left", "right", "top", "bottom"))
    assert header(bikes) == (10.0, Fraction(25), 640, 272)


def test_every_fact_of_a_tagged_title(make_clip, tmp_path):
    tags = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:chroma_location=topleft"
    options = ("-vf", tags, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none:chromaloc=2")
    video = make_clip("tagged.mp4", "testsrc2=size=96x64:rate=24000/1001", 12, options)
    words, path = tmp_path / "words.srt", tmp_path / "tracks.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:00,400\nHello\n")
    sound = ("-f", "lavfi", "-i", "sine=duration=0.5:sample_rate=48000")
    tracks = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s", "-c:v", "copy", "-c:a:0", "aac")
    names = ("-metadata:s:a:1", "language=fra", "-metadata:s:a:1", 'title=<b>"Director\'s"\ncut</b>')
    last = (
        "-c:a:1",
        "flac",
        "-c:s",
        "srt",
        "-ac:a:1",
        "2",
        "-disposition:a:1",
        "comment",
        "-metadata:s:s:0",
        "language=deu",
    )
    ffmpeg_run("-i", video, *sound, "-itsoffset", "0.25", *sound, "-i", words, *tracks, *names, *last, path)
    found = look(path)
    assert found["video"]["colour"] == {
        "range": "tv", "matrix": "bt709", "primaries": "bt709", "transfer": "bt709", "chroma_location": "topleft",
    }  # fmt: skip
    assert (found["video"]["bit_depth"], found["media"]["frame_rate"]) == (10, "24000/1001")
    main, second = found["audio"]
    assert (main["codec"], main["channels"], main["sample_rate"], main["language"]) == ("aac", 1, 48000, "und")
    assert (second["codec"], second["channels"], second["language"]) == ("flac", 2, "fra")
    assert second["title"] == '<b>"Director\'s"\ncut</b>' and "comment" in second["disposition"]
    # Matroska keeps milliseconds.
    assert main["start_s"] == pytest.approx(0.0, abs=0.002) and second["start_s"] == pytest.approx(0.25, abs=0.002)
    assert [(s["codec"], s["kind"], s["language"]) for s in found["subtitles"]] == [("subrip", "text", "deu")]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("offset", [0.0, 0.3, -0.2])
def test_sound_keeps_its_offset_to_the_first_picture(make_clip, tmp_path, suffix, offset):
    video = make_clip("silent.mp4", "testsrc2=size=96x64:rate=25", 25)
    path = tmp_path / f"late.{suffix}"
    sound = ("-f", "lavfi", "-i", "sine=duration=1:sample_rate=48000")
    late = ("-itsoffset", str(max(0.0, -offset)), "-i", video, "-itsoffset", str(max(0.0, offset)), *sound)
    ffmpeg_run(*late, "-c:v", "copy", "-c:a", "aac", path)
    start_s = look(path)["audio"][0]["start_s"]
    # Where the file does not mark the priming samples (ffmpeg's MP4 does so only for tracks that start at zero) they
    # are decoded and count as sound: 1024 at 48 kHz.
    priming = 1024 / 48000 if suffix == "ts" or (suffix == "mp4" and offset > 0) else 0.0
    assert start_s == pytest.approx(offset - priming, abs=0.002)


def test_a_variable_rate_is_made_constant_or_refused(make_clip, tmp_path):
    path = make_clip("vfr.mkv", "testsrc2=size=96x64:rate=30", 20, ("-vf", r"select=not(eq(n\,7))", "-fps_mode", "vfr"))
    with pytest.raises(SourceError, match=r"variable frame rate \(28\..*set probe.normalise: true"):
        look(path)
    found = look(path, tmp_path / "m.mov")
    assert found["video"]["constant_rate"] is False and found["media"]["frame_rate"] == "30/1"
    assert found["media"]["frames"] == 21 and found["video"]["frames"] == 20
    shown = pictures(found)
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).to_ndarray()
    assert (shown[0] == first.ravel()).all() and (shown[7] == shown[6]).all() and (shown[8] != shown[7]).any()


def test_stamps_on_no_grid_become_the_next_usual_rate(make_clip, tmp_path):
    timing = "settb=1/1000,setpts='floor(1000*(N/27+0.012*mod(N*N,3)))'"
    path = make_clip(
        "phone.mkv",
        f"testsrc2=size=96x64:rate=27,{timing}",
        27,
        ("-c:v", "libx264", "-fps_mode", "vfr", "-enc_time_base", "1/1000"),
    )
    found = look(path, tmp_path / "m.mov")
    assert found["media"]["frame_rate"] == "30000/1001" and found["video"]["frames"] == 27
    # One second, give or take the frame that the last one is shown for.
    assert abs(found["media"]["frames"] - 30) <= 1


def test_time_stamps_that_start_late_are_no_truncation(make_clip, tmp_path):
    path = tmp_path / "late.mkv"
    flat = make_clip("flat50.mp4", "testsrc2=size=96x64:rate=25", 50)
    ffmpeg_run("-i", flat, "-c", "copy", "-output_ts_offset", "10", path)
    found = look(path)
    assert (found["video"]["start_s"], found["media"]["frames"]) == (pytest.approx(10, abs=0.1), 50)
    assert luma(found).shape[0] == 50 and len(list(frames(Media.from_json(found["media"]), 30, 40))) == 10


def test_seeks_that_give_other_pictures_are_found_out(make_clip):
    path = make_clip("keys.mp4", "testsrc2=size=96x64:rate=25", 30, ("-c:v", "libx264", "-g", "10"))
    media = Media.from_json(look(path)["media"])
    seen = survey.survey(str(path), 0, full_range=False, timeout_s=60)
    assert media.seekable and survey.seeks_are_exact(media, seen)
    seen.checks[20] ^= 1
    assert not survey.seeks_are_exact(media, seen)


def test_interlaced_is_made_progressive_frame_for_frame(make_clip, tmp_path):
    moving = "testsrc2=size=96x64:rate=50,tinterlace=interleave_top"
    for name, options in {
        "tff.ts": ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-qscale:v", "2"),
        "tff.mp4": ("-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", "tff=1"),
    }.items():
        path = make_clip(name, moving, 12, options)
        with pytest.raises(SourceError, match=r"interlaced \(tff\)"):
            look(path)
        found = look(path, tmp_path / f"{name}.mov")
        assert found["video"]["interlaced"] and found["video"]["field_order"] == "tff"
        assert (found["media"]["frames"], found["media"]["frame_rate"]) == (12, "25/1")
        with av.open(found["media"]["path"]) as container:
            assert not any(frame.interlaced_frame for frame in container.decode(video=0))


def test_odd_sizes_lose_the_last_row_and_column(make_clip, tmp_path):
    path = make_clip("odd.mkv", "testsrc=size=97x65:rate=25", 5, ("-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    with pytest.raises(SourceError, match="odd size 97x65"):
        look(path)
    found = look(path, tmp_path / "m.mov")
    assert (found["media"]["width"], found["media"]["height"]) == (96, 64)
    with av.open(str(path)) as container:
        whole = [survey.luma(frame)[0][:64, :96].copy() for frame in container.decode(video=0)]
    assert (luma(found) == np.stack(whole)).all()


@pytest.mark.parametrize(("aspect", "size"), [("64/45", (136, 64)), ("8/9", (96, 72))])
def test_pixels_are_made_square_by_enlarging(make_clip, tmp_path, aspect, size):
    path = make_clip(f"sar{size[0]}.mp4", f"testsrc2=size=96x64:rate=25,setsar={aspect}", 5)
    with pytest.raises(SourceError, match="sample aspect ratio"):
        look(path)
    found = look(path, tmp_path / "m.mov")
    assert (found["media"]["width"], found["media"]["height"]) == size
    assert found["video"]["sample_aspect_ratio"] == aspect.replace("/", ":")


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_phone_video_is_stood_upright(make_clip, tmp_path, turn):
    flat = make_clip("flat.mp4", "testsrc2=size=96x64:rate=25", 4, ("-c:v", "libx264", "-qp", "0"))
    path = tmp_path / "turned.mp4"
    ffmpeg_run("-display_rotation", str(turn), "-i", flat, "-c", "copy", path)
    with pytest.raises(SourceError, match=f"turned by {turn} degrees"):
        look(path)
    found, upright = look(path, tmp_path / "m.mov"), look(flat)
    # numpy and display matrices both turn counter-clockwise.
    assert (luma(found) == np.rot90(luma(upright), turn // 90, axes=(1, 2))).all()


def test_a_mirrored_video_is_refused(make_clip, tmp_path):
    flat, path = make_clip("flat.mp4", "testsrc2=size=96x64:rate=25", 4), tmp_path / "mirrored.mp4"
    ffmpeg_run("-display_hflip", "-i", flat, "-c", "copy", path)
    with pytest.raises(SourceError, match="shown mirrored"):
        look(path, tmp_path / "m.mov")


EXACT = {"nv12": "yuv420p", "yuyv422": "yuv422p", "gray": "yuv420p", "yuva420p": "yuv420p"}


@pytest.mark.parametrize("pix_fmt", [*EXACT, "rgb24", "gbrp", "pal8", "bgra", "gray10le", "yuv420p16le"])
def test_other_pixel_formats_become_planar(make_clip, tmp_path, pix_fmt):
    codec = "ffv1" if pix_fmt in ("gray", "yuva420p", "gray10le", "yuv420p16le") else "rawvideo"
    codec = "png" if pix_fmt in ("pal8",) else codec
    options = ("-pix_fmt", pix_fmt, "-c:v", codec)
    path = make_clip(f"{pix_fmt}.nut", "testsrc2=size=96x64:rate=25", 4, options)
    with pytest.raises(SourceError, match=f"pixel format {pix_fmt} is not read by planes"):
        look(path)
    found = look(path, tmp_path / "m.mov")
    if pix_fmt in EXACT:
        assert found["media"]["pix_fmt"] == EXACT[pix_fmt]
    if pix_fmt == "gray":
        with av.open(str(path)) as container:
            assert (luma(found)[0] == next(container.decode(video=0)).to_ndarray()).all()
    if pix_fmt in ("rgb24", "gbrp", "pal8", "bgra"):
        colour = found["media"]["colour"]
        assert (colour["range"], colour["matrix"]) == ("tv", "bt709")
        assert luma(found).min() >= 16 and luma(found).max() <= 235


@pytest.mark.parametrize("pix_fmt", ["p010le", "yuv420p10be", "yuv420p9le"])
def test_deep_formats_keep_their_samples(pix_fmt):
    bits = 9 if "9" in pix_fmt else 10
    levels = np.arange(64, 64 + 32 * 24, dtype=np.uint16).reshape(24, 32) % 2**bits
    plain = (
        av.VideoFrame.from_ndarray(
            np.concatenate([levels.ravel(), np.full(384, 2 ** (bits - 1), np.uint16)]).reshape(36, 32),
            format=f"yuv420p{bits}le",
        )
        if bits == 10
        else None
    )
    frame = (plain or av.VideoFrame(32, 24, pix_fmt)).reformat(format=pix_fmt)
    made = pixels.Planar(pix_fmt)
    assert made.target == "yuv420p10le"
    packed = np.frombuffer(made(frame), "<u2")
    assert packed.size == 32 * 24 * 3 // 2
    if plain:
        assert (packed[: 32 * 24].reshape(24, 32) == levels).all()


def test_rgb_becomes_bt709(make_clip, tmp_path):
    path = make_clip("red.nut", "color=0xff0000:size=96x64:rate=25,format=rgb24", 2, ("-c:v", "rawvideo"))
    shown = pictures(look(path, tmp_path / "m.mov"))[0].reshape(3, -1)
    # BT.709, limited range: Y = 16 + 219 x 0.2126, Cb = 128 - 224 x 0.2126 / 1.8556, Cr = 240; one step of rounding.
    assert np.abs(shown.mean(axis=1) - [62.6, 102.3, 240.0]).max() <= 1.0


def test_frames_without_time_stamps_follow_the_declared_rate(make_clip, tmp_path):
    path = make_clip("raw.h264", "testsrc2=size=96x64:rate=25", 10, ("-c:v", "libx264", "-bf", "2"))
    with pytest.raises(SourceError, match="missing or unordered time stamps"):
        look(path)
    found = look(path, tmp_path / "m.mov")
    assert (found["media"]["frames"], found["media"]["frame_rate"]) == (10, "25/1")


def test_interlaced_variable_rate_odd_full_range_colour_all_at_once(make_clip, tmp_path):
    tags = "setparams=range=pc:color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m"
    lossless = ("-c:v", "libx264", "-qp", "0", "-flags", "+ildct+ilme", "-x264-params", "bff=1", "-fps_mode", "vfr")
    chain = rf"select=not(eq(n\,5)),format=yuv444p,setparams=range=pc,setfield=bff,{tags}"
    path = make_clip("all.mkv", "testsrc=size=97x64:rate=25", 14, ("-vf", chain, *lossless))
    found = look(path, tmp_path / "m.mov")
    assert len(found["mezzanine"]) == 3 and found["video"]["field_order"] == "bff"
    assert (found["media"]["frames"], found["media"]["width"], found["media"]["height"]) == (15, 96, 64)
    assert found["media"]["colour"]["range"] == "pc" and found["media"]["colour"]["matrix"] == "smpte170m"
    with av.open(found["media"]["path"]) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (6, 6, 6)


def test_full_range_samples_are_not_squeezed_by_the_mezzanine(make_clip, tmp_path):
    options = ("-vf", r"scale=out_range=pc,format=yuvj420p,select=not(eq(n\,2))", "-fps_mode", "vfr")
    coded = ("-c:v", "libx264", "-qp", "0", "-color_range", "pc")
    path = make_clip("fullvfr.mkv", "color=white:size=96x64:rate=25", 6, options + coded)
    found = look(path, tmp_path / "m.mov")
    assert found["media"]["colour"]["range"] == "pc" and (luma(found) == 255).all()


def test_a_rerun_writes_the_same_bytes(make_clip, tmp_path):
    path = make_clip("odd.mkv", "testsrc=size=97x65:rate=25", 5, ("-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    first = look(path, tmp_path / "m.mov")
    content = (tmp_path / "m.mov").read_bytes()
    assert look(path, tmp_path / "m.mov") == first and (tmp_path / "m.mov").read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["m.mov"]


@pytest.mark.parametrize(("transfer", "name"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_hdr_is_refused(make_clip, transfer, name):
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    options = ("-vf", tags, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none")
    path = make_clip(f"{name}.mp4", "testsrc2=size=96x64:rate=25", 3, options)
    with pytest.raises(SourceError, match=rf"is HDR \({name}\).*tone-map it to SDR"):
        look(path)


def test_mastering_display_and_content_light_are_reported(make_clip):
    light = "log-level=none:max-cll=1000,400:master-display=G(13250,34500)"
    light += "B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    path = make_clip("light.mp4", "testsrc2=size=96x64:rate=25", 3, ("-c:v", "libx265", "-x265-params", light))
    hdr = look(path)["hdr"]
    assert hdr["content_light"] == {"max_average": 400, "max_content": 1000}
    assert hdr["mastering_display"]["max_luminance"] == "10000000/10000" and "transfer" not in hdr


BOXED = "testsrc2=size=96x40:rate=25,pad=96:64:0:12"


@pytest.mark.parametrize(
    ("video", "wanted"),
    [
        (BOXED, (0, 0, 12, 12)),
        ("testsrc2=size=96x41:rate=25,format=yuv444p,pad=96:64:0:11", (0, 0, 10, 12)),
        ("testsrc2=size=48x64:rate=25,pad=96:64:24:0", (24, 24, 0, 0)),
        ("testsrc2=size=64x40:rate=25,pad=96:64:16:12", (16, 16, 12, 12)),
        # A title that begins in the dark: bars stand where the lit part has them.
        (f"{BOXED},fade=in:5:8", (0, 0, 12, 12)),
        # Dark throughout, a moon in the night, white words on black: nothing to be sure of.
        ("color=0x050505:size=96x64:rate=25", (0, 0, 0, 0)),
        ("color=black:size=96x64:rate=25,drawbox=x=40:y=20:w=16:h=16:color=white:t=fill", (0, 0, 0, 0)),
        # A dark sky over a lit street has an edge only where half a row is lit.
        ("color=black:size=96x64:rate=25,drawbox=x=0:y=60:w=96:h=4:color=white:t=fill", (0, 0, 0, 0)),
        ("testsrc2=size=96x64:rate=25", (0, 0, 0, 0)),
    ],
)
def test_bars(make_clip, video, wanted):
    path = make_clip(f"bars{abs(hash(video))}.mkv", video, 20, ("-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p"))
    found = look(path)["bars"]
    assert tuple(found[side] for side in ("left", "right", "top", "bottom")) == wanted
    assert found["cropped"] is False and found["frames_sampled"] == 20


def test_bars_are_black_at_any_depth_and_range():
    for bits, black, above in [(8, 16, 235), (10, 16, 940), (8, 0, 255)]:
        finder = bars.BarFinder(black)
        picture = np.full((64, 96), black * 2 ** (bits - 8))
        picture[8:56] = above
        finder.add(picture, bits)
        assert finder.found() == {"left": 0, "right": 0, "top": 8, "bottom": 8}


def test_cropping_the_bars_is_a_choice(make_clip):
    path = make_clip("boxed.mkv", BOXED, 10, ("-c:v", "ffv1", "-pix_fmt", "yuv420p"))
    found = look(path, crop_bars=True)
    assert found["bars"]["cropped"] and (found["media"]["height"], found["media"]["crop_y"]) == (40, 12)
    assert luma(found).shape == (10, 40, 96)


@given(st.sampled_from(rate.STANDARD), st.integers(2, 400), st.integers(0, 10**6), st.sampled_from([1000, 90000, 600]))
def test_rounded_stamps_give_the_exact_rate(exact, count, first, unit):
    stamps = [first + round(n / exact * unit) for n in range(count)]
    if Fraction(exact, unit) < Fraction(2, 5):
        assert rate.constant_rate(stamps, Fraction(1, unit), [exact]) == exact


def test_24_and_23976_are_told_apart_in_a_long_title():
    stamps = [round(n * Fraction(1001, 24000) * 1000) for n in range(5000)]
    assert rate.constant_rate(stamps, Fraction(1, 1000), [Fraction(24)]) == Fraction(24000, 1001)
    assert rate.constant_rate([0, 40, 80, 160], Fraction(1, 1000), [Fraction(25)]) is None


@given(st.lists(st.integers(900, 9000), min_size=1, max_size=60))
def test_no_frame_moves_by_more_than_half_a_slot(gaps):
    stamps = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    chosen = rate.standard_rate(rate.average_rate(stamps, TICK))
    shown = rate.repeats(stamps, TICK, chosen)
    slots = [sum(shown[:n]) for n in range(len(shown))]
    assert len(shown) == len(stamps) and min(shown) >= 0
    for stamp, slot, times in zip(stamps, slots, shown, strict=True):
        assert not times or abs(stamp * TICK - slot / chosen) <= 1 / (2 * chosen)
    assert all(a <= b for a, b in pairwise(slots))


def test_dropped_frames_leave_the_rate():
    kept = [n for n in range(100) if n % 7]
    stamps = [round(n * Fraction(1001, 30000) * 1000) for n in kept]
    assert rate.gappy_rate(stamps, Fraction(1, 1000), []) == Fraction(30000, 1001)
    assert rate.gappy_rate([0, 40, 95, 120, 171, 200], Fraction(1, 1000), []) is None


def test_rates_that_cannot_be():
    with pytest.raises(SourceError, match="above 240"):
        rate.standard_rate(Fraction(1000))
    with pytest.raises(SourceError, match="time stamps jump"):
        rate.repeats([0, 1, 10**9], TICK, Fraction(25))
    assert rate.standard_rate(Fraction(2997, 100)) == Fraction(30000, 1001)
    assert rate.standard_rate(Fraction(26)) == Fraction(30000, 1001)


def test_the_schema_is_closed(bikes):
    found = look(bikes)
    for wrong in (found | {"more": 1}, {k: v for k, v in found.items() if k != "bars"}):
        assert not Draft202012Validator(SCHEMA).is_valid(wrong)


def test_the_door_writes_sorted_json_and_a_folder_with_the_stamp_alone(make_clip, tmp_path):
    import probe as rule_door
    from laddersmith.door import door

    path = make_clip("plain.mp4", "testsrc2=size=96x64:rate=25", 6)
    facts, folder = tmp_path / "source.json", tmp_path / "mezzanine"
    rule = SimpleNamespace(
        rule="probe",
        threads=1,
        config={"probe": {"timeout_s": 60.0}},
        log=[str(tmp_path / "log")],
        wildcards={"title": "plain"},
        params={"normalise": True, "crop_bars": False},
        input={"source": str(path)},
        output={"facts": str(facts), "mezzanine": str(folder)},
    )
    door(rule_door.main, rule)
    once = facts.read_bytes()
    door(rule_door.main, rule)
    assert facts.read_bytes() == once and [file.name for file in folder.iterdir()] == ["seen.json"]
    found = json.loads(once)
    assert once.decode() == json.dumps(found, indent=2, sort_keys=True) + "\n" and found["title"] == "plain"
    assert load_media(facts).frames == 6
