"""A made-up world for the tests of the search: smooth rate and quality of any shot, with the unevenness of encodes."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from laddersmith import tables
from laddersmith.bench.exhaustive import VARIANTS
from laddersmith.encode import boxes
from laddersmith.search.candidates import plan_rows
from laddersmith.search.outlook import Film
from laddersmith.search.prior import Field, Prior, Scale
from laddersmith.search.surface import Measured, Subject

DISPLAY = (640, 360)
HEIGHTS = [360, 270, 180, 136]
BOXES = boxes(*DISPLAY, HEIGHTS)
FRAMES, FPS = 50, 25.0
SCALES = {"x264": Scale(30, 10), "x265": Scale(30, 10), "svtav1": Scale(42, 13)}
# Of each codec: by how much its rate and its quality lie above those of others, as logarithms.
CODECS = {"x264": (0.0, 0.0), "x265": (-0.35, 0.15), "svtav1": (-0.5, 0.3), "vp9": (-0.2, 0.0)}


@dataclass(frozen=True)
class Shot:
    """How dear and how hard a shot is, as logarithms; `uneven`: how many times as uneven as usual its encodes are."""

    dear: float = 0.0
    hard: float = 0.0
    uneven: float = 1.0
    spatial: float = 30.0
    temporal: float = 9.0


@dataclass(frozen=True)
class World:
    """Shots by number, and what measuring any point of them gives, always the same."""

    shots: dict[int, Shot] = field(default_factory=lambda: {0: Shot()})
    seed: int = 0

    def value(self, shot: int, codec: str, height: int, crf: float) -> tuple[float, float]:
        """Rate, base-2 logarithm of bits per frame and pixel of the display, and quality."""
        own, (dearer, better) = self.shots[shot], CODECS[codec]
        scale = SCALES.get(codec, Scale(34, 11))
        x, s = (crf - scale.middle) / scale.unit, np.log2(BOXES[height][0] / DISPLAY[0])
        rate = -2.8 + own.dear + dearer - 1.6 * x + 1.2 * s + 0.1 * x * x
        quality = 100 / (1 + np.exp(-(2.3 - own.hard + better - 1.8 * x + (1.1 - 0.35 * x) * s)))
        random = np.random.default_rng([self.seed, shot, sorted(CODECS).index(codec), height, round(100 * crf)])
        rate += own.uneven * random.normal(0, 0.003) * (1 + (100 - quality) / 20)
        quality += own.uneven * random.normal(0, 0.02) * (1 + (100 - quality) / 2)
        return float(rate), float(np.clip(quality, 0, 100))

    def points(self, plan: pd.DataFrame) -> pd.DataFrame:
        """A plan's points as measured, with the columns that a search reads."""
        values = [self.value(row.shot, row.codec, row.height, float(row.crf)) for row in tables.rows(plan)]
        rate, quality = np.array(values).reshape(-1, 2).T
        sizes = np.maximum(1, np.round(2**rate * DISPLAY[0] * DISPLAY[1] * FRAMES / 8)).astype(np.int64)
        kbps = 8 * sizes * FPS / FRAMES / 1000
        return plan.assign(bytes=sizes, frames=FRAMES, bitrate_kbps=kbps, peak_kbps=1.3 * kbps, quality=quality)

    def film(self, variants: dict[str, dict], crf_step: float = 1, heights: list[int] | None = None) -> Film:
        """The shots as a title."""
        numbers = list(self.shots)
        shots = pd.DataFrame(
            {
                "shot": numbers,
                "start": [FRAMES * i for i in range(len(numbers))],
                "end": [FRAMES * (i + 1) for i in range(len(numbers))],
                "spatial_complexity": [shot.spatial for shot in self.shots.values()],
                "temporal_complexity": [shot.temporal for shot in self.shots.values()],
            }
        )
        return Film(
            "film", shots, DISPLAY, variants, {height: BOXES[height] for height in heights or HEIGHTS}, crf_step
        )

    def every(self, film: Film) -> pd.DataFrame:
        """Every point that may be tried."""
        wanted = [(v, h, crf, "all") for v in film.variants for h in film.boxes for crf in film.crfs(v)]
        return self.points(plan_rows(film.shots["shot"], film.variants, film.boxes, wanted))

    def measured(self, places: list[tuple[int, float]], codec: str = "x264", shot: int = 0) -> Measured:
        """Some heights and CRFs of a shot."""
        values = [self.value(shot, codec, height, crf) for height, crf in places]
        return measured([(height, crf, *value) for (height, crf), value in zip(places, values, strict=True)], codec)


