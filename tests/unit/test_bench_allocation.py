"""The benchmark of the allocator: its title, its arithmetic and its schema."""

import json
from itertools import pairwise

import pytest
from clips import ROOT, demo_clip
from jsonschema import Draft202012Validator
from laddersmith.bench import allocation as bench
from laddersmith.bench.allocation_page import page
from laddersmith.source import Media, frames


def test_the_title_is_made_of_the_pieces_of_the_clips_at_hand(tmp_path):
    clips = {name: demo_clip(name) for name in ("bikes", "bigbuckbunny")}
    media, shots = bench.spliced(tmp_path / "title.mp4", clips)
    pieces = [piece for piece in bench.PIECES if piece[0] in clips]
    assert len(shots) == len(pieces) >= 6 and media.frames == sum(length for _, _, length in pieces)
    assert all(a[0] != b[0] for a, b in pairwise(bench.PIECES) if {a[0], b[0]} != {"bikes"})
    assert shots["start"].tolist()[:3] == [0, 60, 104]
    name, start, _ = pieces[1]
    whole = Media(str(clips[name]), 640, 272, "yuv420p", 8, bench.RATE, 250)
    expected = next(frames(whole, start, start + 1, width=640, height=360, pix_fmt="yuv420p"))
    assert next(frames(media, 60, 61)) == expected  # lossless


def rows() -> list[dict]:
    rung = {"case": "rung", "codec": "x264", "ladder": "single", "name": "360p", "bitrate_kbps": 100.0}
    rung |= {"lowest_crf": 20.0, "highest_crf": 24.0, "lowest_shot_vmaf": 80.0}
    gains = {"per shot against one CRF per height": (-12.5, -4.0), "per shot against the fixed ladder": (-30.0, -21.0)}
    return [
        rung | {"predicted": 90.0, "verified": 90.01},
        rung | {"predicted": 80.0, "verified": 79.97},
        *(
            {"case": case, "codec": c, "bd_rate_pct": p}
            for case, both in gains.items()
            for c, p in zip("ab", both, strict=True)
        ),
        *bench.allocator(),
        {
            "case": "export",
            "form": "a",
            "codec": "x264",
            "rung": "360p",
            "size_difference_pct": -1.5,
            "vmaf_difference": 0.2,
        },
        {"case": "export", "form": "b", "codec": "x264", "rung": "360p", "left_out": "it is not installed"},
    ]


def test_the_summary_is_of_the_codec_that_saves_less_and_keeps_to_the_schema(monkeypatch):
    monkeypatch.setattr(bench, "REPEATS", 1)
    found = bench.summary(rows())
    assert found["bd_rate_vs_single_crf_pct"] == -4.0 and found["bd_rate_vs_fixed_ladder_pct"] == -21.0
    assert found["verified_gap_worst_vmaf"] == pytest.approx(0.03) and 0 < found["allocator_s"] < 1
    assert found["export_size_worst_pct"] == 1.5 and found["export_vmaf_worst"] == 0.2
    schema = json.loads((ROOT / "config" / "schemas" / "bench_allocation.json").read_text())
    machine = {"cpu": "any", "cores": 2, "memory_gb": 8.0}
    title = {"frames": 292, "shots": 6, "width": 640, "height": 360}
    facts = {
        "schema": bench.SCHEMA,
        "machine": machine,
        "versions": {},
        "title": title,
        "rows": rows(),
        "summary": found,
    }
    Draft202012Validator(schema).validate(facts)


def test_the_committed_page_is_of_the_committed_facts():
    folder = ROOT / "docs" / "benchmarks"
    facts = json.loads((folder / "allocation.json").read_text())
    Draft202012Validator(json.loads((ROOT / "config" / "schemas" / "bench_allocation.json").read_text())).validate(
        facts
    )
    assert (folder / "allocation.md").read_text() == page(facts)
    assert facts["summary"] == bench.summary(facts["rows"])
