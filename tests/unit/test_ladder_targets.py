"""The points that a title's target takes, against every combination there is."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith import tables
from laddersmith.errors import LadderError
from laddersmith.ladder.targets import choose_target

DURATION_S = 2.0
POINT = st.tuples(st.sampled_from([180, 360]), st.integers(20, 200), st.integers(0, 100))
TITLE = st.lists(st.tuples(st.integers(5, 90), st.lists(POINT, min_size=1, max_size=4)), min_size=1, max_size=3)


def a_table(title: list[tuple[int, list[tuple[int, int, float]]]], variant: str = "x264") -> pd.DataFrame:
    """One row for each (height, bytes, quality) of each shot's (frames, points)."""
    return pd.DataFrame(
        [
            {
                "shot": shot,
                "codec": "x264",
                "variant": variant,
                "height": height,
                "crf": str(place),
                "bytes": size,
                "frames": frames,
                "quality": float(quality),
            }
            for shot, (frames, points) in enumerate(title)
            for place, (height, size, quality) in enumerate(points)
        ]
    )


def pooled(quality: list[float], frames: list[int], pooling: str) -> float:
    """The title's, from shots whose frames are all alike."""
    every = np.repeat(quality, frames)
    if pooling == "harmonic":
        return len(every) / (1 / (every + 1)).sum() - 1
    return float(every.mean() if pooling == "mean" else every.min())


def brute_force(title, mode: str, target: float, pooling: str, heights: str) -> tuple[float, float, bool] | None:
    """Bitrate and quality of the best combination, or of the nearest, and whether it meets the target."""
    frames = [length for length, _ in title]
    options = []
    for points in product(*(points for _, points in title)):
        if heights == "one" and len({height for height, _, _ in points}) > 1:
            continue
        kbps = sum(size for _, size, _ in points) * 8 / 1000 / DURATION_S
        options.append((kbps, pooled([quality for _, _, quality in points], frames, pooling)))
    if not options:
        return None
    floor = mode == "quality_floor"
    met = [(k, q) for k, q in options if (q >= target - 1e-9 if floor else k <= target + 1e-9)]
    by_bits = floor == bool(met)
    best = min(met or options, key=lambda option: option if by_bits else (-round(option[1], 9), option[0]))
    return (*best, bool(met))


def choose(title, mode: str, target: float, pooling: str = "mean", heights: str = "one"):
    return choose_target(
        a_table(title),
        mode=mode,
        target=target,
        pooling=pooling,
        shots=range(len(title)),
        duration_s=DURATION_S,
        heights=heights,
    )


@settings(max_examples=300, deadline=None)
@given(
    TITLE,
    st.sampled_from([("quality_floor", 100), ("bitrate_budget", 1)]),
    st.floats(0, 1),
    st.sampled_from(["mean", "harmonic", "min"]),
    st.sampled_from(["one", "free"]),
)
def test_no_combination_beats_what_is_chosen(title, mode, share, pooling, heights):
    name, scale = mode
    target = share * scale if name == "quality_floor" else 0.2 + share * 2.5
    expected = brute_force(title, name, target, pooling, heights)
    if expected is None:
        with pytest.raises(LadderError, match="at one and the same height; measure more points"):
            choose(title, name, target, pooling, heights)
        return
    (found,) = choose(title, name, target, pooling, heights)
    kbps, quality, feasible = expected
    assert found.feasible == feasible
    if (name == "quality_floor") == feasible:
        assert found.bitrate_kbps == pytest.approx(kbps, rel=1e-9)
    else:
        assert found.quality == pytest.approx(quality, rel=1e-9, abs=1e-7)
    chosen = a_table(title).merge(found.points, on=tables.KEY)
    assert sorted(chosen["shot"]) == list(range(len(title)))
    assert chosen["bytes"].sum() * 8 / 1000 / DURATION_S == pytest.approx(found.bitrate_kbps)
    frames, values = chosen.sort_values("shot")["frames"].tolist(), chosen.sort_values("shot")["quality"].tolist()
    assert pooled(values, frames, pooling) == pytest.approx(found.quality, rel=1e-9, abs=1e-7)
    assert set(found.heights) == set(chosen["height"]) and (heights == "free" or len(found.heights) == 1)


TWO = [(10, [(360, 100, 90), (360, 60, 80), (180, 30, 60)]), (30, [(360, 300, 95), (360, 200, 85), (180, 90, 70)])]


def test_a_target_that_nothing_meets_has_the_nearest_and_a_sentence_that_says_so():
    (floor,) = choose(TWO, "quality_floor", 97)
    assert not floor.feasible and floor.points["crf"].tolist() == ["0", "0"]
    assert floor.sentence == (
        "x264: nothing that was tried has a quality of 97; the nearest is quality 93.75 at 1.6 kbps, at 360p"
    )
    (budget,) = choose(TWO, "bitrate_budget", 0.1)
    assert not budget.feasible and budget.points["crf"].tolist() == ["2", "2"] and budget.heights == (180,)
    assert "nothing that was tried has 0.1 kbps or less; the nearest is quality 67.50 at 0.48 kbps" in budget.sentence


def test_heights_mix_only_where_they_are_free():
    (one,) = choose(TWO, "bitrate_budget", 1.0)
    (free,) = choose(TWO, "bitrate_budget", 1.0, heights="free")
    assert one.heights == (180,) and free.heights == (360, 180)
    assert free.quality > one.quality and free.bitrate_kbps <= 1.0
    assert free.sentence == "x264 at 360p, 180p: quality 78.75 at 0.92 kbps, for 1 kbps or less"


def test_a_limit_met_to_the_last_bit_is_met():
    (best,) = choose(TWO, "quality_floor", 93.75)
    (cheapest,) = choose(TWO, "bitrate_budget", 120 * 8 / 1000 / DURATION_S)
    assert best.feasible and cheapest.feasible


def test_variants_are_chosen_for_apart_and_the_fixed_ladder_is_no_choice():
    rows = [a_table(TWO), a_table(TWO, "x264-slow"), a_table(TWO, "x264@365k").assign(quality=100.0)]
    whole = a_table(TWO[:1]).assign(shot=tables.WHOLE_TITLE, bytes=1)
    found = choose_target(
        pd.concat([*rows, whole]),
        mode="quality_floor",
        target=80,
        pooling="min",
        shots=[0, 1],
        duration_s=DURATION_S,
    )
    assert [target.variant for target in found] == ["x264", "x264-slow"]
    assert all(target.points["crf"].tolist() == ["1", "1"] for target in found)


def test_what_is_no_target_is_refused():
    with pytest.raises(ValueError, match="no target has mode 'floor'"):
        choose(TWO, "floor", 80)
    with pytest.raises(ValueError, match="heights 'many'"):
        choose(TWO, "quality_floor", 80, heights="many")
    with pytest.raises(LadderError, match="each of the 3 shots has a point; measure more points for a bitrate_budget"):
        choose_target(
            a_table(TWO),
            mode="bitrate_budget",
            target=80,
            pooling="mean",
            shots=[0, 1, 2],
            duration_s=DURATION_S,
            heights="free",
        )
