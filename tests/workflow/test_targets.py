"""A floor of quality and a budget of bits in the real flow: kept by what was measured, or told that nothing does."""

from workplace import Workplace


def test_a_floor_is_kept_by_what_was_measured_or_the_nearest_is_told(workplace, two_shots):
    place: Workplace = workplace
    search = {"strategy": "adaptive", "max_points": 6, "max_rounds": 2, "mode": "quality_floor"}
    place.config["search"] = search | {"target_quality": 70}
    place.config["fixed_ladder"]["rungs"] = {"x264": []}
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

    place.config["search"] = search | {"target_quality": 100, "target_scope": "shot"}
    place.run("results/tiny/ladder.json")
    ladder = place.json("tiny/ladder.json")
    (nearest,), (gap,) = ladder["rungs"], ladder["missing"]
    assert not nearest["target"]["feasible"] and rung["quality"] < nearest["quality"] < 100
    assert gap["wanted"] == "a quality of 100 in every shot" and gap["reason"] == nearest["reason"]
    assert "x264: nothing that was tried has a quality of 100 in every shot; the nearest is quality " in gap["reason"]
