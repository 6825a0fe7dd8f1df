"""Scoring the encodes of a batch, shot by shot: each shot's encodes all at once."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import devices, tables
from ..devices import ALONE, Sharing
from ..encode import box
from ..encode.codecs import knob_of
from ..errors import GpuError, ScoreError
from ..source import Media
from ..store import Store, point_key
from .engine import Distorted, Engine, Reference
from .engines import Settings, engine_named
from .pooling import POOLINGS
from .reference import pictures_sha256, title_reference

log = logging.getLogger(__name__)

FORM = "laddersmith/score/1"
STAND_IN = "numba"  # scores where a graphics card cannot


def score_encodes(
    media: Media,
    shots: pd.DataFrame,
    encodes: pd.DataFrame,
    *,
    title: str,
    folder: Callable[[Any], Path],
    display: tuple[int, int],
    model: str,
    engine: str,
    neighbours: bool,
    store: Store | None,
    threads: int,
    timeout_s: float,
    frame_cache_mb: float,
    kernel_cache: Path | None = None,
    frame_step: int = 1,
    gpu: Sharing = ALONE,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score encodes of any codecs and heights against the title, at display size.

    Parameters
    ----------
    shots, encodes : tables of `tables.SHOTS` and `tables.ENCODES`.
    folder : gives the folder of an encode's file, from its row (a named tuple).
    display : width and height in pixels at which scores are taken.
    neighbours : whether the reference gets the title's frames across the cuts, so that motion is the whole title's.
    store : where finished scores are found and kept; None keeps none.
    threads : workers, and the most that decode the title. timeout_s : wall seconds allowed for each encode.
    frame_cache_mb : megabytes (10^6 bytes) of decoded frames kept. Of a shot that does not fit, libvmaf decodes the
        reference per encode; numba scores as many encodes at a time as fit.
    kernel_cache : folder of compiled kernels, shared by jobs; None: the user's cache folder.
    frame_step : every how many frames of a shot one is scored, the first included; those have the scores that they have
        when all are scored, and the tables hold no others.
    gpu : how jobs share graphics cards. With its `fallback`, what a card that fails leaves unscored is scored by
        `STAND_IN`, with a warning; each score names the engine that computed it.

    Returns
    -------
    Tables of `tables.SCORES`, or of `tables.LOOKS` where a `frame_step` is above 1 (a row per encode, in the order of
    `encodes`), and of `tables.FRAMES`.

    Raises
    ------
    ScoreError
        If an encode and the title disagree in frames, geometry or colour, or a frame has no score.
    GpuError
        If a card fails, and there is no fallback.
    """
    encodes = tables.since(encodes)
    settings = Settings(kernel_cache, frame_cache_mb, gpu)
    scorer = engine_named(engine, settings)
    spans = {row.shot: row for row in shots.itertuples()}
    scored: dict[int, tuple[str, pd.DataFrame]] = {}

    def score(scorer: Engine, span: Any, rows: list[Any]) -> None:
        context = scorer.context(model) if neighbours else 0
        reference = title_reference(
            media,
            display,
            what=f"{title}, {tables.span_name(span.shot)}",
            start=span.start,
            end=span.end,
            context=context,
            cache_mb=frame_cache_mb if scorer.reads_often else 0.0,
            threads=threads,
        )
        keys = _keys(rows, _facts(scorer, model, display, context, frame_step, _hash(span, context, reference)))
        sizes = [box(media.width, media.height, int(row.height)) for row in rows]
        for row, frames in _score_shot(
            scorer, reference, rows, sizes, keys, folder, model, store, threads, timeout_s, frame_step
        ):
            scored[row.Index] = scorer.name, frames
            _alarm(frames, _named(reference, row))

    try:
        for shot, group in encodes.groupby("shot", sort=True):
            if shot not in spans:
                raise ScoreError(
                    f"{title}: encodes of shot {shot}, which the title does not have; delete the encodes' tables"
                )
            rows: list[Any] = list(group.itertuples())
            try:
                score(scorer, spans[shot], rows)
            except GpuError as error:
                scorer = _stand_in(error, scorer, settings, title)
                score(scorer, spans[shot], [row for row in rows if row.Index not in scored])
    finally:
        devices.release()
    return _tables(encodes, scored, model, tables.SCORES if frame_step == 1 else tables.LOOKS)


