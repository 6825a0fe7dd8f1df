"""The engine `numba`: against libvmaf's float models, whatever the threads, and every guard."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import ffmpeg_run
from laddersmith import tables
from laddersmith.errors import ScoreError
from laddersmith.quality import engine_named, kernels, numba_engine, proof
from laddersmith.quality import score as score_files
from laddersmith.quality.batch import AHEAD, DECODER_PICTURES, bytes_held
from laddersmith.quality.engine import Distorted, Reference
from laddersmith.quality.numba_engine import Numba
from laddersmith.quality.reference import title_reference
from laddersmith.source import Media
from laddersmith.source.media import Colour
from test_quality import (
    CUTS,
    LENGTH,
    MOVING,
    TAGS,
    cut,
    encode,
    encode_row,
    encodes_table,
    media_of,
    shots_table,
)
from test_quality import take as take_with

MEAN_GAP = 0.003  # what the engine promises against libvmaf's float models
PSNR_GAP = 1e-6  # the rounding of libvmaf's log: the squared errors are whole numbers, and the same
TWINS = {
    "vmaf_v0.6.1": "vmaf_float_v0.6.1",
    "vmaf_v0.6.1neg": "vmaf_float_v0.6.1neg",
    "vmaf_4k_v0.6.1": "vmaf_float_4k_v0.6.1",
    "vmaf_v0.6.1_phone": "vmaf_float_v0.6.1_phone",
}
FEATURES = ["adm2", *(f"adm_scale{s}" for s in range(4)), "motion", "motion2", *(f"vif_scale{s}" for s in range(4))]

score = partial(score_files, engine="numba", threads=2)
take = partial(take_with, engine="numba")


def run(reference: Reference, *made: Distorted, threads: int = 2, timeout_s: float = 60.0, memory_mb: float = 1024.0):
    """Frame tables of encodes, straight from the engine."""
    engine = Numba(memory_mb=memory_mb)
    found = dict(engine.score(reference, made, model="vmaf_v0.6.1", threads=threads, timeout_s=timeout_s))
    return [found[place] for place in range(len(made))]


def half(path: Path, pix_fmt: str = "yuv420p") -> Distorted:
    return Distorted(path.stem, path, 160, 90, pix_fmt)


@pytest.fixture(scope="module")
def source(make_clip: Callable[..., Path]) -> Path:
    return make_clip("quality.mp4", f"{MOVING},{TAGS},format=yuv420p", LENGTH)


@pytest.fixture(scope="module")
def media(source: Path) -> Media:
    return media_of(source)


@pytest.fixture(scope="module")
def reference(media: Media) -> Reference:
    return title_reference(media, (320, 180), what="clip")


@pytest.fixture(scope="module")
def rungs(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The clip at its own size, at half of it, and at half of it in ten bits."""
    folder = tmp_path_factory.mktemp("rungs")
    return [
        encode(source, folder / "same.mp4", crf=30),
        encode(source, folder / "low.mp4", filters="scale=160:90", options=("-preset", "medium", "-bf", "3")),
        encode(source, folder / "deep.mp4", filters="scale=160:90", options=("-pix_fmt", "yuv420p10le")),
    ]


