"""The page on `bench_scoring`: `PYTHONPATH=scripts python -m laddersmith.bench.scoring_page` writes it anew."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

NOT_FOOTAGE = ("bikes", "bigbuckbunny", "noise", "flat", "checkerboard")

PAGE = """# What scoring takes, and how far the scores are from libvmaf's

Measured on {cores} cores of an {cpu}, {memory} GiB of memory, with numba {numba} and PyAV {av}, by

    LADDERSMITH_FOOTAGE=folder snakemake --profile profiles/local bench_scoring

against the libvmaf of ffmpeg {ffmpeg}. Every figure is in [scoring.json](scoring.json). Few and small clips: the
demo's two and, from the folder, {more}.

![Times ffmpeg's libvmaf per encode, over the number of encodes of one reference](scoring.svg)

## Kernels alone

Frames in memory, one core, a real clip scaled to the size, encodes of it in 8 bit: all features and the fusion,
against the filter with `vmaf_v0.6.1` (integer arithmetic, vectorised by hand). Of the filter's time its start and the
reading of the raw files are taken off. Milliseconds are of one encode's frame, the shortest of three turns; "times"
is the median of the turns, which alternate.

| size | encodes | ms | libvmaf's ms | times |
|---|---|---|---|---|
{kernels}

## From files

Both sides have {threads} cores; decoding and scaling up are in it. Ours is one call of the engine, the filter runs
once per encode. What a process pays once before it scores (imports, loading the compiled kernels, the proof against
libvmaf) is not in it: {starts} s.

| size | encodes | ms | ffmpeg's ms | times |
|---|---|---|---|---|
{files}

## Memory

The greatest resident memory of `python -m laddersmith score` with eight encodes: {memories}.

## Agreement

Over {count} encodes (x264, x265 and SVT-AV1, CRF 15 to 50, at full and half height, 8 and 10 bit, and generated
noise, flat frames and a moving checkerboard), every frame compared with libvmaf's `vmaf_float_v0.6.1`, which is the
same definition:

| | worst |
|---|---|
| any feature, any frame | {worst_feature:.2g} ({feature}, {where}) |
| VMAF, any frame | {worst_frame_vmaf:.2g} |
| VMAF, mean of an encode | {worst_mean_vmaf:.2g} |
| against the integer `vmaf_v0.6.1`: mean of an encode | {worst_integer_mean_vmaf:.2g} |
| against the integer `vmaf_v0.6.1`: any frame | {integer_frame:.2g} |

The last two lines are what libvmaf's own two models differ by: its integer arithmetic rounds where there is little
texture, and agreeing with one of them means differing from the other. By clip, the mean of an encode differs from the
integer model by at most

| clip | VMAF |
|---|---|
{integer}
{gpu}"""

GPU = """
## On a GPU

| size | encodes | encode-frames a second | share of the memory's rate | share of the arithmetic |
|---|---|---|---|---|
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows, found = facts["rows"], facts["summary"]
    parts = {part: [row for row in rows if row["part"] == part] for part in dict.fromkeys(row["part"] for row in rows)}
    agreed = parts["agreement"]
    worst = max(agreed, key=lambda row: row["worst_feature"])
    starts = [row["start_s"] for row in parts["end to end"]]
    clips = dict.fromkeys(row["clip"] for row in agreed)
    return PAGE.format(
        **{name: found[name] for name in ("worst_frame_vmaf", "worst_mean_vmaf", "worst_integer_mean_vmaf")},
        cores=facts["machine"]["cores"],
        cpu=facts["machine"]["cpu"],
        memory=facts["machine"]["memory_gb"],
        threads=facts["machine"]["threads"],
        numba=facts["versions"]["numba"],
        av=facts["versions"]["av"],
        ffmpeg=facts["versions"]["ffmpeg"],
        more=", ".join(clip for clip in clips if clip not in NOT_FOOTAGE) or "none",
        kernels=_timed(parts["kernels"]),
        files=_timed(parts["end to end"]),
        starts=f"{min(starts):.1f} to {max(starts):.1f}",
        memories=", ".join(f"{row['peak_mb']:.0f} MiB at {row['height']}p" for row in parts["memory"]),
        count=len(agreed),
        worst_feature=worst["worst_feature"],
        feature=worst["feature"],
        where=f"{worst['clip']} at {worst['depth']} bits, {worst['codec']} CRF {worst['crf']}",
        integer_frame=max(row["integer_worst_frame_vmaf"] for row in agreed),
        integer=_table(
            (clip, f"{max(row['integer_mean_vmaf'] for row in agreed if row['clip'] == clip):.2g}") for clip in clips
        ),
        gpu=GPU + _on_gpu(parts["gpu"]) + "\n" if "gpu" in parts else "",
    )


def _timed(rows: Sequence[dict[str, Any]]) -> str:
    return _table(
        (f"{row['height']}p", row["encodes"], row["ms_min"], row["libvmaf_ms_min"], f"{row['speedup']:.1f}")
        for row in rows
    )


def _on_gpu(rows: Sequence[dict[str, Any]]) -> str:
    return _table(
        (f"{row['height']}p", row["encodes"], f"{row['fps']:.0f}", row["memory_share"], row["arithmetic_share"])
        for row in rows
    )


def _table(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "scoring.md", page(read_json(FOLDER / "scoring.json")))
