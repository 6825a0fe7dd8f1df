"""What encodes and jobs took, as measured: in finished work, or by `bench_rates` on the demo clips.

An estimate (`estimate.py`) goes by these rows and by nothing else. CPU seconds are the kernel's own account of every
process, so that a busy machine distorts them little; wall seconds are kept for GPUs alone.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import tables
from ..encode import box
from ..errors import SourceError, TableError
from ..jsonfile import read_json
from ..schema import faults, load
from ..source import Media, load_media

SHIPPED = Path(__file__).resolve().parents[3] / "docs" / "benchmarks" / "rates.json"
TABLES = 300  # of finished encodes, the newest; more tell little that is new and take seconds to read
ENCODER = ["codec", "preset", "pix_fmt", "rate"]
ENCODES = ["sample", *ENCODER, "width", "height", "crf", "frames", "bytes", "cpu_s"]
JOBS = ["rule", "what", "sample", "pixel_frames", "cpu_s", "work_s", "wall_s"]
READ = [*ENCODER, "key", "shot", "height", "crf", "maxrate_kbps", "frames", "bytes", "encode_cpu_s"]

HEAD = re.compile(r"^\S+ \S+ INFO rule (\w+) (\{.*\})$", re.MULTILINE)
TOOK = re.compile(r"INFO took ([\d.]+) s; CPU seconds: own ([\d.]+), programs ([\d.]+)$", re.MULTILINE)
SCORED = re.compile(r": (\d+) encodes x (\d+) frames; CPU seconds: (.+)$", re.MULTILINE)
STORED = re.compile(r": \d+ points, (\d+) of them in the store$", re.MULTILINE)


@dataclass(frozen=True)
class Rates:
    """Measured rows, and whose they are.

    Attributes
    ----------
    name : in words, for those who read an estimate; with the machine, where it is known.
    encodes : one row per encode, columns ENCODES: what of a title it shows ("bikes, shot 3"), the encoder, the
        picture's size in pixels, CRF (or kbit/s, where `rate` is a bitrate), frames, bytes of video, CPU seconds of the
        encoder's processes.
    jobs : one row per job, columns JOBS: its rule; for `score` the engine (libvmaf with its model), for `verify`
        libvmaf's model, else ""; pixels times frames that it encoded, scored or read; CPU seconds of all its processes;
        of them those of the work itself, where its log tells them apart from its start (else NaN); wall seconds.
    bytes_per_score : of a table of frame scores, for one frame of one encode; NaN where none was found.
    """

    name: str
    encodes: pd.DataFrame
    jobs: pd.DataFrame
    bytes_per_score: float


def read_rates(path: Path, name: str) -> Rates:
    """The rates of a file that `bench_rates` wrote (config/schemas/bench_rates.json).

    Raises
    ------
    TableError
        If the file cannot be read or is of another form.
    """
    try:
        given = read_json(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: not readable ({error}); delete it, or measure anew with bench_rates") from error
    found = faults(load("bench_rates"), given)
    if found:
        raise TableError(f"{path}: {found[0][1]}; delete it, or measure anew with bench_rates")
    machine = f"{given['machine']['cpu']}, {given['machine']['cores']} cores"
    jobs = pd.DataFrame(given["jobs"], columns=JOBS).astype({"work_s": float})
    encodes = pd.DataFrame([tables.BEFORE | row for row in given["encodes"]], columns=ENCODES)
    return Rates(f"{name} ({machine})", encodes, jobs, given["bytes_per_score"])


def own_rates(root: Path, name: str) -> Rates:
    """The rates of the finished work in a working folder: its `results/` and `logs/`.

    Encodes are those of titles that were probed; jobs those of titles that have a ladder. Jobs that found work in the
    store do not tell what the work takes, and are left out. What is half written or of an older form is passed over.
    """
    encodes, jobs, scores = [], [], []
    newest = sorted(root.glob("results/*/b*/r*/*/*p.parquet"), key=_mtime, reverse=True)[:TABLES]
    for title in sorted({path.parents[3] for path in newest}):
        try:
            media = load_media(title / "source.json")
        except SourceError:
            continue
        mine = [path for path in newest if path.parents[3] == title]
        encodes += [table for path in mine if (table := _encodes(path, title.name, media)) is not None]
        jobs += list(_jobs(root, title, media))
        scores += [_score_bytes(path) for path in title.glob("b*/r*/frames.parquet")]
    rows = pd.concat(encodes, ignore_index=True) if encodes else pd.DataFrame(columns=[*ENCODES, "key"])
    size, count = (sum(part) for part in zip(*scores, strict=True)) if scores else (0, 0)
    return Rates(
        name,
        rows.drop_duplicates("key")[ENCODES].reset_index(drop=True),
        pd.DataFrame(jobs, columns=JOBS),
        size / count if count else float("nan"),
    )


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _encodes(path: Path, title: str, media: Media) -> pd.DataFrame | None:
    """The uncapped encodes of a table, with the column key; None where it cannot be read."""
    try:
        names = pq.read_schema(path).names
        table = pq.read_table(path, columns=[name for name in READ if name in names], partitioning=None).to_pandas()
        table = table.assign(**{name: was for name, was in tables.BEFORE.items() if name not in names})[READ]
    except (OSError, KeyError, pa.ArrowException):
        return None
    table = table[table["maxrate_kbps"].isna() & (table["frames"] > 0)]
    sizes = np.array([box(media.width, media.height, h) for h in table["height"]], np.int64).reshape(-1, 2)
    return pd.DataFrame(
        {
            "sample": [f"{title}, shot {shot}" for shot in table["shot"]],
            **{name: table[name] for name in ENCODER},
            "width": sizes[:, 0],
            "height": sizes[:, 1],
            "crf": table["crf"].astype(float),
            "frames": table["frames"],
            "bytes": table["bytes"],
            "cpu_s": table["encode_cpu_s"],
            "key": table["key"],
        }
    )


def _score_bytes(path: Path) -> tuple[int, int]:
    """Bytes of a table of frame scores, and its rows."""
    try:
        return path.stat().st_size, int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return 0, 0


def _jobs(root: Path, title: Path, media: Media) -> Iterator[dict[str, Any]]:
    try:
        ladder = read_json(title / "ladder.json")
        display = ladder["display"]["width"] * ladder["display"]["height"]
        engine, model = ladder["engine"], ladder["model"]
        rungs = {codec: sum(r["codec"] == codec for r in ladder["rungs"]) for codec in _codecs(ladder)}
    except (OSError, ValueError, KeyError, TypeError):
        return
    for log in sorted((root / "logs" / title.name).rglob("*.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        head, took = HEAD.search(text), TOOK.search(text)
        if not head or not took:
            continue
        rule, wildcards = head[1], ast.literal_eval(head[2])
        wall_s, own_s, programs_s = (float(took[place]) for place in (1, 2, 3))
        cpu_s = own_s + programs_s
        work_s, what, pixel_frames = float("nan"), "", float(media.frames * media.width * media.height)
        if rule == "encode":
            # The encoders' own CPU seconds are in the tables; here is what it takes to feed them.
            cpu_s, stored = own_s, STORED.search(text)
            if not stored or int(stored[1]):
                continue
            pixel_frames = _encoded(title, wildcards, media)
        elif rule == "score":
            what = engine if engine != "libvmaf" else f"libvmaf {model}"
            scored = [(int(m[1]) * int(m[2]), _seconds(m[3])) for m in SCORED.finditer(text)]
            if not scored:
                continue
            pixel_frames, work_s = (float(sum(part)) for part in zip(*scored, strict=True))
            pixel_frames *= display
        elif rule == "verify":
            what = _verified_by(title, wildcards["codec"])
            pixel_frames = float(media.frames * display * rungs.get(wildcards["codec"], 0))
        if pixel_frames > 0:
            yield dict(zip(JOBS, (rule, what, title.name, pixel_frames, cpu_s, work_s, wall_s), strict=True))


def _codecs(ladder: dict[str, Any]) -> set[str]:
    return {rung["codec"] for rung in ladder["rungs"]}


def _seconds(listed: str) -> float:
    """The sum of "reference 0.02, decode 0.66, kernels 0.73"."""
    return sum(float(part.rsplit(" ", 1)[1]) for part in listed.split(", "))


def _encoded(title: Path, wildcards: dict[str, str], media: Media) -> float:
    """Pixels times frames of the encodes of one job."""
    batch, place = f"b{wildcards['batch']}", f"r{wildcards['round']}"
    path = title / batch / place / wildcards["codec"] / f"{wildcards['height']}p.parquet"
    width, height = box(media.width, media.height, int(wildcards["height"]))
    try:
        return float(pq.read_table(path, columns=["frames"], partitioning=None)["frames"].to_numpy().sum()) * (
            width * height
        )
    except (OSError, pa.ArrowException):
        return 0.0


def _verified_by(title: Path, codec: str) -> str:
    """libvmaf's model by which a codec's renditions were verified; "" where that is not known."""
    try:
        return str(read_json(title / "verify" / f"{codec}.json")["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
