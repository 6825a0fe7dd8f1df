"""How well and how fast cuts are found: titles spliced of real shots, with every transition known, by each detector.

The titles' pieces and seeds are those of this file alone. Thresholds were set on others, but for four (see the page).
"""

import platform
import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from .. import ffmpeg
from ..errors import ToolError
from ..machine import machine
from ..provenance import versions
from ..shots import Settings, find_shots, make_detector
from ..shots.find import cuts_of
from ..shots.pictures import Shrinker
from ..shots.transnetv2 import EDGE, HEIGHT, NEW, WIDTH, WINDOW, Network, TransNetV2
from ..source import Media, pictures, probe
from . import splice
from .materials import footage
from .splice import Piece, Plan, Transition

SCHEMA = "laddersmith/bench_shots/1"
SPARE = 2  # frames by which a cut may miss a hard cut, or a gradual transition's first and last frame
REPEATS = 3  # of every timing, of which the shortest counts
SCDET = 10.0  # the default threshold of ffmpeg's scdet
SIZE = (768, 432)
LARGE = (1280, 720)

# Single shots of the demo clips, and of clips that LADDERSMITH_FOOTAGE may add: scene, first frame, end, view.
PIECES = {
    "bikes": [
        ("road", 1, 29, "whole"),
        ("car", 31, 75, "whole"),
        ("crossing", 77, 136, "whole"),
        ("railings", 138, 186, "whole"),
        ("houses", 188, 241, "whole"),
    ],
    "bigbuckbunny": [
        ("bunny", 0, 60, "whole"),
        ("bunny left", 66, 96, "left top"),
        ("bunny right", 98, 130, "right bottom"),
    ],
    "car-detection": [("car park", 0, 90, "whole"), ("car park corner", 200, 290, "right top")],
    "one-by-one-person-detection": [("corridor", 100, 190, "whole"), ("corridor corner", 700, 790, "left bottom")],
}
# Of the film: a cut every 4.6 s on average, of which one in twenty is a dissolve.
FILM: dict[str, Any] = {"seed": 24, "shots": 30, "lengths": (60, 170), "kinds": (*["cut"] * 19, "dissolve")}
TITLES: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "cuts": (SIZE, {"seed": 21, "shots": 60, "lengths": (12, 90), "kinds": ("cut",), "flashes": 0.3, "pans": 0.3}),
    "gradual": (
        SIZE,
        {"seed": 22, "shots": 60, "lengths": (30, 90), "kinds": splice.GRADUAL, "flashes": 0.3, "pans": 0.2},
    ),
    "mixed": (
        SIZE,
        {
            "seed": 23,
            "shots": 60,
            "lengths": (20, 100),
            "kinds": (*["cut"] * len(splice.GRADUAL), *splice.GRADUAL),
            "flashes": 0.3,
            "pans": 0.3,
        },
    ),
    "film 432p": (SIZE, FILM),
    "film 720p": (LARGE, FILM),
}
SPEED_ONLY = {"film 720p"}  # the same film, larger


@dataclass(frozen=True)
class Title:
    """A spliced title, and all that is known of it."""

    name: str
    media: Media
    plan: Plan


@dataclass(frozen=True)
class Tally:
    """What of a title's transitions was found: `hits` by kind of the `known` ones by kind, and cuts that are none."""

    hits: dict[str, int]
    known: dict[str, int]
    false: dict[str, int]  # by what is there: "flash", "pan", or "nothing"


