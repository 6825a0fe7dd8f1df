"""The points of a plan: taken from the store, or encoded and put there."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pandas as pd

from .. import ffmpeg, source, tables
from ..errors import EncodeError
from ..provenance import STAGES
from ..source.media import Media
from ..store import Point, Store, point_key
from .boxes import box
from .codecs import CODECS, LOW, Codec, Settings, knob_of
from .inspect import measure, read_packets
from .passes import Run, command, encode_all, key_of, log_folder, runs
from .regions import Box, Region, regions_in
from .statistics import listening, statistics
from .supply import Supply

log = logging.getLogger(__name__)

MB = 10**6
SCALER = "bicubic"
COLUMNS = tables.ENCODES.columns.names


@dataclass(frozen=True)
class Job:
    """One encode to be had: a row of the plan, with all that decides its bits.

    `width` and `height` are the picture's; the row's `height` is that of the box around it.
    """

    row: dict[str, Any]
    width: int
    height: int
    codec: Codec
    settings: Settings
    start: int
    end: int
    runs: list[Run]
    key: str
    what: str

    @property
    def pictures(self) -> tuple:
        """What its frames have in common with those of other encodes."""
        return self.start, self.end, self.width, self.height, self.settings.pix_fmt

    @property
    def file(self) -> str:
        """Its file name."""
        shot = int(self.row["shot"])
        if shot < tables.WHOLE_TITLE:
            span = f"look{tables.look_at(shot):05d}"
        else:
            span = "whole" if shot == tables.WHOLE_TITLE else f"s{shot:05d}"
        return f"{span}_{self.row['variant']}_{knob_of(self.codec.name, self.settings.rate).tag(self.settings.crf)}.mp4"


def encode_points(
    media: Media,
    shots: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    title: str,
    store: Store,
    folder: Path,
    variants: Mapping[str, Mapping[str, Any]],
    keyframe_s: float,
    threads: int,
    timeout_s: float,
    frame_cache_mb: float,
    program: str | None = None,
    scratch: Path | None = None,
    regions: Mapping[str, Mapping[int, Sequence[Box]]] | None = None,
) -> pd.DataFrame:
    """Have every point of `plan` in `folder`, one MP4 each, and return the table `tables.ENCODES`, in the plan's order.

    Parameters
    ----------
    media, shots, plan : the title, its table of shots, and the points wanted (`tables.PLAN`).
    title : named in errors.
    store : asked for each point first, and given each new one.
    variants : settings by variant name; its `threads`, the encoder's own, `latency` and `roi` are read here.
    keyframe_s : seconds between keyframes; the step is the nearest whole number of frames.
    threads : encodes that run side by side, and the most that decode the title.
    timeout_s : wall seconds after which one encode is stopped.
    frame_cache_mb : megabytes (10^6) of scaled frames kept in memory for the encodes of the same shot.
    program : a user's own ffmpeg; none is that of the locked environment. Its build is part of a point's key.
    scratch : folder in which encodes are written before they go into the store; None: `folder`.
    regions : of the sets that variants name in `roi`, the boxes by shot (`laddersmith.encode.regions.sets_of`).

    Raises
    ------
    EncodeError
        If an encode fails or is not what was asked for: with title, shot, codec, height, CRF, command, and stderr.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames_of = shots.set_index("shot")
    jobs = [
        _job(media, frames_of.loc[row["shot"]], row, title, variants[row["variant"]], regions, keyframe_s, program)
        for row in tables.conform(plan, tables.PLAN, title).to_dict("records")
    ]
    unlike = {job.key: job for job in jobs}
    found = {key: point for key in unlike if (point := store.find(key)) is not None}
    missing = [job for key, job in unlike.items() if key not in found]
    log.info("%s: %d points, %d of them in the store", title, len(unlike), len(found))
    supply = Supply(Counter(job.pictures for job in missing for _ in job.runs), int(frame_cache_mb * MB))

    def make(job: Job) -> Point:
        try:
            return _make(media, job, supply, store, scratch or folder, threads, timeout_s, program)
        finally:
            for _ in job.runs:
                supply.done(job.pictures)

    pool = ThreadPoolExecutor(threads)
    try:
        found |= {job.key: point for job, point in zip(missing, pool.map(make, missing), strict=True)}
    finally:
        pool.shutdown(cancel_futures=True)
    placed = pd.DataFrame([_placed(job, found[job.key], store, folder) for job in jobs], columns=COLUMNS)
    return tables.conform(placed, tables.ENCODES, title)


