"""Encoders are tried before any job."""


def test_codecs_that_cannot_be_used_end_the_run_before_any_job(workplace, two_shots):
    workplace.config["variants"]["apple"] = {"codec": "h264_videotoolbox", "preset": "speed"}
    workplace.titles({"tiny": two_shots})
    said = workplace.run(expect=1)
    assert "codec h264_videotoolbox: this ffmpeg (" in said
    assert "was built without h264_videotoolbox; use one that has it" in said
    assert not (workplace.path / "results").exists()
    assert workplace.encodes() == []
