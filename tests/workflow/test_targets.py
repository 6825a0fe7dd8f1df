"""A floor of quality and a budget of bits in the real flow: kept by what was measured, or told that nothing does."""

import pytest
from workplace import Workplace


def asking(place: Workplace, mode: str, **search) -> Workplace:
    """Asked is `mode`, of few points; no fixed ladder beside it."""
    place.config["search"] = {"strategy": "adaptive", "max_points": 6, "max_rounds": 2, "mode": mode, **search}
    place.config["fixed_ladder"]["rungs"] = {"x264": []}
    return place


def test_a_floor_is_kept_by_what_was_measured_or_the_nearest_is_told(workplace, two_shots):
    place = asking(workplace, "quality_floor", target_quality=70)
    place.titles({"tiny": two_shots})
    said = place.run("bitrate_budget", expect=1)
    assert "search.mode is quality_floor: for the target bitrate_budget set search.mode: bitrate_budget" in said
    place.run("quality_floor")
    assert place.json("tiny/gate.json")["ok"]
    ladder = place.json("tiny/ladder.json")
    (rung,) = ladder["rungs"]
    assert rung["quality"] >= 70 and ladder["missing"] == []
    assert rung["target"] == {
        "mode": "quality_floor", "limit": 70, "scope": "title", "heights": "best", "feasible": True,
    }  # fmt: skip
    assert rung["reason"].startswith(f"x264 at {rung['height']}p: quality ") and len(rung["points"]) == 2

    place.config["search"]["target_quality"] = 100
    place.run("results/tiny/ladder.json")
    ladder = place.json("tiny/ladder.json")
    (nearest,), (gap,) = ladder["rungs"], ladder["missing"]
    assert not nearest["target"]["feasible"] and rung["quality"] < nearest["quality"] < 100
    assert gap["wanted"] == "a quality of 100" and gap["reason"] == nearest["reason"]
    assert "x264: nothing that was tried has a quality of 100; the nearest is quality " in gap["reason"]


@pytest.mark.parametrize("strategy", ["grid"])
def test_a_budget_of_every_shot_is_kept_at_each_height(workplace, two_shots, strategy):
    place = asking(
        workplace, "bitrate_budget", target_kbps=150, target_scope="shot", target_heights="each", strategy=strategy
    )
    place.titles({"tiny": two_shots})
    place.run("results/tiny/ladder.json")
    ladder = place.json("tiny/ladder.json")
    assert sorted(rung["height"] for rung in ladder["rungs"]) == [54, 90] and ladder["missing"] == []
    for rung in ladder["rungs"]:
        assert all(point["bitrate_kbps"] <= 150 for point in rung["points"])
        assert rung["target"]["feasible"] and "for 150 kbps or less in every shot" in rung["reason"]
