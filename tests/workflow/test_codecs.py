"""Encoders are tried before any job, and every software codec makes a whole ladder."""

from laddersmith.bench.codecs import proof, proof_config
from laddersmith.encode.codecs import SOFTWARE


def test_codecs_that_cannot_be_used_end_the_run_before_any_job(workplace, two_shots):
    workplace.config["variants"]["apple"] = {"codec": "h264_videotoolbox", "preset": "speed"}
    workplace.titles({"tiny": two_shots})
    said = workplace.run(expect=1)
    assert "codec h264_videotoolbox: this ffmpeg (" in said
    assert "was built without h264_videotoolbox; use one that has it" in said
    assert not (workplace.path / "results").exists()
    assert workplace.encodes() == []


def test_every_software_codec_makes_a_ladder_that_is_verified_and_packaged(workplace, two_shots):
    """One title, seven ladders; the codec that the packager cannot carry is packaged as whole files, with a reason."""
    wanted = proof_config()["variants"]
    variants = {name: own | {"crfs": own["crfs"][::2]} for name, own in wanted.items()}
    workplace.config |= {
        "heights": [90],
        "variants": variants,
        "fixed_ladder": {"rungs": {"x264": [], "x265": [], "svtav1": []}},
    }
    workplace.titles({"tiny": two_shots})
    workplace.run()
    package = workplace.json("tiny/package/ladder.json")
    assert package["progressive"] and {rung["codec"] for rung in package["progressive"]} == {"vvenc"}
    assert all(rung["reason"] for rung in package["progressive"])
    for codec in SOFTWARE:
        found = proof(workplace.path / "results" / "tiny", codec.name)
        assert found["proved"] and found["rungs"] >= 2, found
        assert found["codecs_string"].partition(".")[0] == codec.sample_entry
        assert found["worst_gap_vmaf"] < 0.01  # as verify.max_mean_gap asks: both engines compute in floating point
    assert workplace.json("tiny/gate.json")["ok"]
