"""What a CRF for every shot saves: a title spliced of unlike shots, its ladders encoded, stitched and verified."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import av
import numpy as np
import pandas as pd

from .. import ffmpeg, tables
from ..encode import boxes
from ..encode.points import encode_points
from ..hull import bd_rate, shot_points, title_points
from ..ladder import Rules, allocate, build_ladder, choose_points, flow, sweep, with_allocations
from ..machine import machine
from ..package import stitch
from ..provenance import versions
from ..quality import Bars, score_encodes, verify_renditions
from ..quality.libvmaf import float_twin
from ..search import plan_grid
from ..shots import with_whole_title
from ..shots.detector import Cut
from ..shots.identity import context_sha256, frame_digest, frames_sha256
from ..shots.tiling import tile
from ..source import Media, frames
from ..source.media import Colour
from ..store import Store
from .exports import export_rows
from .materials import footage

SCHEMA = "laddersmith/bench_allocation/1"
MODEL, ENGINE, POOLING = "vmaf_v0.6.1", "numba", "mean"
SIZE, RATE = (640, 360), Fraction(25)
HEIGHTS = (360, 270, 180)
KEYFRAME_S, SEGMENT_S, TIMEOUT_S, CACHE_MB = 2.0, 4.0, 3600.0, 512

# Pieces of single shots, in turn from unlike clips: clip, first frame, frames. Those of LADDERSMITH_FOOTAGE join in
# where the folder holds the clip; without it the six of the two demo clips are the title.
PIECES = [
    ("bigbuckbunny", 0, 60),
    ("bikes", 31, 44),
    ("car-detection", 0, 60),
    ("bikes", 77, 58),
    ("one-by-one-person-detection", 700, 60),
    ("bigbuckbunny", 98, 32),
    ("seeking", 20, 60),
    ("bikes", 138, 46),
    ("bikes", 188, 52),
]
VARIANTS = {
    "x264": {"codec": "x264", "preset": "medium", "pix_fmt": "yuv420p", "crfs": [18, 22, 26, 30, 34, 38], "threads": 1},
    "svtav1": {"codec": "svtav1", "preset": "8", "pix_fmt": "yuv420p", "crfs": [24, 31, 38, 45, 52, 59], "threads": 1},
}
# Height and cap in kbps, after the rungs of the default config that are no higher than the title, with more at its
# height.
FIXED = {
    "x264": (18, [(180, 90), (270, 145), (360, 365), (360, 730), (360, 1100)]),
    "svtav1": (24, [(180, 60), (270, 100), (360, 145), (360, 300), (360, 600)]),
}
LIMITS: dict[str, Any] = {"rungs": 8, "spacing": "log_bitrate", "min_step": 0.5, "min_quality": 20, "max_quality": 97}
LIMITS |= {"min_kbps": 1, "max_kbps": 1e6, "min_height": 2, "max_height": 4320}
SHOTS, POINTS, REPEATS = 2000, 60, 5


def bench_allocation(*, threads: int) -> dict[str, Any]:
    """The facts of `results/bench/allocation.json`, from the demo clips and LADDERSMITH_FOOTAGE, if that names a
    folder.

    Parameters
    ----------
    threads : encodes, and scorings, side by side.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="laddersmith-bench-") as name:
        folder = Path(name)
        media, shots = spliced(folder / "title.mp4", footage())
        for codec in VARIANTS:
            rows += _Codec(codec, media, shots, folder / codec, threads).rows()
    rows += allocator()
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "versions": versions() | {"ffmpeg": ffmpeg.version()},
        "title": {"frames": media.frames, "shots": len(shots), "width": SIZE[0], "height": SIZE[1]},
        "rows": rows,
        "summary": summary(rows),
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The headline figures: of the two codecs the one that saves less, the greatest gap between predicted and verified,
    the allocator's longest time, and by how much at most an export that keeps the rendition's settings differs."""

    def worst(case: str, name: str) -> float:
        return max(float(row[name]) for row in rows if row["case"] == case)

    made = [row for row in rows if row["case"] == "export" and "left_out" not in row]
    return {
        "bd_rate_vs_single_crf_pct": worst("per shot against one CRF per height", "bd_rate_pct"),
        "bd_rate_vs_fixed_ladder_pct": worst("per shot against the fixed ladder", "bd_rate_pct"),
        "verified_gap_worst_vmaf": round(
            max(abs(row["verified"] - row["predicted"]) for row in rows if row["case"] == "rung"), 4
        ),
        "allocator_s": worst("allocator", "cpu_s"),
        "export_size_worst_pct": max((abs(row["size_difference_pct"]) for row in made), default=0.0),
        "export_vmaf_worst": max((abs(row["vmaf_difference"]) for row in made), default=0.0),
    }


def spliced(path: Path, clips: dict[str, Path]) -> tuple[Media, pd.DataFrame]:
    """The title, losslessly, and its table of shots: the pieces are the shots, their joins hard cuts.

    Every piece is scaled to the title's size and shown at its rate, whatever its own.
    """
    pieces = [piece for piece in PIECES if piece[0] in clips]
    cuts = np.cumsum([0, *(length for _, _, length in pieces)]).tolist()

    def pictures():
        for name, start, length in pieces:
            with av.open(str(clips[name])) as container:
                stream = container.streams.video[0]
                context, count = stream.codec_context, stream.frames
            whole = Media(
                str(clips[name]),
                context.width,
                context.height,
                "yuv420p",
                8,
                Fraction(stream.average_rate or RATE),
                count,
            )
            yield from frames(whole, start, start + length, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")

    arguments = ["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{SIZE[0]}x{SIZE[1]}"]
    arguments += ["-framerate", str(RATE), "-i", "pipe:0", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]
    ffmpeg.run([*arguments, str(path)], what="bench, the spliced title", frames=pictures(), timeout_s=TIMEOUT_S)
    media = Media(str(path), *SIZE, "yuv420p", 8, RATE, cuts[-1], Colour())
    digests = [frame_digest(packed) for packed in frames(media)]
    shots = tile([Cut(cut) for cut in cuts[1:-1]], media.frames)
    spans = list(pairwise(cuts))
    shots = shots.assign(
        start_s=[float(start / RATE) for start, _ in spans],
        end_s=[float(end / RATE) for _, end in spans],
        detector="spliced",
        spatial_complexity=0.0,
        temporal_complexity=0.0,
        frames_sha256=[frames_sha256(media, digests, *span) for span in spans],
        context_sha256=[context_sha256(media, digests, *span) for span in spans],
    )
    return media, tables.conform(shots, tables.SHOTS)


@dataclass
class _Codec:
    """One codec's points of the title, measured as they are asked for, and the ladders made of them."""

    codec: str
    media: Media
    shots: pd.DataFrame
    folder: Path
    threads: int
    scores: list[pd.DataFrame] = field(default_factory=list)
    frames: list[pd.DataFrame] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        floor, rungs = FIXED[self.codec]
        own = VARIANTS[self.codec]
        self.variants = {self.codec: own} | {
            f"{self.codec}@{kbps}k": own | {"crfs": [floor], "maxrate_kbps": kbps, "bufsize_kbps": kbps}
            for _, kbps in rungs
        }
        self.fixed = {self.codec: [{"height": height, "kbps": kbps} for height, kbps in rungs]}
        self.boxes = boxes(*SIZE, HEIGHTS)
        self.store = Store(self.folder / "store")

    def rows(self) -> list[dict[str, Any]]:
        """Every rung of the three ladders, and what they save against each other."""
        self._measure(plan_grid(self.shots["shot"].tolist(), {self.codec: VARIANTS[self.codec]}, self.boxes), "grid")
        ladders = {allocation: self._ladder(allocation) for allocation in (tables.PER_SHOT, tables.SINGLE)}
        ladders["fixed"] = ladders[tables.PER_SHOT] | {"rungs": ladders[tables.PER_SHOT]["fixed"]}
        curves, rows = {}, []
        for name, ladder in ladders.items():
            verified = self._verified(name, ladder)
            curves[name] = (
                [rung["bitrate_kbps"] for rung in ladder["rungs"]],
                [verified[rung["name"]]["quality"] for rung in ladder["rungs"]],
            )
            rows += [self._row(name, rung, verified[rung["name"]]) for rung in ladder["rungs"]]
        ours = curves[tables.PER_SHOT]
        for case, anchor in (
            ("per shot against one CRF per height", tables.SINGLE),
            ("per shot against the fixed ladder", "fixed"),
        ):
            rows.append({"case": case, "codec": self.codec, "bd_rate_pct": round(bd_rate(*curves[anchor], *ours), 2)})
        exports = export_rows(
            self.codec,
            self.media,
            self.shots,
            ladders[tables.PER_SHOT],
            self.folder / "renditions" / tables.PER_SHOT,
            self.folder / "exports",
            variants=self.variants,
            keyframe_s=KEYFRAME_S,
            model=MODEL,
            timeout_s=TIMEOUT_S,
        )
        return [*rows, self._free(), *exports]

    def _row(self, ladder: str, rung: dict, verified: dict) -> dict[str, Any]:
        crfs = sorted(float(point["crf"]) for point in rung["points"])
        return {
            "case": "rung",
            "codec": self.codec,
            "ladder": ladder,
            "name": rung["name"],
            "bitrate_kbps": round(rung["bitrate_kbps"], 2),
            "predicted": round(rung["quality"], 4),
            "verified": round(verified["quality"], 4),
            "lowest_crf": crfs[0],
            "highest_crf": crfs[-1],
        } | ({} if ladder == "fixed" else {"lowest_shot_vmaf": round(min(p["vmaf_mean"] for p in rung["points"]), 2)})

    def _free(self) -> dict[str, Any]:
        """What a height of its own for every shot would bring on top, by measured points alone."""
        hull = self._hull(Rules(**LIMITS | {"allocation": tables.ANY_HEIGHT}))
        kinds = {kind: rows.sort_values("bitrate_kbps") for kind, rows in hull.groupby("allocation")}
        mine = hull[hull["on_hull"]].sort_values("bitrate_kbps")
        curves = [
            table[name].to_numpy() for table in (mine, kinds[tables.ANY_HEIGHT]) for name in ("bitrate_kbps", "quality")
        ]
        case = "a height for every shot against one height, measured points"
        return {"case": case, "codec": self.codec, "bd_rate_pct": round(bd_rate(*curves), 2)}

    def _hull(self, rules: Rules) -> pd.DataFrame:
        scores, by_frame = self._searched
        points = shot_points(scores, POOLING)
        title = title_points(scores, by_frame, POOLING, self.media)
        return with_allocations(title, points, by_frame, rules, POOLING, self.media)

    @property
    def _searched(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self.scores[0], self.frames[0]

    def _ladder(self, allocation: str) -> dict:
        rules = Rules(**LIMITS | {"allocation": allocation})
        hull = self._hull(rules)
        plan, choice = choose_points(
            self.shots["shot"].tolist(),
            shot_points(self._searched[0], POOLING),
            hull,
            variants=self.variants,
            boxes=self.boxes,
            rules=rules,
            crf_step=1,
            pooling=POOLING,
            duration_s=self.media.duration_s,
            fixed=self.fixed,
            title="spliced",
        )
        self._measure(plan, allocation)
        return build_ladder(
            {"title": "spliced", "path": self.media.path, "sha256": "0" * 64, "media": self.media.to_json()},
            choice,
            pd.concat(self.scores, ignore_index=True).drop_duplicates(tables.KEY),
            pd.concat(self.frames, ignore_index=True).drop_duplicates([*tables.KEY, "frame"]),
            hull,
            files={key: str(path) for key, path in self.files.items()},
            flow=lambda names: flow([Path(name) for name in names], RATE, SEGMENT_S),
            rules=rules,
            pooling=POOLING,
            display=SIZE,
            model=MODEL,
            engine=ENGINE,
            tools={},
        )

    def _measure(self, plan: pd.DataFrame, name: str) -> None:
        """Encode and score the points of a plan; those that were measured before come from the store."""
        shots = with_whole_title(self.shots)
        made = []
        for height, rows in plan.groupby("height", sort=True):
            place = self.folder / name / f"{height}p"
            encodes = encode_points(
                self.media,
                shots,
                rows,
                title="spliced",
                store=self.store,
                folder=place,
                variants=self.variants,
                keyframe_s=KEYFRAME_S,
                threads=self.threads,
                timeout_s=TIMEOUT_S,
                frame_cache_mb=CACHE_MB,
            )
            self.files |= {row.key: place / row.file for row in tables.rows(encodes)}
            made.append(encodes)
        scores, by_frame = score_encodes(
            self.media,
            shots,
            pd.concat(made, ignore_index=True),
            title="spliced",
            folder=lambda row: self.files[row.key].parent,
            display=SIZE,
            model=MODEL,
            engine=ENGINE,
            neighbours=True,
            store=self.store,
            threads=self.threads,
            timeout_s=TIMEOUT_S,
            frame_cache_mb=CACHE_MB,
        )
        self.scores.append(scores)
        self.frames.append(by_frame)

    def _verified(self, name: str, ladder: dict) -> dict[str, dict]:
        """The verdicts on a ladder's stitched renditions, by name."""
        place = self.folder / "renditions" / name
        place.mkdir(parents=True, exist_ok=True)
        for rung in ladder["rungs"]:
            stitch(
                [point["file"] for point in rung["points"]],
                place / f"{rung['name']}.mp4",
                frame_rate=RATE,
                codec=self.codec,
            )
        verdict = verify_renditions(
            self.media,
            with_whole_title(self.shots) if name == "fixed" else self.shots,
            ladder,
            pd.concat(self.frames, ignore_index=True).drop_duplicates([*tables.KEY, "frame"]),
            codec=self.codec,
            folder=place,
            bars=Bars(100.0, 100.0, 100.0),
            model=float_twin(MODEL),
            threads=self.threads,
            timeout_s=TIMEOUT_S,
        )
        return {rung["name"]: rung for rung in verdict["rungs"]}


def allocator() -> list[dict[str, Any]]:
    """The time of the sweep and of one target, for SHOTS shots of POINTS points each: the shortest of REPEATS."""
    bits, worth = many_shots(SHOTS, POINTS)
    rows = []
    for what in ("sweep: every price of a bit", "sweep and one target quality"):
        times = []
        for _ in range(REPEATS):
            begin = process_time()
            swept = sweep(bits, worth)
            if what != "sweep: every price of a bit":
                allocate(bits, worth, worth_at_least=(swept.worth[0] + swept.worth[-1]) / 2)
            times.append(process_time() - begin)
        rows.append(
            {"case": "allocator", "what": what, "shots": SHOTS, "points": POINTS, "cpu_s": round(min(times), 4)}
        )
    return rows


def many_shots(shots: int, points: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Bits and frames x VMAF, (shots, points), like real ones: exponential rates, saturating qualities, noise on
    both."""
    random = np.random.default_rng(seed)
    crf = np.linspace(18, 46, points)
    length = random.integers(12, 400, shots)[:, None]
    kbps = random.lognormal(7, 1, shots)[:, None] * 2 ** ((23 - crf) / random.uniform(5, 8, shots)[:, None])
    vmaf = 100 - random.uniform(0.5, 3, shots)[:, None] * np.exp((crf - 16) / random.uniform(7, 11, shots)[:, None])
    noise = random.normal(0, 0.02, (2, shots, points))
    return np.round(length * 40 * kbps * (1 + noise[0])), length * np.clip(vmaf + noise[1], 0, 100)
