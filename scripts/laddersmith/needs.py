"""What a job asks a cluster for: minutes and megabytes, by measured rates and what is known of the title by then.

Standard library only, as every dry run imports it. A limit is no estimate (`search/estimate.py` makes those): it must
hold on slower machines and for harder pictures, and costs little but a place further back in the queue. So the time is
SPARE times what the rates say, and twice that each time the job is sent again. A job that its limit stops loses one
encode or score in hand; finished ones are in the store.
"""

import functools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "encoders.json"
STAND_IN = ("x264", "placebo")  # for an encoder of hardware: nobody has measured one here
SPARE = 4.0
START_S = 60.0  # Python, its imports and an engine's proof, on a busy node; 2 to 10 s where it was measured
LEAST_MIN = 10
# Where neither `probe` nor the table of titles has told:
FILM_S, FPS = 7200.0, 30.0

# CPU seconds, the most that was measured (docs/benchmarks/rates.json, scoring.json, shots.json).
SCORE_S = 21e-9  # by numba, for a pixel of one encode at the display; of an encode that is scored alone
LIBVMAF_S = 40e-9  # by libvmaf, decoding and scaling up included
FLOAT_TIMES = 4.0  # libvmaf's float models take as many times as long
DECODE_S = 10e-9  # to read a source and look at it, a pixel
NETWORK_S = 0.034  # of TransNet V2, a frame
FRAME_S = 0.01  # of what reads tables that have a row for each frame and encode, a frame

# Megabytes. A scoring process was 565 large at 1080p and 1308 at 2160p, with two workers.
PYTHON_MB = 500
WORKER_MB = 300  # pictures that each worker may hold beside the cache
WORKER_MB_PER_MEGAPIXEL = 64


@dataclass(frozen=True)
class Picture:
    """A title's picture: its pixels, the height of the box that it fills, and the title's frames."""

    pixels: int
    height: int
    frames: int

    def pixels_in(self, height: int) -> float:
        """About the pixels of the picture in the box of a height; never more than its own."""
        return self.pixels * min(1.0, height / self.height) ** 2


def picture(facts: str, duration_s: float | None, heights: Sequence[int]) -> Picture:
    """The picture of a `source.json`; while that is not there, or not readable, the most that the title's row allows.

    Of a file that is damaged the job that reads it tells.
    """
    try:
        return _probed(facts, Path(facts).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        tallest = max(heights)
        return Picture(round(tallest * tallest * 16 / 9), tallest, round((duration_s or FILM_S) * FPS))


@functools.lru_cache(maxsize=8192)
def _probed(facts: str, changed: int) -> Picture:
    media = json.loads(Path(facts).read_bytes())["media"]
    width, height, frames = (int(media[key]) for key in ("width", "height", "frames"))
    return Picture(width * height, max(min(width, height), round(max(width, height) * 9 / 16)), frames)


def minutes(work_s: float, attempt: int) -> int:
    """The limit on a job's wall time, of the seconds that it is expected to work; `attempt` is 1 for the first."""
    return math.ceil(max(LEAST_MIN, (START_S + SPARE * work_s) / 60)) * 2 ** (attempt - 1)


def encode_s(pixels: float, frames: float, variants: Iterable[Mapping[str, Any]], points: int) -> float:
    """CPU seconds of `points` encodes by each of the variants, of as many frames of so many pixels."""
    rates = sum(_encoder(v["codec"], v["preset"])[0] * (2 if v.get("rate") == "two_pass" else 1) for v in variants)
    return rates * pixels * frames * points


def encoder_mb(pixels: float, variants: Iterable[Mapping[str, Any]]) -> int:
    """Megabytes of the greatest of the variants' encoders, for pictures of so many pixels."""
    found = [_encoder(v["codec"], v["preset"]) for v in variants]
    return math.ceil(max(start + each * pixels / 1e6 for _, start, each in found))


def score_s(pixels: float, frames: float, encodes: float, engine: str, model: str) -> float:
    """CPU seconds of scoring so many encodes at a display of so many pixels; of `cuda` as of numba."""
    each = LIBVMAF_S * (FLOAT_TIMES if "float" in model else 1) if engine == "libvmaf" else SCORE_S
    return each * pixels * frames * encodes


def score_mb(pixels: float, cache_mb: int, threads: int) -> int:
    """Megabytes of a scoring job: its libraries, the decoded pictures that it keeps, and what each worker holds."""
    return math.ceil(PYTHON_MB + cache_mb + threads * (WORKER_MB + WORKER_MB_PER_MEGAPIXEL * pixels / 1e6))


def _encoder(codec: str, preset: str) -> tuple[float, float, float]:
    """CPU seconds for a pixel, megabytes, megabytes for a megapixel; of hardware those of STAND_IN, which is slower."""
    return _encoders().get((codec, preset)) or _encoders()[STAND_IN]


@functools.cache
def _encoders() -> dict[tuple[str, str], tuple[float, float, float]]:
    facts = json.loads(MEASURED.read_bytes())
    memory = {row["codec"]: (row["mb_start"], row["mb_per_megapixel"]) for row in facts["memory"]}
    return {(row["codec"], row["preset"]): (row["ns_per_pixel"] * 1e-9, *memory[row["codec"]]) for row in facts["rows"]}