def compared(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Hold our frame tables against libvmaf's."""
    assert ours["frame"].tolist() == theirs["frame"].tolist()
    shared = [name for name in FEATURES if name in theirs.columns]
    assert len(shared) >= 6
    for name in shared:
        assert np.abs(ours[name] - theirs[name]).max() <= proof.FEATURE_GAP, name
    for name in ("psnr_y", "psnr_cb", "psnr_cr"):
        assert np.abs(ours[name] - theirs[name]).max() <= PSNR_GAP, name
    assert np.abs(ours["vmaf"] - theirs["vmaf"]).max() <= proof.VMAF_GAP
    assert abs(ours["vmaf"].mean() - theirs["vmaf"].mean()) <= MEAN_GAP


@pytest.mark.parametrize("model", TWINS)
def test_every_model_agrees_with_libvmafs_float_twin(source, rungs, model) -> None:
    ours, theirs = score(source, rungs, model=model), score(source, rungs, model=TWINS[model], engine="libvmaf")
    for path in map(str, rungs):
        compared(
            *(table[table["distorted"] == path].reset_index() for table in (ours, theirs)),
        )
    assert set(ours.columns) == {"frame", "distorted", *FEATURES, "psnr_y", "psnr_cb", "psnr_cr", "vmaf"}


def test_the_integer_model_is_near(source, rungs) -> None:
    ours, theirs = score(source, rungs), score(source, rungs, engine="libvmaf")
    for path in map(str, rungs):
        gap = ours[ours["distorted"] == path]["vmaf"].mean() - theirs[theirs["distorted"] == path]["vmaf"].mean()
        assert abs(gap) <= 0.02  # float and fixed-point arithmetic; 0.009 was the most on real clips


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv444p10le", "yuv420p10le"])
def test_formats_and_ranges_agree(make_clip, tmp_path, range_, pix_fmt) -> None:
    video = f"{MOVING},scale=out_range={range_},format={pix_fmt},setparams=range={range_}"
    clip = make_clip(f"{pix_fmt}{range_}.mp4", video, 4, ("-c:v", "libx264", "-qp", "0", "-pix_fmt", pix_fmt))
    low = encode(clip, tmp_path / "low.mp4", filters="scale=160:90", options=("-pix_fmt", "yuv420p"))
    deep = encode(clip, tmp_path / "deep.mp4", options=("-pix_fmt", pix_fmt.replace("10le", "") + "10le"))
    compared(score(clip, [low, deep]), score(clip, [low, deep], engine="libvmaf", model="vmaf_float_v0.6.1"))


def test_no_thread_count_and_no_grouping_changes_a_bit(reference, rungs, monkeypatch) -> None:
    monkeypatch.setattr(numba_engine, "WORKER_MB", 0)
    same, low, deep = rungs
    made = [Distorted("same", same, 320, 180, "yuv420p"), half(low), half(deep, "yuv420p10le"), half(low)]
    expected = run(reference, *made, threads=1)
    for found in (
        run(reference, *made, threads=2),
        run(reference, *made, threads=4),
        run(reference, *made, memory_mb=0),
    ):
        for one, other in zip(expected, found, strict=True):
            pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_a_shot_alone_scores_as_within_its_title(source, media, tmp_path) -> None:
    whole = encode(source, tmp_path / "whole.mp4", filters="scale=280:158,setsar=1")
    _, expected = take(
        media, shots_table(media, [0, LENGTH]), encodes_table(encode_row(0, whole, height=158, width=280)), tmp_path
    )
    shots = shots_table(media, CUTS)
    rows = []
    for shot, start, end in shots[["shot", "start", "end"]].itertuples(index=False):
        part = encode(whole, tmp_path / f"s{shot}.mp4", filters=cut(start, end), crf=0)
        rows.append(encode_row(shot, part, height=158, width=280))
    encodes = encodes_table(*rows)
    scores, alone = take(media, shots, encodes, tmp_path)
    columns = ["frame", *FEATURES, "psnr_cb", "vmaf"]
    assert (alone[columns].to_numpy() == expected[columns].to_numpy()).all()
    assert scores["engine"].tolist() == ["numba"] * len(rows)
    _, severed = take(media, shots, encodes, tmp_path, neighbours=False)
    assert np.abs(severed["vmaf"] - expected["vmaf"]).max() > 0.1


def test_encodes_are_grouped_by_format_and_memory(reference, monkeypatch) -> None:
    eight = Distorted("eight", Path("8"), 160, 90, "yuv420p")
    ten = replace(eight, pix_fmt="yuv420p10le")
    places = lambda engine, distorted: list(engine._groups(reference, distorted, 2))  # noqa: E731
    assert places(Numba(), [eight, ten, eight, ten]) == [[0, 2], [1, 3]]
    monkeypatch.setattr(numba_engine, "WORKER_MB", 0)
    budget = bytes_held(reference, [eight] * 20, 2) / 1e6
    assert [len(group) for group in places(Numba(memory_mb=budget), [eight] * 60)] == [20, 20, 20]
    assert [len(group) for group in places(Numba(memory_mb=budget * 0.999), [eight] * 60)] == [19, 19, 19, 3]
    assert places(Numba(memory_mb=0), [eight] * 2) == [[0], [1]]
    luma, own = 320 * 180, 160 * 90 * 1.5
    expected = (2 + AHEAD) * luma + (2 + AHEAD + 1 + 2) * luma * 1.5 + DECODER_PICTURES * own
    assert bytes_held(reference, [eight], 2) == expected
    assert places(Numba(), []) == []


def test_no_encode_gives_no_table(reference) -> None:
    assert run(reference) == []


def test_models_that_it_does_not_have_are_refused(source, rungs) -> None:
    with pytest.raises(ScoreError, match=r"engine numba does not have model vmaf_v1\.0\.16_3d0h .*use engine libvmaf"):
        score(source, rungs, model="vmaf_v1.0.16_3d0h")
    with pytest.raises(ScoreError, match="does not have model"):
        Numba().version("vmaf_float_v0.6.1")


def test_the_version_names_all_that_decides_pixels_and_numbers() -> None:
    version = Numba().version("vmaf_v0.6.1")
    for part in ("vmaf-1 ", "kernels-1 ", "model-b1991d27b6bd233c ", "av-", "numba-", "onnxruntime-"):
        assert part in version
    assert version != Numba().version("vmaf_v0.6.1neg")


@pytest.fixture
def shots(media) -> pd.DataFrame:
    return shots_table(media, [0, LENGTH])


@pytest.mark.parametrize("got", [9, 11])
@pytest.mark.parametrize("neighbours", [True, False])
def test_a_frame_too_few_or_too_many_is_refused(source, media, rungs, tmp_path, got, neighbours) -> None:
    encode(source, tmp_path / "bad.mp4", filters=cut(1, 1 + got))
    encode(source, tmp_path / "good.mp4", filters=cut(1, 11))
    rows = [encode_row(1, tmp_path / f"{name}.mp4", height=180, width=320, crf=name) for name in ("good", "bad")]
    shots = shots_table(media, [0, 1, 11, LENGTH])
    message = f"fast 180p CRF bad: the encode decodes to {got} frames, the reference has 10"
    with pytest.raises(ScoreError, match=message):
        take(media, shots, encodes_table(*rows), tmp_path, neighbours=neighbours)


@pytest.mark.parametrize(
    "tags, message",
    [
        ("range=pc", r"range pc \(reference: tv\)"),
        ("colorspace=smpte170m", r"matrix smpte170m \(reference: bt709\)"),
        ("color_primaries=bt2020", r"primaries bt2020 \(reference: bt709\)"),
        ("color_trc=smpte2084", r"transfer smpte2084 \(reference: bt709\)"),
        ("chroma_location=topleft", r"chroma_location topleft \(reference: left\)"),
    ],
)
def test_wrong_colour_tags_are_refused(source, media, shots, tmp_path, tags, message) -> None:
    good = encode(source, tmp_path / "good.mp4")
    wrong = encode(source, tmp_path / "wrong.mp4", filters=f"setparams={tags}")
    rows = [encode_row(0, path, height=180, width=320, crf=crf) for path, crf in ((good, "1"), (wrong, "2"))]
    with pytest.raises(ScoreError, match=rf"clip, shot 0, fast 180p CRF 2: decodes with {message}"):
        take(media, shots, encodes_table(*rows), tmp_path)


def test_wrong_geometry_format_and_aspect_are_refused(source, media, shots, rungs, tmp_path) -> None:
    low = rungs[1]
    with pytest.raises(ScoreError, match="decodes to 160x90 yuv420p, but it should be 192x108 yuv420p"):
        take(media, shots, encodes_table(encode_row(0, low, height=108, width=192)), low.parent)
    with pytest.raises(ScoreError, match="decodes to 160x90 yuv420p, but it should be 160x90 yuv420p10le"):
        take(media, shots, encodes_table(encode_row(0, low, height=90, width=160, pix_fmt="yuv420p10le")), low.parent)
    wide = encode(source, tmp_path / "wide.mp4", filters="setsar=4/3")
    with pytest.raises(ScoreError, match="sample aspect ratio of 4/3 instead of 1/1"):
        take(media, shots, encodes_table(encode_row(0, wide, height=180, width=320)), tmp_path)
    with pytest.raises(ScoreError, match=r"gone\.mp4 does not exist; encode it again"):
        take(media, shots, encodes_table(encode_row(0, tmp_path / "gone.mp4", height=90, width=160)), tmp_path)


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_damaged_encode_ends_it_at_once_and_is_named(reference, rungs, tmp_path, threads, no_thread_left) -> None:
    data = bytearray(rungs[1].read_bytes())
    middle = data.index(b"mdat") + 4 + (len(data) - data.index(b"mdat")) // 3
    data[middle : middle + 400] = bytes(400)
    (tmp_path / "bad.mp4").write_bytes(data)
    good, bad = half(rungs[1]), half(tmp_path / "bad.mp4")
    with pytest.raises(ScoreError, match=r"bad: bad\.mp4 cannot be decoded to its end .*encode it again"):
        run(reference, good, bad, good, threads=threads)


def test_a_truncated_encode_is_named(source, rungs, tmp_path, no_thread_left) -> None:
    ffmpeg_run("-i", rungs[1], "-c", "copy", "-movflags", "faststart", tmp_path / "fast.mp4")
    whole = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ScoreError, match=r"cut\.mp4"):
        score(source, [rungs[0], tmp_path / "cut.mp4"])


