"""A ladder of which one codec goes by CRFs and the other by bitrates, kept in two passes."""


def test_bitrates_in_two_passes_beside_crfs(workplace, two_shots):
    workplace.config["heights"] = [54]
    workplace.config["fixed_ladder"] = {"rungs": {"x264": [{"height": 54, "kbps": 30}]}}
    workplace.config["variants"] |= {
        "x265-2p": {"codec": "x265", "preset": "ultrafast", "rate": "two_pass", "kbps": [15, 60, 240]},
    }
    workplace.titles({"tiny": two_shots})
    workplace.run()
    rungs = {codec: [] for codec in ("x264", "x265")}
    for rung in workplace.json("tiny/ladder.json")["rungs"]:
        rungs[rung["codec"]].append(rung)
    assert all(rungs.values())
    assert {rung["rate"] for rung in rungs["x265"]} == {"two_pass"}
    assert {rung["rate"] for rung in rungs["x264"]} == {"quality"}
    for rung in rungs["x265"]:
        assert rung["name"] == f"54p_x265-2p_{rung['crf']}k"
        for point in rung["points"]:
            assert point["file"].endswith(f"_x265-2p_{point['crf']}k.mp4")
            assert (workplace.path / "results/tiny" / point["file"]).exists()
    passes = [call for call in workplace.encodes() if "libx265" in call]
    assert sum("-pass 1" in call for call in passes) == sum("-pass 2" in call for call in passes) == len(passes) / 2
    assert not list((workplace.path / "results").rglob("*.log*"))  # what first passes noted
    page = (workplace.path / "results/tiny/report.html").read_text()
    assert ">kbps</th>" in page and ">CRF</th>" in page
    assert workplace.json("tiny/gate.json")["ok"]

    workplace.forget_encodes()
    workplace.config["variants"]["x265-2p"]["kbps"] = [15, 240]
    workplace.run()
    # Fewer bitrates to start from: nothing that stands in the store is encoded again, but what the choice now wants.
    assert all(f"-b:v {kbps}000" not in call for kbps in (15, 240) for call in workplace.encodes())


def test_what_a_codec_has_not_is_refused_before_any_job(workplace, two_shots):
    workplace.config["variants"] |= {"a": {"codec": "rav1e", "preset": "10", "rate": "two_pass", "kbps": [60]}}
    workplace.titles({"tiny": two_shots})
    said = workplace.run(expect=1)
    assert "variants.a.rate is two_pass, which rav1e has not; the choices are quality, average" in said
    assert workplace.encodes() == []
