"""Every software codec proved by a whole ladder, the codecs compared on real clips, and presets against the truth.

Nothing here imports a heavy package before the workflow has run: its jobs are processes of their own.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .. import ffmpeg
from ..encode.codecs import CODECS, SOFTWARE
from ..jsonfile import read_json
from ..machine import machine
from ..provenance import versions
from .materials import footage, reference
from .workflow import run_snakemake, workplace

SCHEMA = "laddersmith/bench_codecs/1"
PROVED_FRAMES, PROVED_WIDTH, PROVED_FROM = 40, 320, 120  # of bikes: the end of one shot and the start of the next
SMALL = {
    "x264": ("veryfast", [24, 32, 40]),
    "x265": ("ultrafast", [24, 32, 40]),
    "svtav1": ("10", [30, 42, 54]),
    "libaom": ("6", [30, 42, 54]),
    "rav1e": ("10", [80, 130, 180]),
    "vp9": ("5", [30, 42, 54]),
    "vvenc": ("faster", [26, 34, 42]),
}
COMPARED = {
    "x264": ("x264", "medium", "yuv420p"),
    "x265": ("x265", "medium", "yuv420p"),
    "svtav1": ("svtav1", "6", "yuv420p"),
    "vp9": ("vp9", "2", "yuv420p"),
    "libaom": ("libaom", "5", "yuv420p"),
    "vvenc": ("vvenc", "faster", "yuv420p10le"),
}
COMPARED_CLIPS = ("bikes", "seeking", "bigbuckbunny")  # the first two at hand
COMPARED_HEIGHTS = [288, 180]
COMPARED_CRFS = slice(1, 5)  # of the codec's coarse grid, its ends left off
LOW_LIMITS = {"min_quality": 0, "min_kbps": 1, "min_step": 1}


def bench_codecs(*, store: Mapping[str, Any], cores: int) -> dict[str, Any]:
    """The facts of `results/bench/codecs.json` (config/schemas/bench_codecs.json).

    Parameters
    ----------
    store : the config's section: where points are found that this machine has measured before, with what they took.
    cores : that the runs may use.

    Raises
    ------
    ToolError
        If a run fails, or a demo clip is missing.
    """
    clips = footage()
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as name:
        folder = Path(name)
        proved = codec_rows(clips["bikes"], folder / "proof", cores=cores)
        real = {clip: clips[clip] for clip in COMPARED_CLIPS if clip in clips}
        compared = compare_rows(real, folder, store=store, cores=cores)
        from ..store import Store
        from .preset_truth import preset_rows, preset_summary

        presets = preset_rows(clips, folder / "presets", store=Store(store["path"]), threads=cores)
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"ffmpeg": ffmpeg.version()},
        "rows": [*proved, *compared, *presets],
        "summary": {"codecs_proved": sum(row["proved"] for row in proved), "codecs": len(proved)}
        | preset_summary(presets),
    }


def codec_rows(clip: Path, folder: Path, *, cores: int) -> list[dict[str, Any]]:
    """A row for each software codec: whether its ladder of one title of them all was verified, and how it is packaged.

    Parameters
    ----------
    clip : real video. folder : an empty one to work in.
    """
    folder.mkdir(parents=True)
    cut = f"select=gte(n\\,{PROVED_FROM}),scale={PROVED_WIDTH}:-2:flags=bicubic,setsar=1,setpts=N/(25*TB)"
    source = reference(folder / "cut.mp4", clip, frames=PROVED_FRAMES, filters=cut)
    place = workplace(folder / "run", yaml.safe_dump(proof_config()), f"title\tpath\ncut\t{source}\n")
    run_snakemake(place, "--cores", str(cores), "--scheduler", "greedy")
    return [proof(place / "results" / "cut", codec.name) for codec in SOFTWARE]


def proof_config() -> dict[str, Any]:
    """All software codecs in one ladder, at their fastest."""
    variants = {}
    for codec in SOFTWARE:
        preset, crfs = SMALL[codec.name]
        variants[codec.name] = {"codec": codec.name, "preset": preset, "pix_fmt": codec.pix_fmts[0], "crfs": crfs}
    return {
        "heights": [180, 108],
        "variants": variants,
        "ladder": {"rungs": 3, **LOW_LIMITS},
        "fixed_ladder": {"rungs": {name: [] for name in ("x264", "x265", "svtav1")}},
        "package": {"segment_s": 2},
    }


def proof(results: Path, codec: str) -> dict[str, Any]:
    """What became of one codec's ladder."""
    verified = read_json(results / "verify" / f"{codec}.json")
    packaged = read_json(results / "package" / "ladder.json")
    mine = [rung for rung in (*packaged["rungs"], *packaged["progressive"]) if rung["codec"] == codec]
    gaps = [rung["gap_mean"] for rung in verified["rungs"]]
    return {
        "case": "codec",
        "codec": codec,
        "rungs": len(verified["rungs"]),
        "proved": bool(gaps)
        and verified["ok"]
        and {rung["name"] for rung in mine} == {rung["name"] for rung in verified["rungs"]},
        "worst_gap_vmaf": round(max((abs(gap) for gap in gaps if gap is not None), default=0.0), 6),
        "codecs_string": mine[0]["codecs"] if mine else "",
    }


def compare_rows(
    clips: Mapping[str, Path], folder: Path, *, store: Mapping[str, Any], cores: int
) -> list[dict[str, Any]]:
    """The matrix of BD-rates over two clips and of each, and what each variant takes, from the target `compare`.

    Parameters
    ----------
    clips : real clips by name. folder : to work in. store : the config's section.
    """
    absolute = dict(store) | {"path": str(Path(store["path"]).resolve())}
    titles = list(clips.items())[:2]
    table = "title\tpath\n" + "".join(f"{title}\t{path}\n" for title, path in titles)
    place = workplace(folder / "compare", yaml.safe_dump(compare_config() | {"store": absolute}), table)
    run_snakemake(place, "--cores", str(cores), "--scheduler", "greedy", "compare")
    facts = read_json(place / "results" / "compare.json")
    rows = [{"case": "variant", **row} for row in facts["variants"]]
    rows += [{"case": "BD-rate over clips", **row} for row in facts["bd_rates"]]
    for title in facts["titles"]:
        rows += [{"case": "BD-rate", "clip": title["title"], **row} for row in title["bd_rates"]]
        rows += [{"case": "decoding", "clip": title["title"], **row} for row in title["decoding"]["rows"]]
    return rows


def compare_config() -> dict[str, Any]:
    """Six codecs at presets of like standing, at the sizes that fit the clips."""
    variants = {
        name: {
            "codec": codec,
            "preset": preset,
            "pix_fmt": pix_fmt,
            "crfs": [float(crf) for crf in CODECS[codec].knob.default_crfs[COMPARED_CRFS]],
        }
        for name, (codec, preset, pix_fmt) in COMPARED.items()
    }
    return {
        "heights": COMPARED_HEIGHTS,
        "variants": variants,
        "ladder": LOW_LIMITS,
        "fixed_ladder": {"rungs": {name: [] for name in ("x264", "x265", "svtav1")}},
        "compare": {"anchor": "x264", "targets": [95, 90, 80]},
    }
