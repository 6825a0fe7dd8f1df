"""The spliced titles of `bench_shots`, what is counted as found on them, and the committed run against its page."""

import json
from collections import deque
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.bench import shots as bench
from laddersmith.bench import shots_page, splice
from laddersmith.bench.splice import Disturbance, Piece, Plan, Transition
from laddersmith.errors import ToolError
from laddersmith.source import Media, frames

FACTS = ROOT / "docs" / "benchmarks" / "shots.json"
SCHEMA = json.loads((ROOT / "config" / "schemas" / "bench_shots.json").read_text())
SIZE = (64, 36)


@pytest.fixture(scope="session")
def pieces(bikes) -> list[Piece]:
    media = Media(str(bikes), 640, 272, "yuv420p", 8, Fraction(25), 250)
    spans = {"road": (1, 29), "car": (31, 75), "crossing": (77, 136)}
    return [Piece(scene, media, *span) for scene, span in spans.items()] + [Piece("near", media, 138, 186, "left top")]


def made(pieces: list[Piece], **more) -> Plan:
    shape = {"seed": 5, "shots": 6, "lengths": (41, 50), "kinds": ("cut", *splice.GRADUAL), "width": SIZE[0]}
    return splice.plan(pieces, **shape | more)


def test_a_seed_decides_a_title(pieces):
    assert made(pieces) == made(pieces) != made(pieces, seed=6)
    plan = made(pieces, flashes=1.0)
    assert sorted(t.kind for t in plan.transitions) == sorted(("cut", *splice.GRADUAL))
    scenes = [piece.scene for piece, _, _ in plan.shots]
    assert all(a != b for a, b in pairwise(scenes))
    assert {spot.kind for spot in plan.disturbances} == {"flash"} and len(plan.disturbances) == 6
    assert {spot.kind for spot in made(pieces, pans=1.0).disturbances} == {"pan"}


def test_the_frames_of_a_title_are_where_the_plan_says(pieces):
    plan = made(pieces, flashes=1.0)
    shown = list(splice.pictures(plan, *SIZE))
    assert len(shown) == plan.frames and {plane.shape for plane, _, _ in shown} == {(36, 64)}
    first = plan.shots[0][0]
    packed = next(frames(first.media, first.start, first.end, width=64, height=36, pix_fmt="yuv420p"))
    if first.view == "whole":
        assert shown[0][0].tobytes() == packed[: 64 * 36]
    for spot in plan.disturbances:
        assert shown[spot.start][0].mean() > 180 > shown[spot.start - 1][0].mean()
        assert shown[spot.end][0].mean() < 180


@pytest.mark.parametrize("kind", splice.GRADUAL)
def test_a_transition_leads_from_one_picture_to_the_other(pieces, kind):
    media = pieces[0].media
    still = [Piece("a", media, 10, 11), Piece("b", media, 100, 101)]
    plan = Plan([(piece, 5, 0) for piece in still], [Transition(kind, 5, 13)])
    shown = [luma.astype(int) for luma, _, _ in splice.pictures(plan, *SIZE)]
    old, new, middle = shown[4], shown[14], shown[9]  # the middle of nine frames is half way
    assert len(shown) == 19 and (shown[0] == old).all() and (shown[18] == new).all()
    if kind == "wipe":
        assert (middle[:, :32] == new[:, :32]).all() and (middle[:, 32:] == old[:, 32:]).all()
    elif kind == "dissolve":
        assert abs(middle - (old + new) / 2).max() <= 0.5  # rounded
    else:
        assert (middle == {"fade-black": splice.BLACK, "fade-white": splice.WHITE}[kind]).all()
    assert all((picture != old).any() and (picture != new).any() for picture in shown[5:14])


def test_a_pan_moves_and_a_corner_is_enlarged(pieces):
    plan = made(pieces, pans=1.0, shots=1)
    shown = list(splice.pictures(plan, *SIZE))
    pan = plan.shots[0][2]
    assert pan >= 1 and any((a[0] != b[0]).any() for a, b in pairwise(shown))
    [corner] = [piece for piece in pieces if piece.view != "whole"]
    plan = Plan([(corner, 3, 0)])
    packed = next(frames(corner.media, 138, 139, width=128, height=72, pix_fmt="yuv420p"))
    large = np.frombuffer(packed, np.uint8, 128 * 72).reshape(72, 128)
    assert (next(splice.pictures(plan, *SIZE))[0] == large[:36, :64]).all()


def test_a_title_is_written_to_equal_bytes_and_scdet_reads_it(pieces, tmp_path):
    plan = Plan([(pieces[0], 12, 0), (pieces[2], 12, 0)], [Transition("cut", 12, 11)])
    one, two = (splice.write(tmp_path / name, plan, *SIZE) for name in ("a.mp4", "b.mp4"))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert one.frames == 24 and len(list(frames(one))) == 24 and two.width == 64
    assert bench.scdet(one) == [12]
    with pytest.raises(ToolError, match="ffmpeg cannot write the spliced title"):
        splice.write(tmp_path / "absent" / "a.mp4", plan, *SIZE)
    with pytest.raises(ToolError, match="scdet ended with"):
        bench.scdet(Media(str(tmp_path / "absent.mp4"), 64, 36, "yuv420p", 8, Fraction(25), 24))


