"""A scoring job takes no more cores than it was given, and loses no score that was taken."""

import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from encode_shots import plan_table, shot_table
from laddersmith import source as title_source
from laddersmith.encode.points import encode_points
from laddersmith.errors import ScoreError
from laddersmith.quality import files, kernels, numba_engine, score, verify
from laddersmith.quality.reference import title_reference
from laddersmith.source import Media
from laddersmith.store import Store
from test_quality import LENGTH, MOVING, TAGS, encode, encode_row, encodes_table, media_of, shots_table, take


@pytest.fixture(scope="module")
def source(make_clip: Callable[..., Path]) -> Path:
    return make_clip("quality.mp4", f"{MOVING},{TAGS},format=yuv420p", LENGTH)


@pytest.fixture(scope="module")
def media(source: Path) -> Media:
    return media_of(source)


@pytest.fixture
def shots(media: Media) -> pd.DataFrame:
    return shots_table(media, [0, LENGTH])


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The encodes that were scored together, group by group; no memory is allowed, so that each is by itself."""
    done: list[list[str]] = []
    real = numba_engine._scored

    def scored(engine, reference, distorted, *others):
        done.append([one.path.stem for one in distorted])
        return real(engine, reference, distorted, *others)

    monkeypatch.setattr(numba_engine, "_scored", scored)
    monkeypatch.setattr(numba_engine, "WORKER_MB", 0)
    return done


def test_a_group_that_fails_leaves_the_scores_of_those_before_it(source, media, shots, tmp_path, groups) -> None:
    store = Store(tmp_path / "store")
    for name, frames in (("a", LENGTH), ("b", LENGTH - 1), ("c", LENGTH)):
        encode(source, tmp_path / f"{name}.mp4", filters=f"trim=end_frame={frames},scale=160:90")
    rows = encodes_table(*(encode_row(0, tmp_path / f"{name}.mp4", height=90, width=160, crf=name) for name in "abc"))

    def scores() -> pd.DataFrame:
        return take(media, shots, rows, tmp_path, engine="numba", store=store, frame_cache_mb=0)[0]

    with pytest.raises(ScoreError, match=f"the encode decodes to {LENGTH - 1} frames, the reference has {LENGTH}"):
        scores()
    assert groups == [["a"], ["b"]] and store.contents().scores == 1
    encode(source, tmp_path / "b.mp4", filters="scale=160:90", options=("-y",))
    groups.clear()
    assert len(scores()) == 3
    assert groups == [["b"], ["c"]] and store.contents().scores == 3
    groups.clear()
    scores()
    assert groups == []


def test_encodes_of_another_format_do_not_hold_back_the_first_group(source, media, shots, tmp_path) -> None:
    store = Store(tmp_path / "store")
    rows = []
    for name, pix_fmt, frames in (("a", "yuv420p", 24), ("b", "yuv420p10le", 23), ("c", "yuv420p", 24)):
        path = encode(
            source, tmp_path / f"{name}.mp4", filters=f"trim=end_frame={frames}", options=("-pix_fmt", pix_fmt)
        )
        rows.append(encode_row(0, path, height=180, width=320, pix_fmt=pix_fmt, crf=name))
    with pytest.raises(ScoreError, match="the encode decodes to 23 frames"):
        take(media, shots, encodes_table(*rows), tmp_path, engine="numba", store=store)
    assert store.contents().scores == 2
    _, frames = take(media, shots, encodes_table(rows[2], rows[0]), tmp_path, engine="numba", store=store)
    assert len(frames) == 2 * LENGTH


def test_a_table_of_too_few_frames_is_never_kept(source, media, shots, tmp_path, monkeypatch) -> None:
    store, real = Store(tmp_path / "store"), numba_engine._scored
    monkeypatch.setattr(numba_engine, "_scored", lambda *given: [table[1:] for table in real(*given)])
    rows = encodes_table(encode_row(0, encode(source, tmp_path / "a.mp4"), height=180, width=320))
    with pytest.raises(ScoreError, match=f"180p CRF 35: engine numba scored {LENGTH - 1} frames of {LENGTH}"):
        take(media, shots, rows, tmp_path, engine="numba", store=store)
    assert store.contents().scores == 0


def decoders() -> int:
    """Threads of ffmpeg's decoders in this process, by the names that it gives them."""
    names = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith("av:") for name in names)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_decoder_has_more_threads_than_the_job(source, media, shots, tmp_path, monkeypatch, threads) -> None:
    most = 0
    real, lock = kernels.FrameKernels.features, threading.Lock()

    def features(self, *given):
        nonlocal most
        with lock:
            most = max(most, decoders())
        return real(self, *given)

    rows = encodes_table(encode_row(0, encode(source, tmp_path / "a.mp4"), height=180, width=320))
    take(media, shots, rows, tmp_path, engine="numba")  # with the proof of the kernels, which decodes for itself
    monkeypatch.setattr(kernels.FrameKernels, "features", features)
    _, frames = take(media, shots, rows, tmp_path, engine="numba", threads=threads)
    assert most == (threads if threads > 1 else 0)  # one decodes in the thread that asks
    assert len(frames) == LENGTH


def test_a_scaled_reference_has_no_more_threads_either(media) -> None:
    reading = iter(title_reference(media, (160, 90), what="clip", threads=1).read())
    next(reading)
    assert decoders() == 0
    reading.close()


def test_every_reader_of_the_title_is_told(source, media, shots, tmp_path, monkeypatch) -> None:
    told: dict[str, int] = {}

    def spied(name: str) -> Callable:
        return lambda *given, **how: told.update({name: how["threads"]}) or title_reference(*given, **how)

    for module in (files, verify):
        monkeypatch.setattr(module, "title_reference", spied(module.__name__.rpartition(".")[2]))
    score(source, [source], engine="numba", threads=3)
    ladder = {"title": "clip", "display": {"width": 320, "height": 180}, "rungs": [], "pooling": "mean"}
    verify.verify_renditions(
        media, shots, ladder, pd.DataFrame(), codec="x264", folder=tmp_path, bars=verify.Bars(1, 1, 1),
        model="vmaf_v0.6.1", threads=2, timeout_s=60,
    )  # fmt: skip
    assert told == {"files": 3, "verify": 2}


def test_encoding_reads_the_title_with_no_more_threads_either(media, tmp_path, monkeypatch) -> None:
    running: list[int] = []
    real = title_source.frames

    def frames(*given, **how):
        for packed in real(*given, **how):
            running.append(decoders())
            yield packed

    monkeypatch.setattr(title_source, "frames", frames)
    encode_points(
        media, shot_table((0, 6)), plan_table("x264", [0], ["40"], width=320, height=180), title="clip",
        store=Store(tmp_path / "store"), folder=tmp_path / "made", variants={"v": {"threads": 1}}, keyframe_s=1.0,
        threads=1, timeout_s=60.0, frame_cache_mb=1.0,
    )  # fmt: skip
    assert running == [0] * 6
