"""Where files lie: encodes made on a scratch disk, those of no rung removed, a source by an address."""

import re


def test_with_scratch_and_tidying_a_title_keeps_what_its_ladder_names_and_has_nothing_left_to_do(
    workplace, two_shots, tmp_path
):
    workplace.titles({"tiny": two_shots})
    workplace.config["scratch"] = str(tmp_path / "scratch")
    workplace.config["store"] = {"keep": "ladder"}
    workplace.run()
    mark, ladder = workplace.json("tiny/tidied.json"), workplace.json("tiny/ladder.json")
    named = [point for rung in (*ladder["rungs"], *ladder["fixed"]) for point in rung["points"]]
    assert list((tmp_path / "scratch").iterdir()) == []
    assert mark["points"] > 0 and mark["folders"] == 2
    assert {point["key"] for point in named} <= workplace.points()
    results = workplace.path / "results/tiny"
    assert all((results / point["file"]).is_file() for point in named)
    assert [str(folder.relative_to(results)) for folder in sorted(results.glob("b*/r*/*/*p"))] == [
        "b0/r1/x264/54p",
        "b0/r1/x264/90p",
    ]
    workplace.forget_encodes()
    assert "Nothing to be done" in workplace.run()
    assert workplace.encodes() == []


def test_an_address_without_its_plugin_and_tidying_of_results_elsewhere_are_refused(workplace, two_shots):
    workplace.titles({"far": "nowhere://films/far.mp4"})
    assert "No storage provider found for query nowhere://films/far.mp4" in workplace.run("-n", expect=1)
    workplace.titles({"tiny": two_shots})
    workplace.config["store"] = {"keep": "ladder"}
    elsewhere = ("--default-storage-provider", "fs", "--default-storage-prefix", str(workplace.path / "elsewhere"))
    said = workplace.run("-n", *elsewhere, expect=1)
    assert re.search(r"store\.keep: ladder removes encodes .* set store\.keep: all|[Pp]lugin|not .*installed", said)