def test_an_encode_that_is_no_video_is_named(reference, rungs, tmp_path, no_thread_left) -> None:
    (tmp_path / "text.mp4").write_text("no video" * 100)
    made = [half(rungs[1]), half(tmp_path / "text.mp4")]
    with pytest.raises(ScoreError, match=r"text: text\.mp4 cannot be decoded"):
        run(reference, *made)


def test_a_late_score_is_given_up(reference, rungs, monkeypatch, no_thread_left) -> None:
    made = [half(rungs[1])]
    run(reference, *made)
    monkeypatch.setattr(numba_engine, "check_keyframes", lambda *_, **__: None)
    with pytest.raises(ScoreError, match=r"clip: its 1 encodes were not scored in time"):
        run(reference, *made, timeout_s=0.01)


def test_an_interrupt_leaves_no_thread(reference, rungs, monkeypatch, no_thread_left) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels.FrameKernels, "features", interrupted)
    monkeypatch.setattr(numba_engine, "_proven", {("numba", "vmaf_v0.6.1", 8)})
    with pytest.raises(KeyboardInterrupt):
        run(reference, half(rungs[1]))


def test_a_reference_that_ends_early_is_refused(reference, rungs) -> None:
    short = replace(reference, read=lambda: list(reference.read())[:-1])
    with pytest.raises(ScoreError, match=f"clip: the title ends after {LENGTH - 1} frames of {LENGTH}; probe it again"):
        run(short, half(rungs[1]))


