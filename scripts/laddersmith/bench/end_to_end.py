"""From files to scores, decoding and scaling included: our engine for N encodes at once, ffmpeg's filter for each."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..quality import engine_named
from ..quality.engine import Distorted
from ..quality.reference import title_reference
from ..source import Media, probe
from .command import peak_mb
from .materials import Encode, encodes, reference
from .paired import on_cores, rates, seconds

MODEL = "vmaf_v0.6.1"
TURNS = 3
CASES = {540: (960, 96), 720: (1280, 64), 1080: (1920, 48), 2160: (3840, 12)}  # height: width, frames
ENCODES = (1, 2, 4, 8, 16)
SHARES = (Fraction(1), Fraction(2, 3), Fraction(1, 2), Fraction(1, 3))
MEMORY_OF = (1080, 2160)
MEMORY_ENCODES = 8
AS_IT_IS: Any = {"normalise": False, "crop_bars": False, "timeout_s": 3600}


def end_to_end(folder: Path, clip: Path, *, engine: str, threads: int) -> list[dict[str, Any]]:
    """One row per size and number of encodes: encode-frames per second of wall time, both sides given `threads` cores.

    The reference is a real clip scaled to the size (x264 at CRF 10); the encodes are x264 at four heights and falling
    quality. Ours is one call of the engine in a process that has scored before: imports, loading the kernels and the
    proof, which a job pays once, are in the row as `start_s`. ffmpeg's filter runs once per encode, its start included,
    with `threads` threads of its own. A turn is ours for every N, then theirs for every encode.
    """
    rows = []
    for height, (width, frames) in CASES.items():
        source, made = material(folder, clip, width, height, frames, max(ENCODES), threads=threads)
        media = Media.from_json(probe(source, title=source.stem, mezzanine=Path(os.devnull), **AS_IT_IS)["media"])
        with on_cores(threads):
            ours, theirs = _turns(source, media, made, engine, threads)
            start_s = seconds(_in_a_process_of_its_own, media, made[:1], engine, threads) - min(ours[1])
        rows += [
            {"height": height, "width": width, "encodes": count, "frames": frames, "start_s": start_s}
            | rates(ours[count], theirs[count], frames * count)
            for count in ENCODES
        ]
    return rows


def _turns(
    source: Path, media: Media, made: Sequence[Encode], engine: str, threads: int
) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """Wall seconds of every turn by number of encodes, ours and theirs."""
    ours: dict[int, list[float]] = {count: [] for count in ENCODES}
    theirs: dict[int, list[float]] = {count: [] for count in ENCODES}
    _score(media, made[:1], engine, threads)
    for _ in range(TURNS):
        for count in ENCODES:
            ours[count].append(seconds(_score, media, made[:count], engine, threads))
        single = [_filter(source, media.width, media.height, encode, threads) for encode in made]
        for count, total in enumerate(accumulate(single), 1):
            if count in theirs:
                theirs[count].append(total)
    return ours, theirs


def memory(folder: Path, clip: Path, *, engine: str, threads: int) -> list[dict[str, Any]]:
    """One row per size: the greatest resident memory, in MiB, of a process that scores eight encodes."""
    rows = []
    for height in MEMORY_OF:
        width, frames = CASES[height]
        source, made = material(folder, clip, width, height, frames, MEMORY_ENCODES, threads=threads)
        command = [sys.executable, "-m", "laddersmith", "score", "--engine", engine, "--threads", str(threads)]
        command += [str(path) for path in (source, *(encode.path for encode in made))]
        path = {"PYTHONPATH": str(Path(__file__).parents[2])}
        mb = peak_mb(command, dict(os.environ) | path)
        rows.append({"height": height, "width": width, "encodes": MEMORY_ENCODES, "frames": frames, "peak_mb": mb})
    return rows


def material(
    folder: Path, clip: Path, width: int, height: int, frames: int, count: int, *, threads: int
) -> tuple[Path, list[Encode]]:
    """A reference of this size, and `count` encodes of it: heights in turn, each round of them coarser."""
    path = folder / f"{height}.mp4"
    quality = ["-preset", "fast", "-crf", "10"]
    filters = f"scale={width}:{height}:flags=lanczos,setsar=1"
    source = reference(path, clip, frames=frames, filters=filters, quality=quality)
    which = [("x264", 20 + 2 * index, SHARES[index % len(SHARES)]) for index in range(count)]
    return source, encodes(folder, source, width, height, which, threads=threads)


def _score(source: Media, made: Sequence[Encode], engine: str, threads: int) -> None:
    against = title_reference(source, (source.width, source.height), what="bench", threads=threads)
    encodes = [Distorted(made.path.name, made.path, made.width, made.height, source.pix_fmt) for made in made]
    for _ in engine_named(engine).score(against, encodes, model=MODEL, threads=threads, timeout_s=3600):
        pass


def _in_a_process_of_its_own(*what: object) -> None:
    program = (
        "import pickle, sys; from laddersmith.bench.end_to_end import _score; _score(*pickle.load(sys.stdin.buffer))"
    )
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], input=pickle.dumps(what), env=dict(os.environ) | path, check=True)


def _filter(source: Path, width: int, height: int, encode: Encode, threads: int) -> float:
    """Wall seconds of ffmpeg's filter over one encode, as people call it."""
    graph = f"[0:v]scale={width}:{height}:flags=bicubic[d];[d][1:v]libvmaf=model=version={MODEL}:n_threads={threads}"
    arguments = ["-v", "error", "-i", str(encode.path), "-i", str(source), "-lavfi", graph, "-f", "null", "-"]
    return ffmpeg.run(arguments, what=f"bench, {encode.path.name}").wall_s
