"""Scoring encodes: against plain ffmpeg, across cuts, depths, ranges and counts, with the real encoder and metric."""

import json
import logging
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import ffmpeg_run
from laddersmith import ffmpeg, tables
from laddersmith.errors import ScoreError, SourceError
from laddersmith.quality import METRICS, engine_named, pool, score_encodes
from laddersmith.quality import score as score_files
from laddersmith.quality.decode_log import check, escaped
from laddersmith.quality.engine import Distorted
from laddersmith.quality.libvmaf import Libvmaf, _read_csv, plain_name
from laddersmith.quality.reference import title_reference
from laddersmith.source import Media, probe
from laddersmith.store import Store

LOG_STEP = 1e-6  # libvmaf's log has six decimals; equal scores differ by no more than their rounding
MOVING = "testsrc2=size=320x180:rate=30000/1001,noise=alls=20:allf=t:all_seed=7"
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
LENGTH = 24
CUTS = [0, 1, 12, 23, 24]  # single-frame shots at both ends


score = partial(score_files, engine="libvmaf")


def media_of(path: Path) -> Media:
    facts = probe(path, title="clip", normalise=False, crop_bars=False, mezzanine=Path("none.mov"), timeout_s=60)
    return Media.from_json(facts["media"])


@pytest.fixture(scope="module")
def source(make_clip: Callable[..., Path]) -> Path:
    return make_clip("quality.mp4", f"{MOVING},{TAGS},format=yuv420p", LENGTH)


@pytest.fixture(scope="module")
def media(source: Path) -> Media:
    return media_of(source)


def encode(source: Path, target: Path, *, filters: str = "null", crf: int = 35, options: tuple[str, ...] = ()) -> Path:
    """x264 of the filtered source, frame by frame; CRF 0 is lossless at any depth."""
    rate = ("-crf", str(crf)) if crf else ("-qp", "0")
    target.parent.mkdir(parents=True, exist_ok=True)
    quick = ("-c:v", "libx264", "-preset", "ultrafast") if "-c:v" not in options else ()
    quick = (*quick, *rate, *options, "-an", "-fps_mode", "passthrough")
    ffmpeg_run("-i", source, "-vf", f"{filters},setpts=N/FR/TB", *quick, target)
    return target


def cut(start: int, end: int) -> str:
    return f"trim=start_frame={start}:end_frame={end}"


def shots_table(media: Media, cuts: list[int]) -> pd.DataFrame:
    rows = [
        {
            "shot": i, "start": a, "end": b, "start_s": float(a / media.frame_rate),
            "end_s": float(b / media.frame_rate),
            "transition": "cut", "detector": "given", "spatial_complexity": 0.0, "temporal_complexity": 0.0,
            "frames_sha256": f"f{a}-{b}", "context_sha256": f"c{a}-{b}",
        }
        for i, (a, b) in enumerate(pairwise(cuts))
    ]  # fmt: skip
    return tables.conform(pd.DataFrame(rows), tables.SHOTS)


def encode_row(shot: int, path: Path, *, height: int, width: int, pix_fmt: str = "yuv420p", crf: str = "35") -> dict:
    point = {
        "shot": shot, "codec": "x264", "variant": "fast", "preset": "ultrafast", "pix_fmt": pix_fmt, "height": height,
        "width": width, "crf": crf, "maxrate_kbps": None, "bufsize_kbps": None, "reason": "test",
    }  # fmt: skip
    made = {
        "key": f"{path.stem}-{height}-{crf}", "file": path.name, "bytes": 1, "frames": 1, "bitrate_kbps": 1.0,
        "peak_kbps": 1.0, "encode_wall_s": 0.0, "encode_cpu_s": 0.0, "command": "",
    }  # fmt: skip
    return point | made


def encodes_table(*rows: dict) -> pd.DataFrame:
    return tables.conform(pd.DataFrame(rows), tables.ENCODES)