def keyint(keyframe_s: float, frame_rate: Fraction) -> int:
    """Frames from one keyframe to the next: the whole number nearest to `keyframe_s` seconds, at least 2."""
    return max(2, round(keyframe_s * frame_rate))


def _job(
    media: Media,
    shot: pd.Series,
    row: dict,
    title: str,
    variant: Mapping[str, Any],
    regions: Mapping[str, Mapping[int, Sequence[Box]]] | None,
    keyframe_s: float,
    program: str | None,
) -> Job:
    codec = CODECS[row["codec"]]
    value = knob_of(row["codec"], row["rate"]).told(row["crf"])
    what = f"{title}, {tables.span_name(row['shot'])}, {row['codec']} {row['height']}p {value}"
    caps: dict[str, Any] = {
        name: None if pd.isna(row[name]) else float(row[name]) for name in ("maxrate_kbps", "bufsize_kbps")
    }
    settings = Settings(
        preset=row["preset"],
        pix_fmt=row["pix_fmt"],
        crf=row["crf"],
        keyint=keyint(keyframe_s, media.frame_rate),
        threads=int(variant["threads"]),
        frame_rate=f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
        rate=row["rate"],
        low_latency=variant.get("latency") == LOW,
        **caps,
    )
    width, height = box(media.width, media.height, row["height"])
    if row["width"] != width:
        raise EncodeError(
            f"{what}: planned {row['width']} pixels wide, but the title's picture in this box is {width}x{height}; "
            "delete the title's plans and run again"
        )
    try:
        if variant.get("roi") is not None:
            settings = replace(settings, regions=_regions(regions, variant["roi"], row["shot"], width, height))
        given = runs(codec, settings, media.colour, width, height)
    except EncodeError as error:
        raise EncodeError(f"{what}: {error}") from error
    key = point_key(
        {
            "stage": STAGES["encode"],
            "frames": shot["frames_sha256"],
            "scaler": [SCALER, *av.library_versions["libswscale"]],
            "encoder": ffmpeg.build(program),
            "arguments": key_of(given),
        }
    )
    return Job(row, width, height, codec, settings, int(shot["start"]), int(shot["end"]), given, key, what)


def _regions(
    sets: Mapping[str, Mapping[int, Sequence[Box]]] | None, name: str, shot: int, width: int, height: int
) -> tuple[Region, ...]:
    """Those of the shot; a look has those of the shot that it looks at."""
    return regions_in(sets, name, tables.look_at(shot) if shot < tables.WHOLE_TITLE else shot, width, height)


def _make(
    media: Media,
    job: Job,
    supply: Supply,
    store: Store,
    folder: Path,
    threads: int,
    timeout_s: float,
    program: str | None,
) -> Point:
    """Encode, check, measure, and put into the store."""
    start, end, width, height, pix_fmt = job.pictures

    def decode() -> Iterator[bytes]:
        return source.frames(media, start, end, width=width, height=height, pix_fmt=pix_fmt, threads=threads)

    total = source.packed_bytes(pix_fmt, width, height) * (end - start)
    partial = ffmpeg.temporary_beside(folder / job.file)
    try:
        with log_folder(partial) as logs:
            finished = encode_all(
                listening(job.codec, job.settings, job.runs, logs),
                lambda: supply.frames(job.pictures, decode, total),
                partial,
                logs,
                what=job.what,
                timeout_s=timeout_s,
                program=program,
            )
            try:
                measured = measure(partial, job.codec, job.settings, media.colour, width, height, frames=end - start)
            except EncodeError as error:
                raise EncodeError(f"{job.what}: {error}\n  command: {command(job.runs)}") from error
            told = statistics(job.codec, logs, read_packets(partial, media.frame_rate), job.what)
        times = {"encode_wall_s": round(finished.wall_s, 3), "encode_cpu_s": round(finished.cpu_s, 3)}
        return store.add(job.key, partial, asdict(measured) | told | times | {"command": command(job.runs)})
    finally:
        partial.unlink(missing_ok=True)


def _placed(job: Job, point: Point, store: Store, folder: Path) -> dict[str, Any]:
    """Link the point into the folder; its row of the table."""
    store.link(point, folder / job.file)
    return job.row | point.row | {"key": job.key, "file": job.file}
