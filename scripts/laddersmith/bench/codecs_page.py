"""The page on `bench_codecs`: `PYTHONPATH=scripts python -m laddersmith.bench.codecs_page` writes it anew."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"
ANCHOR = "x264"

PAGE = """# Codecs, side by side

    LADDERSMITH_FOOTAGE=folder snakemake --profile profiles/local bench_codecs

Measured on {cores} cores of an {cpu}. Few, small and short clips: they tell little of other films. Every figure is in
[codecs.json](codecs.json).

## Every software codec, end to end

One title of {codecs} codecs: 40 frames of bikes across a cut, 320 pixels wide, a ladder for each codec at its fastest
presets, stitched, scored whole against the source by libvmaf, and packaged. {proved} of {codecs} were verified.

| codec | rungs | verified | greatest gap to what was predicted | `codecs` |
|---|---|---|---|---|
{proof}

## Compared at sensible presets

The target `compare` on {clips}, four CRFs of each codec at boxes 288 and 180 pixels high. BD-rate of the hull over
both heights against {anchor} `{anchor_preset}`, in percent of bitrate at equal VMAF; CPU time at equal quality,
and seconds of video that a core encodes in a second.

| variant | preset | BD-rate over the clips | {by_clip} | CPU time over {anchor}'s | real time |
|---|---|---|{rules}---|---|
{compared}

Each against each, over the clips:

| anchor | {names} |
|---|{name_rules}
{matrix}

Decoding, one thread, the machine to itself:

| clip | codec | frames a second |
|---|---|---|
{decoding}

## Presets against every setting

40 frames of each of three clips, 320 pixels across, x264 and SVT-AV1: eight presets by thirteen CRFs, all of them
measured. What `presets` recommends from five CRFs of each preset (at most {tolerance} VMAF behind the best at equal
bitrate, in the least time), and what it would recommend from all thirteen:

| clip | codec | recommended | from every setting | its CPU time over that one's |
|---|---|---|---|---|
{presets}

The joint search for the preset and CRF of least CPU time, from nothing, for VMAF 70 and 85 within 1.05 and 1.3 times
the default preset's bitrate: `bayes` with five seeds, `descent` once.

| search | searches | settings measured, mean | found the least time of all | time over the least, mean | answered |
|---|---|---|---|---|---|
{searches}
"""


def page(facts: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    rows, found = facts["rows"], facts["summary"]
    variants = sorted(_case(rows, "variant"), key=lambda row: (row["variant"] != ANCHOR, row["cpu_s_per_s"]))
    clips = list(dict.fromkeys(row["clip"] for row in _case(rows, "BD-rate")))
    names = [row["variant"] for row in variants]
    over = {(row["anchor"], row["test"]): row["mean_pct"] for row in _case(rows, "BD-rate over clips")}
    each = {(row["clip"], row["anchor"], row["test"]): row["bd_rate_pct"] for row in _case(rows, "BD-rate")}
    return PAGE.format(
        cores=facts["machine"]["cores"],
        cpu=" ".join(facts["machine"]["cpu"].split()[:2]),
        codecs=found["codecs"],
        proved=found["codecs_proved"],
        proof=_table(
            (
                row["codec"],
                row["rungs"],
                "yes" if row["proved"] else "no",
                f"{row['worst_gap_vmaf']:.4f} VMAF",
                f"`{row['codecs_string']}`",
            )
            for row in _case(rows, "codec")
        ),
        clips=" and ".join(clips),
        anchor=ANCHOR,
        anchor_preset=variants[0]["preset"],
        by_clip=" | ".join(clips),
        rules="---|" * len(clips),
        compared=_table(
            (
                row["variant"],
                f"`{row['preset']}`",
                _percent(over.get((ANCHOR, row["variant"]))),
                *(_percent(each.get((clip, ANCHOR, row["variant"]))) for clip in clips),
                "" if row["cpu_ratio"] is None else f"{row['cpu_ratio']:.2f}",
                f"{row['realtime']:.2f}",
            )
            for row in variants
        ),
        names=" | ".join(names),
        name_rules="---|" * len(names),
        matrix=_table((anchor, *(_percent(over.get((anchor, test))) for test in names)) for anchor in names),
        decoding=_table(
            (row["clip"], row["codec"], f"{row['frames_per_cpu_s']:.0f}") for row in _case(rows, "decoding")
        ),
        tolerance="0.5",
        presets=_table(
            (
                row["clip"],
                row["codec"],
                f"`{row['preset']}`",
                f"`{row['true_preset']}`",
                f"{row['time_over_true']:.2f}",
            )
            for row in _case(rows, "preset")
        ),
        searches=_table(
            (
                f"`{method}`",
                found[f"{method}_searches"],
                f"{found[f'{method}_encodes_mean']:.1f} of {_case(rows, 'preset')[0]['settings']}",
                found[f"{method}_found_least"],
                f"{found[f'{method}_time_over_least_mean']:.2f}",
                found[f"{method}_answered"],
            )
            for method in ("bayes", "descent")
        ),
    )


def _case(rows: Sequence[Mapping[str, Any]], case: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["case"] == case]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %"


def _table(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "codecs.md", page(read_json(FOLDER / "codecs.json")))