def take(media: Media, shots: pd.DataFrame, encodes: pd.DataFrame, folder: Path, **changes) -> tuple:
    settings = {
        "title": "clip", "folder": lambda row: folder, "display": (media.width, media.height), "model": "vmaf_v0.6.1",
        "engine": "libvmaf", "neighbours": True, "store": None, "threads": 2, "timeout_s": 60.0,
        "frame_cache_mb": 100.0,
    }  # fmt: skip
    lengths = {row.shot: row.end - row.start for row in tables.rows(shots)}
    encodes = encodes.assign(frames=[lengths.get(shot, 1) for shot in encodes["shot"]])
    return score_encodes(media, shots, encodes, **settings | changes)


def plain_libvmaf(distorted: Path, reference: Path, log: Path, *, size: str, pix_fmt: str, model: str) -> pd.DataFrame:
    """The frames as one ffmpeg call with two files sees them."""
    graph = (
        f"[0:v]scale={size}:flags=bicubic,format={pix_fmt},settb=1/1000,setpts=N[d];"
        f"[1:v]format={pix_fmt},settb=1/1000,setpts=N[r];"
        f"[d][r]libvmaf=model={model}:feature=name=psnr:log_fmt=json:log_path={log}"
    )
    ffmpeg_run("-i", distorted, "-i", reference, "-lavfi", graph, "-f", "null", "-")
    metrics = [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]
    return pd.DataFrame(metrics).rename(columns=plain_name)