def bench_shots(*, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/shots.json`.

    Parameters
    ----------
    threads : that a detector may keep busy.

    Raises
    ------
    ToolError
        If ffmpeg fails, or a demo clip is missing.
    ShotsError
        If a detector fails.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as folder:
        titles = [Title(*made) for made in spliced(Path(folder))]
        rows += [_title_row(title) for title in titles]
        judged = [title for title in titles if title.name not in SPEED_ONLY]
        found = {name: [detect(title.media) for title in judged] for name, detect in detectors(threads).items()}
        for name, cuts in found.items():
            tallies = [tally(title.plan, one) for title, one in zip(judged, cuts, strict=True)]
            rows.append(_detector_row(name, tallies))
        same = found["transnetv2"] == found["transnetv2, every window"]
        speeds = [speed(title, threads) for title in titles if title.name.startswith("film")]
        rows += speeds
    [best] = [row for row in rows if row["case"] == "transnetv2"]
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"python": platform.python_version()},
        "clips": sorted(name for name in footage() if name in PIECES),
        "rows": rows,
        "summary": {
            "f1_cut": best["f1_cut"],
            "f1_gradual": best["f1_gradual"],
            "fps_432p": speeds[0]["fps"],
            "times_decode": speeds[1]["times_decode"],
            "same_cuts_as_every_window": same,
        },
    }


def spliced(folder: Path) -> Iterator[tuple[str, Media, Plan]]:
    """The titles, made in `folder`."""
    pieces = []
    for name, path in footage().items():
        if name in PIECES:
            facts = probe(
                path,
                title=name,
                normalise=True,
                crop_bars=False,
                mezzanine=folder / f"{name}.mov",
                timeout_s=600,
            )
            media = Media.from_json(facts["media"])
            pieces += [Piece(scene, media, start, end, view) for scene, start, end, view in PIECES[name]]
    for name, ((width, height), shape) in TITLES.items():
        plan = splice.plan(pieces, **shape, width=width)
        yield name, splice.write(folder / f"{name.replace(' ', '-')}.mp4", plan, width, height), plan


def detectors(threads: int) -> dict[str, Callable[[Media], list[int]]]:
    """By name: what gives the first frames of all shots but the first, with no rule on the length of shots."""

    def ours(**settings: Any) -> Callable[[Media], list[int]]:
        def detect(media: Media) -> list[int]:
            finder = make_detector(Settings(threads=threads, **settings), media)
            return sorted(cut.frame for cut in cuts_of(finder, media, pictures(media, 0, media.frames)))

        return detect

    return {
        "transnetv2": ours(detector="transnetv2"),
        "transnetv2, every window": ours(detector="transnetv2", first_look=False),
        "transnetv2, the network alone": lambda media: network_alone(media, Network("cpu", threads)),
        "PySceneDetect adaptive": ours(detector="adaptive"),
        "PySceneDetect content": ours(detector="content"),
        "ffmpeg scdet": scdet,
    }


def network_alone(media: Media, network: Network) -> list[int]:
    """Cuts as the network's authors take them: after each stretch of frames whose probability is above one half."""
    shown = Shrinker(WIDTH, HEIGHT)
    seen = np.stack([shown(frame) for frame in pictures(media, 0, media.frames)])
    single = np.concatenate(
        [
            network(seen[np.clip(np.arange(start - EDGE, start - EDGE + WINDOW), 0, len(seen) - 1)])[0]
            for start in range(0, len(seen), NEW)
        ]
    )[: len(seen)]
    above = single > 0.5
    return [int(frame) + 1 for frame in np.flatnonzero(above[:-1] & ~above[1:])]


def scdet(media: Media) -> list[int]:
    """Cuts by ffmpeg's filter scdet at its default threshold."""
    arguments = ["-i", media.path, "-vf", f"scdet=threshold={SCDET},metadata=print:file=-", "-an", "-f", "null", "-"]
    done = subprocess.run([ffmpeg.executable(), "-v", "error", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"ffmpeg's scdet ended with {done.returncode} on {media.path}: {done.stderr.strip()}")
    found, frame = [], 0
    for line in done.stdout.splitlines():
        match = re.match(r"frame:(\d+)", line)
        if match:
            frame = int(match[1])
        elif line.startswith("lavfi.scd.time") and frame:
            found.append(frame)
    return found


def tally(plan: Plan, cuts: Sequence[int]) -> Tally:
    """Match cuts and transitions one to one, in order; a transition takes the first cut that lies in it."""
    left = deque(sorted(cuts))
    hits = dict.fromkeys((transition.kind for transition in plan.transitions), 0)
    known = dict(hits)
    false = {"flash": 0, "pan": 0, "nothing": 0}

    def count_false(frame: int) -> None:
        there = [spot.kind for spot in plan.disturbances if spot.start - SPARE <= frame <= spot.end + SPARE]
        false[there[0] if there else "nothing"] += 1

    for transition in plan.transitions:
        known[transition.kind] += 1
        while left and left[0] < transition.first - SPARE:
            count_false(left.popleft())
        if left and left[0] <= _end(transition) + SPARE:
            hits[transition.kind] += 1
            left.popleft()
    for frame in left:
        count_false(frame)
    return Tally(hits, known, false)


def f1(hits: int, known: int, false: int) -> tuple[float, float, float]:
    """Precision, recall, and their harmonic mean."""
    precision = hits / (hits + false) if hits + false else 1.0
    recall = hits / known if known else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def speed(title: Title, threads: int) -> dict[str, Any]:
    """Seconds of decoding and shrinking alone, of finding the cuts, and of the whole of `find_shots`, in turns."""
    media, settings = title.media, Settings(threads=threads)
    decoding, finding, whole = ([] for _ in range(3))
    windows = 0
    for _ in range(REPEATS):
        shown = Shrinker(WIDTH, HEIGHT)
        decoding.append(_seconds(partial(_drain, shown, media)))
        finder = make_detector(settings, media)
        assert isinstance(finder, TransNetV2)
        finding.append(_seconds(partial(cuts_of, finder, media, pictures(media, 0, media.frames))))
        windows = finder.windows
        whole.append(_seconds(lambda: find_shots(media, settings)))
    return {
        "case": f"speed, {title.name}",
        "frames": media.frames,
        "windows": -(-media.frames // NEW),
        "windows_judged": windows,
        "decode_s": round(min(decoding), 2),
        "detect_s": round(min(finding), 2),
        "find_shots_s": round(min(whole), 2),
        "fps": round(media.frames / min(finding)),
        "fps_find_shots": round(media.frames / min(whole)),
        "times_decode": round(min(finding) / min(decoding), 2),
    }


def _drain(shown: Shrinker, media: Media) -> None:
    for frame in pictures(media, 0, media.frames):
        shown(frame)


def _seconds(work: Callable[[], object]) -> float:
    begun = perf_counter()
    work()
    return perf_counter() - begun


def _end(transition: Transition) -> int:
    """The last frame that may begin the new shot: the one after the transition."""
    return transition.last + 1


def _title_row(title: Title) -> dict[str, Any]:
    kinds = [transition.kind for transition in title.plan.transitions]
    spots = [spot.kind for spot in title.plan.disturbances]
    return {
        "case": f"title {title.name}",
        "frames": title.media.frames,
        "transitions": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "flashes": spots.count("flash"),
        "pans": spots.count("pan"),
    }


def _detector_row(name: str, tallies: Sequence[Tally]) -> dict[str, Any]:
    """A detector over all titles. A cut that is none counts against hard cuts and gradual transitions alike."""
    hits: dict[str, int] = {}
    known: dict[str, int] = {}
    for one in tallies:
        for kind in one.known:
            hits[kind] = hits.get(kind, 0) + one.hits[kind]
            known[kind] = known.get(kind, 0) + one.known[kind]
    false = {there: sum(one.false[there] for one in tallies) for there in ("flash", "pan", "nothing")}
    row: dict[str, Any] = {"case": name, "found": hits, "of": known, "false": false}
    for group, kinds in (("cut", ["cut"]), ("gradual", list(splice.GRADUAL))):
        right, there = (sum(table.get(kind, 0) for kind in kinds) for table in (hits, known))
        figures = f1(right, there, sum(false.values()))
        names = (f"precision_{group}", f"recall_{group}", f"f1_{group}")
        row |= {key: round(value, 3) for key, value in zip(names, figures, strict=True)}
    return row