def still(width: int, height: int, values: list[int], colour: Colour) -> Reference:
    frames = [bytes([value]) * (width * height) + bytes([128]) * (width * height // 2) for value in values]
    return Reference("still", width, height, "yuv420p", 8, Fraction(25), colour, 0, len(values), 0, 0, lambda: frames)


def test_identical_and_flat_pictures_have_libvmafs_scores(make_clip, source) -> None:
    compared(score(source, [source]), score(source, [source], engine="libvmaf", model="vmaf_float_v0.6.1"))
    assert (score(source, [source])[["psnr_y", "psnr_cb", "psnr_cr"]] == 60).all(axis=None)
    flat = make_clip("flat.mp4", f"color=gray:size=320x180:rate=25,{TAGS},format=yuv420p", 4)
    other = make_clip("dark.mp4", f"color=black:size=320x180:rate=25,{TAGS},format=yuv420p", 4)
    for distorted in (flat, other):
        ours = score(flat, [distorted])
        compared(ours, score(flat, [distorted], engine="libvmaf", model="vmaf_float_v0.6.1"))
        assert np.isfinite(ours["vmaf"]).all()


def test_pictures_under_the_least_size_are_refused(tmp_path, no_thread_left) -> None:
    tiny = tmp_path / "tiny.mp4"
    raw = ("-f", "lavfi", "-i", f"color=gray:size=16x14:rate=25,{TAGS}", "-frames:v", "2", "-pix_fmt", "yuv420p")
    ffmpeg_run(*raw, "-c:v", "libx264", tiny)
    colour = Colour("tv", "bt709", "bt709", "bt709", "left")
    with pytest.raises(ScoreError, match="16x14"):
        run(still(16, 14, [128, 128], colour), Distorted("tiny", tiny, 16, 14, "yuv420p"))


def test_a_frame_that_scores_0_is_kept_and_told(source, media, tmp_path, caplog) -> None:
    black = encode(source, tmp_path / "black.mp4", filters=f"{cut(4, 7)},drawbox=c=black:t=fill")
    rows = encodes_table(encode_row(1, black, height=180, width=320))
    with caplog.at_level(logging.WARNING):
        scores, frames = take(media, shots_table(media, [0, 4, 7, LENGTH]), rows, tmp_path)
    assert scores["vmaf_min"][0] == 0
    assert len(frames) == 3
    assert "3 frames score 0, the first is frame 4 of the title" in caplog.text


def test_a_feature_that_is_no_number_is_an_error(source, rungs, monkeypatch) -> None:
    monkeypatch.setattr(numba_engine, "_proven", {("numba", "vmaf_v0.6.1", 8)})
    real = kernels.FrameKernels.features

    def broken(self: kernels.FrameKernels, reference: np.ndarray, distorted: np.ndarray) -> np.ndarray:
        found = real(self, reference, distorted)
        found[-1, 1] = np.nan  # adm_scale0, which no model reads
        return found

    monkeypatch.setattr(kernels.FrameKernels, "features", broken)
    with pytest.raises(
        ScoreError, match=rf"{rungs[1]}: engine numba gave no finite score for frame 0 \(and {LENGTH - 1} "
    ):
        score(source, rungs[:2])
    monkeypatch.setattr(kernels.FrameKernels, "features", lambda *_: np.full((1, 9), np.nan))
    with pytest.raises(ScoreError, match="adm2 of frame 0 is nan"):
        score(source, rungs[:1])


@pytest.mark.parametrize(
    "method, factor, message",
    [
        ("motion", 1.0001, r"engine numba gives motion2 \d+\.\d+ where libvmaf gives \d+\.\d+, more than 0.0001 apart"),
        ("features", 1.0005, "engine numba gives adm2 .* on frame .* of a proof at 8 bits with vmaf_v0.6.1; set"),
        ("features", np.nan, "where libvmaf gives|is nan"),
    ],
)
def test_an_engine_that_computes_otherwise_is_refused(source, rungs, monkeypatch, method, factor, message) -> None:
    monkeypatch.setattr(numba_engine, "_proven", set())
    real = getattr(kernels.FrameKernels, method)
    monkeypatch.setattr(kernels.FrameKernels, method, lambda *given: real(*given) * factor)
    with pytest.raises(ScoreError, match=message):
        score(source, rungs[:1])
    assert not numba_engine._proven


def test_a_wrong_fusion_is_refused(monkeypatch) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (proof.FRAMES, 360, 640), dtype=np.uint8)

    def compute(one: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        return {"vmaf": proof._libvmaf(one, other, 8, "version=vmaf_float_v0.6.1")["vmaf"] - 0.011}

    with pytest.raises(ScoreError, match=r"gives vmaf .* more than 0.01 apart"):
        proof.prove(compute, luma, luma // 2, depth=8, model="vmaf_v0.6.1", engine="numba")


def test_a_film_that_begins_in_the_dark_proves_nothing_by_that(tmp_path, monkeypatch) -> None:
    """On black frames every kernel gives the same; the generated frames of the proof tell them apart."""
    monkeypatch.setattr(numba_engine, "_proven", set())
    monkeypatch.setattr(kernels.FrameKernels, "features", lambda self, one, others: np.ones((len(others), 9)))
    dark = tmp_path / "dark.mp4"
    ffmpeg_run("-f", "lavfi", "-i", f"color=black:size=320x180:rate=25,{TAGS}", "-frames:v", "4", "-qp", "0", dark)
    with pytest.raises(ScoreError, match=r"engine numba gives adm2 1\.0"):
        score(dark, [dark])


def test_a_log_that_lacks_a_feature_proves_nothing(source, rungs, monkeypatch) -> None:
    monkeypatch.setattr(numba_engine, "_proven", set())
    monkeypatch.setattr(proof, "plain_name", lambda name: f"x{name}")
    with pytest.raises(ScoreError, match=r"libvmaf's log of a proof has .* not adm2, motion2, .* mend ffmpeg"):
        score(source, rungs[:1])


def test_a_proof_that_libvmaf_cannot_give_is_told() -> None:
    luma = np.zeros((proof.FRAMES, 36, 64), np.uint8)
    with pytest.raises(
        ScoreError, match=r"(?s)^libvmaf cannot be asked for the engine's proof \(proof: .*; run `make env`$"
    ):
        proof._libvmaf(luma, luma, 8, "version=vmaf_v0.6.2")


def test_a_proof_looks_at_the_middle() -> None:
    luma = np.arange(1080 * 1920, dtype=np.uint32).reshape(1080, 1920)
    assert proof.middle(luma).shape == (proof.HEIGHT, proof.WIDTH)
    assert proof.middle(luma)[0, 0] == luma[360, 640]
    assert proof.middle(luma[:20, :30]).shape == (20, 30)


def test_progress_is_told_for_every_frame_of_every_encode(source, rungs) -> None:
    for engine in ("numba", "libvmaf"):
        told: list[tuple[int, int]] = []
        score(source, rungs, engine=engine, progress=lambda done, total: told.append((done, total)))  # noqa: B023
        assert told[-1] == (3 * LENGTH, 3 * LENGTH)
        assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_tables_go_into_the_workflows(media, shots, rungs, tmp_path) -> None:
    rows = encodes_table(encode_row(0, rungs[1], height=90, width=160))
    scores, frames = take(media, shots, rows, rungs[1].parent)
    tables.write(tmp_path / "scores.parquet", scores, tables.SCORES)
    tables.write(tmp_path / "frames.parquet", frames, tables.FRAMES)
    assert engine_named("numba").context("vmaf_v0.6.1") == 1