@pytest.fixture(scope="module")
def low(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole clip at half the height, coarsely encoded."""
    return encode(source, tmp_path_factory.mktemp("low") / "low.mp4", filters="scale=160:90")


@pytest.mark.parametrize(
    "model, given",
    [
        ("vmaf_v0.6.1", "version=vmaf_v0.6.1"),
        ("vmaf_v0.6.1neg", "version=vmaf_v0.6.1neg"),
        ("vmaf_4k_v0.6.1", "version=vmaf_4k_v0.6.1"),
        ("vmaf_float_v0.6.1", "version=vmaf_float_v0.6.1"),
    ],
)
def test_an_upscaled_rung_scores_as_one_ffmpeg_call_on_two_files(source, media, low, tmp_path, model, given) -> None:
    assert media.frame_rate == Fraction(30000, 1001)
    plain = plain_libvmaf(low, source, tmp_path / "log.json", size="320:180", pix_fmt="yuv420p", model=given)
    rows = encodes_table(encode_row(0, low, height=90, width=160))
    scores, frames = take(media, shots_table(media, [0, LENGTH]), rows, low.parent, model=model)
    assert frames["frame"].tolist() == list(range(LENGTH))
    for name in plain.columns:
        assert np.abs(frames[name] - plain[name]).max() <= LOG_STEP, name
    assert scores["vmaf_mean"][0] == pytest.approx(plain["vmaf"].mean(), abs=LOG_STEP)
    assert scores["adm2"][0] == pytest.approx(plain["adm2"].mean(), abs=LOG_STEP)
    assert scores["frames_scored"][0] == LENGTH
    assert 10 < scores["vmaf_mean"][0] < 90


@pytest.mark.parametrize("model", ["vmaf_v0.6.1", "vmaf_v1.0.16_3d0h", "vmaf_v1.0.16_hfr_3d0h"])
def test_a_shot_alone_scores_as_within_its_title(source, media, tmp_path, model) -> None:
    whole = encode(source, tmp_path / "whole.mp4", filters="scale=280:158,setsar=1")
    title_rows = encodes_table(encode_row(0, whole, height=158, width=280))
    _, expected = take(media, shots_table(media, [0, LENGTH]), title_rows, tmp_path, model=model)
    shots = shots_table(media, CUTS)
    rows = []
    for shot, start, end in shots[["shot", "start", "end"]].itertuples(index=False):
        part = encode(whole, tmp_path / f"s{shot}.mp4", filters=cut(start, end), crf=0)
        rows.append(encode_row(shot, part, height=158, width=280))
    encodes = encodes_table(*rows)
    _, alone = take(media, shots, encodes, tmp_path, model=model)
    columns = ["frame", *[name for name in expected.columns if name not in tables.FRAMES.columns.names], "vmaf"]
    assert np.abs(alone[columns].to_numpy() - expected[columns].to_numpy()).max() <= LOG_STEP
    _, severed = take(media, shots, encodes, tmp_path, model=model, neighbours=False)
    assert np.abs(severed["vmaf"] - expected["vmaf"]).max() > 0.1


def test_v1_is_told_what_was_encoded(source, media, tmp_path) -> None:
    flat = encode(source, tmp_path / "flat.mp4", filters="gblur=1,scale=242:136,setsar=1", crf=30)
    rows = encodes_table(encode_row(0, flat, height=136, width=242))
    with pytest.raises(ScoreError, match="cannot judge an encode of 242x136: its banding feature needs 180x150"):
        take(media, shots_table(media, [0, LENGTH]), rows, tmp_path, model="vmaf_v1.0.16_3d0h")
    fit = encode(source, tmp_path / "fit.mp4", filters="gblur=1,scale=280:158,setsar=1", crf=30)
    _, frames = take(
        media,
        shots_table(media, [0, LENGTH]),
        encodes_table(encode_row(0, fit, height=158, width=280)),
        tmp_path,
        model="vmaf_v1.0.16_3d0h",
    )
    told = r"version=vmaf_v1.0.16_3d0h\\:cambi.enc_width=280\\:cambi.enc_height=158\\:cambi.enc_bitdepth=8"
    for given, same in ((told, True), ("version=vmaf_v1.0.16_3d0h", False)):
        plain = plain_libvmaf(fit, source, tmp_path / "log.json", size="320:180", pix_fmt="yuv420p", model=given)
        assert bool(np.abs(frames["cambi"] - plain["cambi"]).max() <= LOG_STEP) is same
        assert bool(np.abs(frames["vmaf"] - plain["vmaf"]).max() <= LOG_STEP) is same


def test_models_that_cannot_be_had_are_refused(media, low, source) -> None:
    with pytest.raises(ScoreError, match=r"bootstrap collection.*use the single model vmaf_v0\.6\.1"):
        score(source, [low], model="vmaf_b_v0.6.3")
    with pytest.raises(ScoreError, match=r"use the single model vmaf_float_v0\.6\.1"):
        score(source, [low], model="vmaf_float_b_v0.6.3")
    with pytest.raises(ScoreError, match=r"model vmaf_v0\.6\.2 is not built into this ffmpeg"):
        score(source, [low], model="vmaf_v0.6.2")
    with pytest.raises(ScoreError, match="is not the name of a model"):
        score(source, [low], model="vmaf_v0.6.1:path=/etc/passwd")
    with pytest.raises(ScoreError, match="cannot score pictures as small as 320x180"):
        score(source, [source], model="vmaf_v1.0.16_5d0h")
    with pytest.raises(ScoreError, match=r"no scoring engine is called 'libvmav'; .*the nearest is libvmaf"):
        engine_named("libvmav")


def test_scores_are_taken_at_the_greater_depth(source, low, tmp_path, make_clip) -> None:
    deep = encode(source, tmp_path / "deep.mp4", filters="scale=160:90", options=("-pix_fmt", "yuv420p10le"))
    plain = plain_libvmaf(
        deep, source, tmp_path / "log.json", size="320:180", pix_fmt="yuv420p10le", model="version=vmaf_v0.6.1"
    )
    assert np.abs(score(source, [deep])["vmaf"] - plain["vmaf"]).max() <= LOG_STEP
    lossless = encode(source, tmp_path / "lossless.mp4", crf=0, options=("-pix_fmt", "yuv420p10le"))
    assert (score(source, [lossless])["psnr_cb"] == 72).all()  # the cap at 10 bits: nothing was rounded to 8

    deep_source = make_clip(
        "deep.mp4", f"{MOVING},{TAGS},format=yuv420p10le", 5, ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p10le")
    )
    shallow = encode(deep_source, tmp_path / "shallow.mp4", options=("-pix_fmt", "yuv420p"))
    plain = plain_libvmaf(
        shallow, deep_source, tmp_path / "log.json", size="320:180", pix_fmt="yuv420p10le", model="version=vmaf_v0.6.1"
    )
    assert np.abs(score(deep_source, [shallow])["vmaf"] - plain["vmaf"]).max() <= LOG_STEP


def test_subsampling_is_the_references(make_clip, tmp_path) -> None:
    full = make_clip("444.mp4", f"{MOVING},format=yuv444p", 5, ("-c:v", "libx264", "-qp", "0"))
    half = encode(full, tmp_path / "420.mp4", crf=0, options=("-pix_fmt", "yuv420p"))
    assert score(full, [full])["psnr_cb"].min() == 60
    assert score(full, [half])["psnr_cb"].max() < 50  # the chroma that was thrown away counts


def test_files_of_any_sample_aspect_are_scored_when_the_picture_has_the_references_shape(source, low, tmp_path) -> None:
    narrow = encode(source, tmp_path / "narrow.mp4", filters="scale=240:180,setsar=4/3")
    assert score(source, [narrow])["vmaf"].mean() > score(source, [low])["vmaf"].mean()
    square = encode(source, tmp_path / "square.mp4", filters="scale=240:180,setsar=1")
    with pytest.raises(
        ScoreError, match=r"240x180 \(sample aspect ratio 1/1\) has another shape than the display of 320x180"
    ):
        score(source, [square])
    with pytest.raises(SourceError, match=r"cannot be read as it is .*4:3"):
        score(narrow, [source])


def test_identical_input_is_finite_and_high(source) -> None:
    frames = score(source, [source])
    assert (frames[["psnr_cb", "psnr_cr"]] == 60).all(axis=None)
    assert frames["vmaf"].min() > 97
    assert list(frames.columns[:2]) == ["frame", "distorted"]
    assert frames.columns[-1] == "vmaf"


def test_full_range_is_scored_in_full_range(make_clip, tmp_path) -> None:
    full = make_clip("full.mp4", f"{MOVING},scale=out_range=pc,format=yuv420p,setparams=range=pc", 5)
    assert media_of(full).colour.range == "pc"
    deep = encode(full, tmp_path / "deep.mp4", crf=0, options=("-pix_fmt", "yuv420p10le", "-color_range", "pc"))
    frames = score(full, [deep])
    assert frames["psnr_y"].min() > 65  # a change of range on one side would cost 30 dB


@pytest.mark.parametrize(
    "tags, message",
    [
        ("range=pc", r"range pc \(reference: tv\)"),
        ("colorspace=smpte170m", r"matrix smpte170m \(reference: bt709\)"),
        ("color_primaries=bt2020", r"primaries bt2020 \(reference: bt709\)"),
        ("color_trc=smpte2084", r"transfer smpte2084 \(reference: bt709\)"),
        ("colorspace=unknown", r"matrix unknown \(reference: bt709\)"),
        ("chroma_location=topleft", r"chroma_location topleft \(reference: left\)"),
    ],
)
def test_wrong_colour_tags_are_refused(source, media, tmp_path, tags, message) -> None:
    wrong = encode(source, tmp_path / "wrong.mp4", filters=f"setparams={tags}")
    rows = encodes_table(encode_row(0, wrong, height=180, width=320))
    with pytest.raises(ScoreError, match=rf"clip, shot 0, fast 180p CRF 35: decodes with {message}"):
        take(media, shots_table(media, [0, LENGTH]), rows, tmp_path)


@pytest.mark.parametrize("got", [9, 11])
@pytest.mark.parametrize("neighbours", [True, False])
def test_a_frame_too_few_or_too_many_is_refused(source, media, tmp_path, got, neighbours) -> None:
    encode(source, tmp_path / "bad.mp4", filters=cut(1, 1 + got))
    rows = encodes_table(encode_row(1, tmp_path / "bad.mp4", height=180, width=320))
    shots = shots_table(media, [0, 1, 11, LENGTH])
    with pytest.raises(ScoreError, match=f"the encode decodes to {got} frames, the reference has 10"):
        take(media, shots, rows, tmp_path, neighbours=neighbours)


def test_wrong_geometry_format_and_aspect_are_refused(source, media, low, tmp_path) -> None:
    shots = shots_table(media, [0, LENGTH])
    with pytest.raises(ScoreError, match="decodes to 160x90 yuv420p, but it should be 192x108 yuv420p"):
        take(media, shots, encodes_table(encode_row(0, low, height=108, width=192)), low.parent)
    with pytest.raises(ScoreError, match="decodes to 160x90 yuv420p, but it should be 160x90 yuv420p10le"):
        take(media, shots, encodes_table(encode_row(0, low, height=90, width=160, pix_fmt="yuv420p10le")), low.parent)
    wide = encode(source, tmp_path / "wide.mp4", filters="setsar=4/3")
    with pytest.raises(ScoreError, match="sample aspect ratio of 4/3 instead of 1/1"):
        take(media, shots, encodes_table(encode_row(0, wide, height=180, width=320)), tmp_path)
    with pytest.raises(ScoreError, match="encodes of shot 7, which the title does not have"):
        take(media, shots, encodes_table(encode_row(7, low, height=90, width=160)), low.parent)
    with pytest.raises(ScoreError, match=r"gone\.mp4 does not exist; encode it again"):
        take(media, shots, encodes_table(encode_row(0, tmp_path / "gone.mp4", height=90, width=160)), tmp_path)


def test_a_display_of_another_size_scales_both_sides(source, media, low) -> None:
    shots, rows = shots_table(media, [0, LENGTH]), encodes_table(encode_row(0, low, height=90, width=160))
    larger, _ = take(media, shots, rows, low.parent, display=(640, 360))
    smaller, _ = take(media, shots, rows, low.parent, display=(160, 90))
    own, _ = take(media, shots, rows, low.parent)
    assert smaller["vmaf_mean"][0] > own["vmaf_mean"][0]
    assert larger["vmaf_mean"][0] != own["vmaf_mean"][0]
    with pytest.raises(SourceError, match="a display of 320x320 would distort its 320x180; set 320x180"):
        take(media, shots, rows, low.parent, display=(320, 320))


def test_scores_come_from_the_store_wherever_the_shot_stands(source, media, tmp_path, monkeypatch) -> None:
    store = Store(tmp_path / "store")
    encode(source, tmp_path / "part.mp4", filters=cut(4, 10))
    rows = encodes_table(encode_row(1, tmp_path / "part.mp4", height=180, width=320))
    shots = shots_table(media, [0, 4, 10, LENGTH])
    fresh = take(media, shots, rows, tmp_path, store=store)
    monkeypatch.setattr(ffmpeg, "run", lambda *_, **__: pytest.fail("scored again"))
    again = take(media, shots, rows, tmp_path, store=store)
    for a, b in zip(fresh, again, strict=True):
        pd.testing.assert_frame_equal(a, b)
    moved = shots.assign(start=shots["start"] + 2, end=shots["end"] + 2)
    _, frames = take(media, moved, rows, tmp_path, store=store)
    assert frames["frame"].tolist() == list(range(6, 12))
    assert frames["vmaf"].tolist() == fresh[1]["vmaf"].tolist()


@pytest.mark.parametrize(
    "change",
    [{"neighbours": False}, {"model": "vmaf_v0.6.1neg"}, {"display": (160, 90)}, {"version": "2"}, {"hash": "x"}],
)
def test_whatever_decides_a_score_is_in_its_key(source, media, tmp_path, monkeypatch, change) -> None:
    store = Store(tmp_path / "store")
    encode(source, tmp_path / "part.mp4", filters=cut(4, 6))
    rows = encodes_table(encode_row(1, tmp_path / "part.mp4", height=180, width=320))
    shots = shots_table(media, [0, 4, 6, LENGTH])
    take(media, shots, rows, tmp_path, store=store)
    if "version" in change:
        monkeypatch.setitem(METRICS, "vmaf", change.pop("version"))
    if "hash" in change:
        shots["context_sha256"] = change.pop("hash")
    take(media, shots, rows, tmp_path, store=store, **change)
    assert store.contents().scores == 2


def test_frames_that_do_not_fit_in_memory_are_decoded_per_encode(source, media, low) -> None:
    rows = encodes_table(*(encode_row(0, low, height=90, width=160, crf=crf) for crf in ("35", "36")))
    shots = shots_table(media, [0, LENGTH])
    kept, streamed = (take(media, shots, rows, low.parent, frame_cache_mb=mb)[1] for mb in (100, 0))
    pd.testing.assert_frame_equal(kept, streamed)


def test_threads_change_no_score(source, media, low) -> None:
    rows, shots = encodes_table(encode_row(0, low, height=90, width=160)), shots_table(media, [0, LENGTH])
    one, four = (take(media, shots, rows, low.parent, threads=threads)[1] for threads in (1, 4))
    pd.testing.assert_frame_equal(one, four)


@pytest.mark.parametrize(
    "codec", [("libx265", "-x265-params", "log-level=none"), ("libsvtav1", "-preset", "12"), ("libx264", "-bf", "3")]
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_every_codec_at_both_depths(source, tmp_path, codec, pix_fmt) -> None:
    options = ("-c:v", *codec, "-pix_fmt", pix_fmt)
    made = encode(source, tmp_path / "made.mp4", filters=f"{cut(0, LENGTH)},scale=160:90", options=options)
    assert len(score(source, [made])) == LENGTH


def test_no_encodes_give_empty_tables(media, tmp_path) -> None:
    scores, frames = take(media, shots_table(media, [0, LENGTH]), tables.empty(tables.ENCODES), tmp_path)
    tables.write(tmp_path / "scores.parquet", scores, tables.SCORES)
    tables.write(tmp_path / "frames.parquet", frames, tables.FRAMES)
    assert len(scores) == len(frames) == 0


def test_a_frame_that_scores_0_is_kept_and_told(source, media, tmp_path, caplog) -> None:
    black = encode(source, tmp_path / "black.mp4", filters=f"{cut(4, 7)},drawbox=c=black:t=fill")
    rows = encodes_table(encode_row(1, black, height=180, width=320))
    with caplog.at_level(logging.WARNING):
        scores, frames = take(media, shots_table(media, [0, 4, 7, LENGTH]), rows, tmp_path)
    assert scores["vmaf_min"][0] == 0
    assert len(frames) == 3
    assert "clip, shot 1, fast 180p CRF 35: 3 frames score 0, the first is frame 4 of the title" in caplog.text


def test_a_lower_resolution_wins_at_a_low_rate(bigbuckbunny, tmp_path) -> None:
    few = encode(bigbuckbunny, tmp_path / "few.mp4", filters=cut(0, 12), crf=0)
    small = encode(few, tmp_path / "small.mp4", filters="scale=640:360", crf=45)
    large = encode(few, tmp_path / "large.mp4", crf=51)
    assert small.stat().st_size < large.stat().st_size
    vmaf = score(few, [small, large]).groupby("distorted")["vmaf"].mean()
    assert vmaf[str(small)] > vmaf[str(large)] + 1


def test_pooling() -> None:
    vmaf = np.array([0.0, 50.0, 80.0, 100.0])
    assert pool(vmaf, "mean") == 57.5
    assert pool(vmaf, "min") == 0
    assert pool(vmaf, "harmonic") == pytest.approx(4 / (1 + 1 / 51 + 1 / 81 + 1 / 101) - 1)
    assert pool(vmaf, "p5") == pytest.approx(7.5)  # 15 % of the way from the worst frame to the next
    for how in ("mean", "harmonic", "p5", "min"):
        assert pool([42.0], how) == pytest.approx(42)
    with pytest.raises(ScoreError, match="no pooling is called 'median'"):
        pool(vmaf, "median")
    with pytest.raises(ScoreError, match="cannot pool 0 scores"):
        pool([], "mean")
    with pytest.raises(ScoreError, match="1 are not numbers"):
        pool([1.0, float("nan")], "mean")


def test_harmonic_is_libvmafs(source, low, tmp_path) -> None:
    plain_libvmaf(low, source, tmp_path / "log.json", size="320:180", pix_fmt="yuv420p", model="version=vmaf_v0.6.1")
    pooled = json.loads((tmp_path / "log.json").read_text())["pooled_metrics"]["vmaf"]
    vmaf = score(source, [low])["vmaf"]
    assert pool(vmaf, "harmonic") == pytest.approx(pooled["harmonic_mean"], abs=LOG_STEP)
    assert pool(vmaf, "mean") == pytest.approx(pooled["mean"], abs=LOG_STEP)


def test_frames_of_the_log_are_in_step(tmp_path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,50,\n3,1,1,60,\n6,1,1,70,\n")
    assert _read_csv(log, "clip", 3)["vmaf"].tolist() == [50, 60, 70]
    for every in (1, 2):
        with pytest.raises(ScoreError, match=r"^clip: libvmaf's log skips frames$"):
            _read_csv(log, "clip", every)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no readable log"),
        ("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,nan,\n", "no finite score for frame 0"),
        ("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,50,\n1,1,inf,50,\n", "no finite score for frame 1"),
        ("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,50,\n2,1,1,50,\n", "log skips frames"),
        ("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,,\n", "no finite score for frame 0"),
        ("Frame,psnr_cb,vmaf,\n0,1,50,\n", "lacks psnr_cr"),
        ("Frame,psnr_cb,psnr_cr,vmaf,\n0,1,1,fifty,\n", "no readable log"),
    ],
)
def test_a_log_with_holes_is_refused(tmp_path, text, message) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ScoreError, match=message):
        _read_csv(tmp_path / "log.csv", "clip")


def test_an_ffmpeg_that_says_nothing_of_its_frames_is_told(source, media) -> None:
    reference = title_reference(media, (320, 180), what="clip")
    made = Distorted("clip, 180p", source, 320, 180, "yuv420p")
    for stderr in (
        "",
        "[Parsed_showinfo_0 @ 0x5] color_range:tv color_space:bt709 color_primaries:bt709 color_trc:bt709",
    ):
        with pytest.raises(ScoreError, match=r"^clip, 180p: ffmpeg did not say how it decodes; run again"):
            check(stderr, LENGTH, LENGTH, reference, made)


def test_odd_names_of_files_and_folders(source, low, tmp_path, monkeypatch) -> None:
    odd = tmp_path / "it's [odd], 100%; a:b = é\\d"
    odd.mkdir()
    named = odd / "-x:y 'z'.mp4"
    named.write_bytes(low.read_bytes())
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    assert score(source, [named])["vmaf"].tolist() == score(source, [low])["vmaf"].tolist()
    assert escaped("a:b") == "a\\\\:b"


def test_hostile_files_open_nothing_else(source, tmp_path) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{source}\n#EXT-X-ENDLIST\n")
    with pytest.raises(ScoreError, match="cannot be decoded as video"):
        score(source, [playlist])


def test_sound_alone_is_no_picture(source, tmp_path) -> None:
    sound = tmp_path / "sound.m4a"
    ffmpeg_run("-f", "lavfi", "-i", "sine=d=1", sound)
    with pytest.raises(ScoreError, match=r"sound\.m4a: has no video track; name a video file"):
        score(source, [sound])


def test_colour_where_nothing_is_said_is_the_decoders_default(make_clip) -> None:
    silent = make_clip("silent.mp4", f"{MOVING},format=yuv420p", 3)
    assert media_of(silent).colour.range in ("unknown", "tv")
    assert len(score(silent, [silent])) == 3
    assert Libvmaf().version("vmaf_v0.6.1").startswith("vmaf-1 psnr_chroma-1 ffmpeg-")