def test_the_network_alone_cuts_after_what_it_finds_likely(pieces, tmp_path):
    plan = Plan([(pieces[0], 60, 0)])
    media = splice.write(tmp_path / "a.mp4", plan, *SIZE)
    said = deque([np.zeros(50, np.float32), np.zeros(50, np.float32)])
    said[0][[7, 30, 31]] = 0.9
    assert bench.network_alone(media, lambda window: (said.popleft(), None)) == [8, 32]


PLAN = Plan(
    transitions=[Transition("cut", 50, 49), Transition("dissolve", 100, 109), Transition("wipe", 200, 209)],
    disturbances=[Disturbance("flash", 150, 152), Disturbance("pan", 250, 300)],
)


@pytest.mark.parametrize(
    ("cuts", "hits", "false"),
    [
        ([50, 105, 205], (1, 1, 1), (0, 0, 0)),
        ([48, 98, 212], (1, 1, 1), (0, 0, 0)),  # two frames to spare on either side
        ([47, 97, 213], (0, 0, 0), (0, 0, 3)),
        ([52, 112, 198], (1, 1, 1), (0, 0, 0)),
        ([53, 113, 197], (0, 0, 0), (0, 0, 3)),
        ([50, 51, 100, 105], (1, 1, 0), (0, 0, 2)),  # a transition is found once
        ([148, 154, 155, 270], (0, 0, 0), (2, 1, 1)),
        ([], (0, 0, 0), (0, 0, 0)),
    ],
)
def test_a_cut_is_found_within_two_frames_and_once(cuts, hits, false):
    found = bench.tally(PLAN, cuts)
    assert tuple(found.hits.values()) == hits and tuple(found.known.values()) == (1, 1, 1)
    assert tuple(found.false[there] for there in ("flash", "pan", "nothing")) == false


@pytest.mark.parametrize(
    ("counts", "figures"),
    [((8, 10, 2), (0.8, 0.8, 0.8)), ((5, 10, 0), (1.0, 0.5, 2 / 3)), ((0, 4, 3), (0, 0, 0)), ((0, 0, 0), (1, 1, 1))],
)
def test_f1_is_the_harmonic_mean(counts, figures):
    assert bench.f1(*counts) == pytest.approx(figures)


def stub() -> dict:
    """Facts of the right form, with figures that mean nothing."""
    row = bench._detector_row("transnetv2", [bench.tally(PLAN, [50, 105, 270])])
    speed = {"frames": 100, "windows": 2, "windows_judged": 1, "decode_s": 1.0, "detect_s": 1.5, "find_shots_s": 2.0}
    speed |= {"fps": 67, "fps_find_shots": 50, "times_decode": 1.5}
    title = {"case": "title cuts", "frames": 300, "transitions": {"cut": 1}, "flashes": 1, "pans": 1}
    return {
        "schema": bench.SCHEMA,
        "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 8.0},
        "versions": {"python": "3.11.7"},
        "clips": ["bikes"],
        "rows": [title, row, {"case": "speed, film 432p", **speed}, {"case": "speed, film 720p", **speed}],
        "summary": {
            "f1_cut": row["f1_cut"],
            "f1_gradual": row["f1_gradual"],
            "fps_432p": 67,
            "times_decode": 1.5,
            "same_cuts_as_every_window": True,
        },
    }


def test_every_false_cut_counts_against_both_groups():
    [row] = [row for row in stub()["rows"] if row["case"] == "transnetv2"]
    assert (row["precision_cut"], row["recall_cut"]) == (0.5, 1.0)
    assert (row["precision_gradual"], row["recall_gradual"]) == (0.5, 0.5)


def test_facts_have_the_form_of_the_schema_and_make_a_page():
    Draft202012Validator(SCHEMA).validate(stub())
    page = shots_page.page(stub())
    assert "| transnetv2 | 1 of 1 | 1 of 1 | 0 of 1 |" in page and "67" in page and "a CPU" in page


@pytest.mark.skipif(not FACTS.exists(), reason="no run is committed")
def test_the_committed_run_keeps_its_promises_and_its_page():
    facts = json.loads(FACTS.read_text())
    Draft202012Validator(SCHEMA).validate(facts)
    assert (ROOT / "docs" / "benchmarks" / "shots.md").read_text() == shots_page.page(facts)
    found = facts["summary"]
    assert found["f1_cut"] >= 0.95 and found["f1_gradual"] >= 0.85 and found["same_cuts_as_every_window"]
    assert found["fps_432p"] >= 400 and found["times_decode"] <= 1.6
