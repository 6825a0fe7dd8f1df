"""What is exported of a rung that keeps bitrates: its shots in two passes, and no encoder's own command line."""

import pytest
from clips import ffmpeg_run
from encode_shots import plan_table
from export_kit import RATE, made_by, shots_table
from laddersmith import source
from laddersmith.encode import box
from laddersmith.encode.inspect import read_packets
from laddersmith.encode.points import encode_points
from laddersmith.package import export_ladder, stitch
from laddersmith.store import Store

SPANS, KBPS = [(0, 12), (12, 20)], ["60", "200"]


@pytest.mark.parametrize("codec", ["x264", "vp9"])
def test_the_shots_script_makes_the_rendition_in_two_passes(codec, bikes, tmp_path):
    clip = tmp_path / "clip.mp4"
    ffmpeg_run("-i", bikes, "-frames:v", "20", "-an", "-c:v", "libx264", "-qp", "8", clip)
    facts = source.probe(
        clip, title="bikes", normalise=True, crop_bars=False, mezzanine=tmp_path / "m.mov", timeout_s=60
    )
    media, shots = source.Media.from_json(facts["media"]), shots_table(SPANS)
    variants, rung = {"v": {"threads": 1}}, {"variant": "v", "rate": "two_pass", "height": 64}
    width, height = box(media.width, media.height, 64)
    files, points = [], []
    for shot, kbps in enumerate(KBPS):
        plan = plan_table(codec, [shot], [kbps], rate="two_pass", width=width, height=64)
        made = encode_points(
            media, shots, plan, title="bikes", store=Store(tmp_path / "s"), folder=tmp_path / "f", variants=variants,
            keyframe_s=1, threads=1, timeout_s=60, frame_cache_mb=10,
        ).iloc[0]  # fmt: skip
        files.append(tmp_path / "f" / made["file"])
        points.append({"shot": shot, "crf": kbps, "bytes": 1, "bitrate_kbps": 1.0, "vmaf_mean": 1.0})
    stitch(files, tmp_path / "whole.mp4", frame_rate=RATE, codec=codec)
    rung |= {"name": "64p_v_116k", "codec": codec, "preset": plan["preset"][0], "pix_fmt": "yuv420p", "crf": "116"}
    rung |= {"width": width, "picture_height": height, "bitrate_kbps": 1.0, "quality": 1.0, "points": points}
    ladder = {"title": "bikes", "source": {"path": str(clip), "sha256": "0" * 64}, "rungs": [rung]}
    export_ladder(facts, shots, ladder, tmp_path / "e", variants=variants, keyframe_s=1)
    folder = tmp_path / "e" / codec / "64p_v_116k"
    assert {path.name for path in folder.iterdir()} == {"settings.json", "shots.sh"}
    out = made_by(folder / "shots.sh", clip, tmp_path / "out.mp4")
    told = [
        [(p.frame, p.bytes, p.keyframe) for p in read_packets(path, RATE)] for path in (out, tmp_path / "whole.mp4")
    ]
    assert told[0] == told[1]
