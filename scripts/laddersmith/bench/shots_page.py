"""The page on `bench_shots`: `PYTHONPATH=scripts python -m laddersmith.bench.shots_page` writes it from its facts."""

from pathlib import Path
from typing import Any

from ..jsonfile import read_json, write_text

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"
KINDS = ("cut", "dissolve", "fade-black", "fade-white", "wipe")

PAGE = """# How well and how fast cuts are found

Measured on {cores} cores of an {cpu}, {memory} GiB of memory, by

    snakemake --profile profiles/local bench_shots

Every figure is in [shots.json](shots.json). What the detectors are is in [shots.md](../shots.md).

## The titles

Spliced by a script from single shots of {clips}, decided by seeds: few and small clips, so these are figures on known
transitions, not on the world's films. Shots are 12 to 100 frames long, gradual transitions 6 to 25. In some shots
there is a flash of 1 to 3 frames, in some the camera pans by 2 to 6 % of the picture's width a frame. The thresholds
of the first look, of fades and of wipes were set on other clips and other seeds, yet four choices were made with
these titles or clips in sight: the share of colours at which the network is asked was lowered when a dissolve of
these titles fell short of it; that a wipe changes half of the picture was learnt from a person who leaves in one of
these clips, in a part that is not used here; and the rules on changes that come back, and on when a jump or a mixture
leaves a doubt, were written while looking at how many windows of the film the network judges. None of the four moved
another cut.

| title | frames | transitions | flashes | fast pans |
|---|---|---|---|---|
{titles}

The film has a cut every 4.6 seconds on average, of which one in twenty is a dissolve; it is there twice, in two sizes.

## What is found

A hard cut is found by a cut within 2 frames of it, a gradual transition by one inside it, with 2 frames to spare on
either side; each is found once. Every other cut is false, and counts against hard cuts and gradual transitions alike.
No rule on the length of shots is applied.

| detector | {kinds} | false: in flashes | in pans | elsewhere |
|---|{dashes}|---|---|---|
{found}

| detector | precision, cuts | recall, cuts | F1, cuts | precision, gradual | recall, gradual | F1, gradual |
|---|---|---|---|---|---|---|
{scores}

"transnetv2, every window" is the same detector with the network judging every window; {same}. "The network alone" is
TransNetV2 as its authors use it.

## How fast

Wall seconds, the shortest of three turns. "Decoding" is decoding and shrinking to 48x27 alone; "finding" has that in
it; "all of `detect_shots`" also hashes every frame and measures how busy it is.

| title | frames | windows judged | decoding | finding | frames a second | times decoding | all, frames a second |
|---|---|---|---|---|---|---|---|
{speeds}
"""


def page(facts: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows = facts["rows"]
    titles = [row for row in rows if row["case"].startswith("title ")]
    detectors = [row for row in rows if "found" in row]
    speeds = [row for row in rows if row["case"].startswith("speed, ")]
    kinds = [kind for kind in KINDS if any(kind in row["of"] for row in detectors)]
    scores = ("precision_cut", "recall_cut", "f1_cut", "precision_gradual", "recall_gradual", "f1_gradual")
    same = facts["summary"]["same_cuts_as_every_window"]
    return PAGE.format(
        cores=facts["machine"]["cores"],
        cpu=facts["machine"]["cpu"],
        memory=facts["machine"]["memory_gb"],
        clips=", ".join(facts["clips"]),
        titles=_table(
            [
                row["case"].removeprefix("title "),
                f"{row['frames']:,}",
                ", ".join(f"{count} {kind}" for kind, count in row["transitions"].items()),
                row["flashes"],
                row["pans"],
            ]
            for row in titles
        ),
        kinds=" | ".join(kinds),
        dashes="|".join("---" for _ in kinds),
        found=_table(
            [
                row["case"],
                *(f"{row['found'].get(kind, 0)} of {row['of'].get(kind, 0)}" for kind in kinds),
                *(row["false"][there] for there in ("flash", "pan", "nothing")),
            ]
            for row in detectors
        ),
        scores=_table([row["case"], *(f"{row[score]:.3f}" for score in scores)] for row in detectors),
        same="its cuts are the same on every title" if same else "its cuts are not all the same",
        speeds=_table(
            [
                row["case"].removeprefix("speed, "),
                f"{row['frames']:,}",
                f"{row['windows_judged']} of {row['windows']}",
                row["decode_s"],
                row["detect_s"],
                row["fps"],
                row["times_decode"],
                row["fps_find_shots"],
            ]
            for row in speeds
        ),
    )


def _table(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    write_text(FOLDER / "shots.md", page(read_json(FOLDER / "shots.json")))
