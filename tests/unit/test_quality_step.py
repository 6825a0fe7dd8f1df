"""Scoring every n-th frame: the same scores as among all, in less time, and never mistaken for all of them."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from laddersmith.errors import ScoreError
from laddersmith.quality import encodes, engine_named, kernels
from laddersmith.quality.engine import Distorted, Reference
from laddersmith.quality.reference import title_reference
from laddersmith.source import Media
from laddersmith.store import Store
from test_quality import LENGTH, MOVING, TAGS, cut, encode, encode_row, encodes_table, media_of, shots_table, take

SIZE = {"height": 158, "width": 280}  # large enough for every feature of the v1 models
CUTS = [0, 2, 13, LENGTH]  # the second shot has fewer frames before it than an hfr model looks back at


@pytest.fixture(scope="module")
def source(make_clip: Callable[..., Path]) -> Path:
    return make_clip("quality.mp4", f"{MOVING},{TAGS},format=yuv420p", LENGTH)


@pytest.fixture(scope="module")
def media(source: Path) -> Media:
    return media_of(source)


@pytest.fixture(scope="module")
def shots(media: Media) -> pd.DataFrame:
    return shots_table(media, CUTS)


@pytest.fixture(scope="module")
def folder(source: Path, shots: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encode of each shot."""
    folder = tmp_path_factory.mktemp("step")
    for shot, start, end in shots[["shot", "start", "end"]].itertuples(index=False):
        encode(source, folder / f"s{shot}.mp4", filters=f"{cut(start, end)},scale=280:158,setsar=1")
    return folder


@pytest.fixture(scope="module")
def rows(shots: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return encodes_table(*(encode_row(shot, folder / f"s{shot}.mp4", **SIZE) for shot in shots["shot"]))


@pytest.mark.parametrize(
    ("engine", "model", "neighbours"),
    [
        ("numba", "vmaf_v0.6.1", True),
        ("numba", "vmaf_v0.6.1", False),
        ("libvmaf", "vmaf_v0.6.1", True),
        ("libvmaf", "vmaf_v0.6.1", False),
        ("libvmaf", "vmaf_float_v0.6.1", True),
        ("libvmaf", "vmaf_v1.0.16_3d0h", True),
        ("libvmaf", "vmaf_v1.0.16_hfr_3d0h", True),
    ],
)
def test_a_frame_scores_as_among_all(media, shots, rows, folder, engine, model, neighbours) -> None:
    score = partial(take, media, shots, rows, folder, engine=engine, model=model, neighbours=neighbours)
    _, whole = score()
    for step in (2, 3, 100):
        scores, some = score(frame_step=step)
        wanted = [frame for start, end in pairwise(CUTS) for frame in range(start, end, step)]
        assert some["frame"].tolist() == wanted
        expected = whole[whole["frame"].isin(wanted)].reset_index(drop=True)
        pd.testing.assert_frame_equal(some, expected, check_exact=True)
        assert scores["frames_scored"].tolist() == [-(-(end - start) // step) for start, end in pairwise(CUTS)]


def low(folder: Path) -> Distorted:
    return Distorted("second", folder / "s1.mp4", SIZE["width"], SIZE["height"], "yuv420p")


@pytest.fixture
def second(media: Media) -> Reference:
    return title_reference(media, (320, 180), what="second", start=2, end=13, context=1)


def test_what_is_not_scored_is_not_computed(second, folder, monkeypatch) -> None:
    done = {"features": 0, "motion": 0}

    def counted(what: str) -> Callable:
        real = getattr(kernels.FrameKernels, what)

        def count(self: kernels.FrameKernels, *given: np.ndarray) -> object:
            done[what] += 1
            return real(self, *given)

        return count

    numba = engine_named("numba")
    run = partial(numba.score, second, [low(folder)], model="vmaf_v0.6.1", threads=2, timeout_s=60)
    list(run())  # with the proof of the kernels, which is not counted below
    for what in done:
        monkeypatch.setattr(kernels.FrameKernels, what, counted(what))
    told: list[int] = []
    [(place, frames)] = run(frame_step=4, progress=told.append)
    assert (place, frames["frame"].tolist(), sum(told)) == (0, [2, 6, 10], 3)
    assert done == {"features": 3, "motion": 6}  # of each frame and the one behind it


@pytest.mark.parametrize("engine", ["numba", "libvmaf"])
@pytest.mark.parametrize("got", [10, 12])
def test_the_frames_between_are_counted(source, media, shots, tmp_path, engine, got) -> None:
    encode(source, tmp_path / "bad.mp4", filters=f"{cut(2, 2 + got)},scale=280:158,setsar=1")
    rows = encodes_table(encode_row(1, tmp_path / "bad.mp4", **SIZE))
    with pytest.raises(ScoreError, match=f"the encode decodes to {got} frames, the reference has 11"):
        take(media, shots, rows, tmp_path, engine=engine, frame_step=4)


def test_scores_of_some_frames_are_never_taken_for_those_of_all(media, shots, rows, folder, tmp_path, monkeypatch):
    store, asked = Store(tmp_path / "store"), []
    real = encodes.point_key
    monkeypatch.setattr(encodes, "point_key", lambda fields: asked.append(fields) or real(fields))
    score = partial(take, media, shots, rows[1:2], folder, engine="numba", store=store)
    whole, half = score(), score(frame_step=2)
    assert [len(frames) for _, frames in (whole, half, score(), score(frame_step=2))] == [11, 6, 11, 6]
    assert store.contents().scores == 2
    # Scores of all frames stay where they have always been kept.
    known = {"form", "display", "model", "engine", "version", "context", "reference", "point"}
    assert set(asked[0]) == known and set(asked[1]) == known | {"frame_step"}
    assert asked[1]["frame_step"] == 2


@pytest.mark.parametrize("step", [0, -2])
def test_a_step_that_goes_nowhere_is_refused(media, shots, rows, folder, step) -> None:
    with pytest.raises(ScoreError, match=f"clip, shot 0: every {step}-th frame cannot be scored; set a step of 1"):
        take(media, shots, rows, folder, frame_step=step)
