"""The strategy `adaptive` in the real flow: few encodes, every rung measured, no point twice."""

from laddersmith import tables
from workplace import Workplace


def adaptive(place: Workplace) -> Workplace:
    place.config["search"] = {"strategy": "adaptive", "max_points": 5}
    place.config["fixed_ladder"]["rungs"] = {"x264": []}
    return place


def test_an_interrupted_search_repeats_no_measured_point(workplace, two_shots):
    place = adaptive(workplace)
    place.config["search"] |= {"max_rounds": 2}
    place.titles({"tiny": two_shots})
    place.run_and_kill(lambda: len(place.encodes()) >= 5)
    before, points = len(place.encodes()), place.points()
    assert points and before >= 5
    place.run("--unlock")
    place.run()
    # One encode a point, but for those that the kill met: at most one on each of the two cores.
    assert points <= place.points() and len(place.encodes()) <= len(place.points()) + 2
    ladder = place.json("tiny/ladder.json")
    assert len(ladder["rungs"]) == 3 and place.json("tiny/gate.json")["ok"]
    crfs = {point["crf"] for rung in ladder["rungs"] for point in rung["points"]}
    assert all(22 <= float(crf) <= 46 for crf in crfs) and not crfs <= {"22", "30", "38", "46"}
    known = place.points()
    place.forget_encodes()
    place.config["ladder"]["rungs"] = 4  # the answer changes: only what is new is measured
    place.run("results/tiny/ladder.json")
    assert known < place.points() and len(place.encodes()) == len(place.points() - known)


def test_cheap_looks_search_and_the_ladder_holds_whole_shots_scored_in_full(workplace, two_shots):
    place = adaptive(workplace)
    place.config["search"] |= {"score_every": 3, "window_s": 0.5}
    place.titles({"tiny": two_shots}, batches={"tiny": "2"})
    place.run()
    results = place.path / "results/tiny"
    seen = [tables.read(path, tables.LOOKS) for path in sorted(results.glob("b*/r0/looks.parquet"))]
    assert [sorted(set(table["shot"])) for table in seen] == [[-2], [-3]]
    assert all((table["frames"] == 12).all() and (table["frames_scored"] == 4).all() for table in seen)
    for path in sorted(results.glob("b*/r?/scores.parquet")):
        scores, frames = tables.read(path, tables.SCORES), path.with_name("frames.parquet")
        length = 22 if path.parts[-3] == "b0" else 18
        assert (scores["frames"] == length).all() and (scores["frames_scored"] == length).all()
        assert len(tables.read(frames, tables.FRAMES)) == length * len(scores)
        if path.parent.name == "r3":
            assert len(tables.read(path.with_name("looks.parquet"), tables.LOOKS)) == 0
        else:  # one point is measured both ways
            assert len(scores) == (path.parent.name == "r0")
    ladder = place.json("tiny/ladder.json")
    assert place.json("tiny/gate.json")["ok"] and len(ladder["rungs"]) >= 2
    for rung in ladder["rungs"]:
        assert [point["shot"] for point in rung["points"]] == [0, 1]
        assert "measured, on the hull" not in rung["reason"]