def measured(rows: list[tuple[int, float, float, float]], codec: str = "x264") -> Measured:
    """Points of shot 0 of "film": height, CRF, rate, quality."""
    height, crf, rate, quality = np.array(rows, float).reshape(-1, 4).T
    share = np.array([BOXES[int(h)][0] / DISPLAY[0] for h in height])
    count = len(rows)
    features = np.tile(subject().features, (count, 1))
    return Measured(
        ["0"] * count, ["film"] * count, [codec] * count, [codec] * count, features, crf, share, rate, quality
    )


def subject(codec: str = "x264", shot: int = 0) -> Subject:
    return Subject(str(shot), "film", codec, codec, np.log1p([30.0, 9.0]))


def shares(heights: list[int]) -> np.ndarray:
    return np.array([BOXES[height][0] / DISPLAY[0] for height in heights])


def variants(*codecs: str, crfs: list[float] | None = None) -> dict[str, dict]:
    """Variants of the given codecs, named after them."""
    usual = {"preset": "medium", "pix_fmt": "yuv420p", "threads": 1, "crfs": crfs or [15, 45]}
    return {codec: usual | {"codec": codec} for codec in codecs}


def a_prior() -> Prior:
    """Broad, with about the world's mean: of any shot's rate it is sure to a factor of about two."""
    lengths = {"crf_lengths": np.array([2.5, 1.0, 0.7]), "height_lengths": np.array([2.5, 1.0, 0.5])}
    apart = {"shot": 1.0, "title": 0.7, "codec": 0.5, "features": np.array([0.5, 0.5])}
    rate = np.array([-2.5, -1.7, 1.3, 0, 0, 0, 0, 0, 0])
    quality = np.array([2.0, -1.6, 1.0, 0, -0.2, 0, 0, 0, 0])
    codecs = list(SCALES)
    return Prior(
        rate=Field(dict.fromkeys(codecs, rate), np.array([0.6, 0.2, 0.05]), noise=0.003, **lengths, **apart),
        quality=Field(dict.fromkeys(codecs, quality), np.array([0.5, 0.2, 0.05]), noise=0.02, **lengths, **apart),
        scales=SCALES,
    )


def scores(points: pd.DataFrame) -> pd.DataFrame:
    """Measured points (`World.points`) as tables.SCORES has them."""
    table = points.drop(columns="quality").assign(
        key=[f"{row.shot}-{row.variant}-{row.height}-{row.crf}" for row in tables.rows(points)],
        file="a.mp4",
        encode_wall_s=1.0,
        encode_cpu_s=0.5 + points["width"] / 640,
        command="made up",
        model="vmaf_v0.6.1",
        engine="numba",
        vmaf_mean=points["quality"],
        **dict.fromkeys(["vmaf_harmonic", "vmaf_min", "vmaf_p5", "vmaf_std", "psnr_cb", "psnr_cr"], 40.0),
        frames_scored=FRAMES,
    )
    return tables.conform(table, tables.SCORES)


def exhaustive() -> pd.DataFrame:
    """Every point of the benchmark's variants of three clips of one shot (tables.EXHAUSTIVE)."""
    found = []
    for number, shot in enumerate([Shot(-0.4, 0.3, spatial=22), Shot(0.2, 0.6, temporal=14), Shot(0.5, -0.2)]):
        world = World({0: shot}, seed=number)
        points = scores(world.every(world.film(VARIANTS)))
        found.append(
            points.assign(
                clip=f"clip {number}",
                display_width=DISPLAY[0],
                display_height=DISPLAY[1],
                spatial_complexity=shot.spatial,
                temporal_complexity=shot.temporal,
            )
        )
    return tables.conform(pd.concat(found, ignore_index=True), tables.EXHAUSTIVE)