def _stand_in(error: GpuError, scorer: Engine, settings: Settings, title: str) -> Engine:
    """The engine that goes on where a card cannot; the error itself where none may."""
    if not settings.gpu.fallback:
        raise error
    devices.release()
    log.warning("%s: engine %s gives up, and %s scores in its place: %s", title, scorer.name, STAND_IN, error)
    return engine_named(STAND_IN, settings)


def _facts(scorer: Engine, model: str, display: tuple[int, int], context: int, frame_step: int, reference: str) -> dict:
    """All that decides the scores of a shot's encodes, besides the encodes."""
    facts: dict[str, Any] = {
        "form": FORM,
        "display": list(display),
        "model": model,
        "engine": scorer.name,
        "version": scorer.version(model),
        "context": context,
        "reference": reference,
    }
    return facts | ({"frame_step": frame_step} if frame_step != 1 else {})


def _hash(span: Any, context: int, reference: Reference) -> str:
    """Hash of the reference's pictures; the shots table has it for no neighbours and for one."""
    known = {0: "frames_sha256", 1: "context_sha256"}
    return str(getattr(span, known[context])) if context in known else pictures_sha256(reference)


def _keys(rows: list[Any], facts: dict) -> list[str]:
    return [point_key(facts | {"point": row.key}) for row in rows]


def _score_shot(
    scorer: Engine,
    reference: Reference,
    rows: list[Any],
    sizes: list[tuple[int, int]],
    keys: list[str],
    folder: Callable[[Any], Path],
    model: str,
    store: Store | None,
    threads: int,
    timeout_s: float,
    frame_step: int,
) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Each row of one shot with its frame table: from the store where it is there, else into it as soon as it is."""
    missing, expected = [], len(reference.scored(frame_step))
    for row, size, key in zip(rows, sizes, keys, strict=True):
        found = store.find_scores(key) if store else None
        if found is not None and len(found) == expected:
            yield row, found.assign(frame=found["frame"] + reference.start)
        else:
            missing.append((row, size, key))
    if not missing:
        return
    distorted = [
        Distorted(
            _named(reference, row),
            folder(row) / row.file,
            *size,
            row.pix_fmt,
        )
        for row, size, _ in missing
    ]
    results = scorer.score(
        reference, distorted, model=model, threads=threads, timeout_s=timeout_s, frame_step=frame_step
    )
    for place, frames in results:
        row, _, key = missing[place]
        if len(frames) != expected:
            raise ScoreError(
                f"{distorted[place].what}: engine {scorer.name} scored {len(frames)} frames of {expected}; report it"
            )
        if store:
            store.add_scores(key, frames.assign(frame=frames["frame"] - reference.start))
        yield row, frames


def _named(reference: Reference, row: Any) -> str:
    """An encode of the table, in words."""
    return f"{reference.what}, {row.variant} {row.height}p {knob_of(row.codec, row.rate).told(row.crf)}"


def _alarm(frames: pd.DataFrame, what: str) -> None:
    """Warn of frames that score 0: seldom right, often a sign of frames out of step."""
    zero = frames.loc[frames["vmaf"] == 0, "frame"]
    if len(zero):
        log.warning("%s: %d frames score 0, the first is frame %d of the title", what, len(zero), zero.iloc[0])


def summary(frames: pd.DataFrame) -> dict[str, float]:
    """The columns of `tables.SCORES` that follow from one encode's frame table, and the mean of each feature.

    `vmaf_std` is the standard deviation over the frames themselves (not an estimate for more of them).
    """
    vmaf = frames["vmaf"].to_numpy()
    pooled = {f"vmaf_{how}": function(vmaf) for how, function in POOLINGS.items()}
    features = frames.drop(columns=["frame", "vmaf"])
    means = {name: float(np.mean(features[name])) for name in features.columns}
    return pooled | {"vmaf_std": float(np.std(vmaf)), "frames_scored": len(frames)} | means


def _tables(
    encodes: pd.DataFrame, scored: dict[int, tuple[str, pd.DataFrame]], model: str, schema: tables.Schema
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not scored:
        return tables.empty(schema), tables.empty(tables.FRAMES)
    engines, order = zip(*(scored[index] for index in encodes.index), strict=True)
    means = pd.DataFrame([summary(frames) for frames in order], index=encodes.index)
    scores = pd.concat([encodes, means], axis=1).assign(model=model, engine=list(engines))
    keys = [{name: getattr(row, name) for name in tables.KEY} for row in encodes.itertuples()]
    frames = pd.concat([table.assign(**key) for table, key in zip(order, keys, strict=True)], ignore_index=True)
    return tables.conform(scores, schema), tables.conform(frames, tables.FRAMES)
