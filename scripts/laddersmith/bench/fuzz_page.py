"""The page on `bench_fuzz`: `PYTHONPATH=scripts python -m laddersmith.bench.fuzz_page` writes it from its facts."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text
from .fuzz import ENDS

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"

PAGE = """# Damaged and lying files

Measured on {cores} cores of an {cpu}, {memory} GiB of memory, by

    snakemake --profile profiles/local bench_fuzz

Every figure is in [fuzz.json](fuzz.json).

Small cuts of the demo clips, with sound, in {clips} files of several codecs and containers, each spoilt in
{kinds} ways with several seeds: {mutants:,} files. Each goes through `probe`, the detector of shots, the
reading of an encoder and the scoring of itself, as a source from a stranger would; then it is scored as if it
were an encode of the sound clip, as a damaged file in the results would be: {examined:,} examinations. A
stage gives up after {stage_s:g} s and at {memory_mb:g} MiB beyond the start's; a process that is still there
after {process_s:g} s is killed and counts as hung.

**Came to a score: {passed:,}. Refused in one sentence: {refused:,}. Any other error: {unforeseen}. Crashes:
{crash}. Hangs: {hang}.** The slowest took {slowest_s} s; a process, which examined one after another, held
{peak_mb:,.0f} MiB at the most.

A sentence is one when it names the file, is no longer than 400 characters, and is followed by nothing but the
command that failed and its words. A file that came to a score need not be sound: bits flipped in tags or in
sound, or a picture that decodes though it was spoilt, are no concern of these stages; what a title's pictures
are is what its decoder makes of them.

| spoilt by | examined | came to a score | refused | other errors | crashes | hangs | slowest, s |
|---|---|---|---|---|---|---|---|
{by_kind}

| clip | examined | came to a score | refused | other errors | crashes | hangs | slowest, s |
|---|---|---|---|---|---|---|---|
{by_clip}
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows = facts["rows"]
    return PAGE.format(
        cores=facts["machine"]["cores"],
        cpu=facts["machine"]["cpu"],
        memory=facts["machine"]["memory_gb"],
        clips=len({row["clip"] for row in rows}),
        kinds=len({row["kind"] for row in rows}),
        by_kind=_summed(rows, "kind"),
        by_clip=_summed(rows, "clip"),
        **facts["limits"],
        **facts["summary"],
    )


def _summed(rows: list[dict[str, Any]], name: str) -> str:
    alike: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        alike[row[name]].append(row)
    lines = []
    for what, same in alike.items():
        sums = [sum(row[key] for row in same) for key in ("tried", *ENDS)]
        lines.append([what, *sums, max(row["slowest_s"] for row in same)])
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    write_text(FOLDER / "fuzz.md", page(read_json(FOLDER / "fuzz.json")))
