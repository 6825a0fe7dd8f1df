"""Engine `libvmaf`: ffmpeg's libvmaf filter, one process per encode, the reference through its standard input."""

import csv
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from .. import ffmpeg, registry
from ..errors import ScoreError, ToolError
from ..source.frames import url
from . import decode_log
from .decode_log import counter, escaped
from .engine import Distorted, Progress, Reference, Scored
from .picture import packed_format, same_colour, scoring_format, subsampling_and_depth
from .versions import metrics_version

# CAMBI, in the v1 models, refuses encodes below these sizes (libvmaf/src/feature/cambi.c: enc_width, enc_height,
# CAMBI_MIN_WIDTH_HEIGHT), in pixels.
CAMBI_MIN_WIDTH, CAMBI_MIN_HEIGHT, CAMBI_MIN_LONGER = 180, 150, 216

PHONE = "_phone"  # ends the name of a model whose score transform, for phones, is on
TRANSFORM = ":enable_transform=true"

_FEATURE = re.compile(
    r"(?:VMAF_)?(?:integer_)?(?:feature_)?"
    r"(vmaf|adm2|adm3|aim|adm_scale[0-3]|vif_scale[0-3]|motion_sad|motion[23]?|cambi|speed_chroma_uv|speed_chroma_[uv]"
    r"|psnr_y|psnr_cb|psnr_cr)(?:_.*)?"
)


class Libvmaf:
    """ffmpeg's libvmaf filter, with any single model built into it."""

    name = "libvmaf"
    reads_often = True

    def version(self, model: str) -> str:
        self.context(model)
        return f"{metrics_version()} ffmpeg-{ffmpeg.version()}"

    def context(self, model: str) -> int:
        """As `Engine.context`: one, and four for the hfr models.

        Those average the motion of frames i and i - 1; that of i - 1 looks back at the difference of i - 2 to i - 4
        (libvmaf/src/feature/integer_motion.c, flush).
        """
        if not re.fullmatch(r"vmaf_[A-Za-z0-9_.]+", model):
            raise ScoreError(f"model {model!r} is not the name of a model built into libvmaf, such as vmaf_v0.6.1")
        if re.match(r"vmaf_(float_)?b_", model):
            raise ScoreError(
                f"model {model} is a bootstrap collection, which ffmpeg's libvmaf filter cannot load; "
                f"use the single model {re.sub('_b_v.*', '_v0.6.1', model)}"
            )
        return 4 if "_hfr_" in model else 1

    def score(
        self,
        reference: Reference,
        distorted: Sequence[Distorted],
        *,
        model: str,
        threads: int,
        timeout_s: float,
        frame_step: int = 1,
        progress: Progress | None = None,
    ) -> Iterator[Scored]:
        """As `Engine.score`: a process per encode, `threads` of them side by side; few encodes get more each."""
        side_by_side = max(1, min(threads, len(distorted)))
        each, apart = max(1, threads // side_by_side), _apart(reference, frame_step, self.context(model))
        one = partial(_score, reference, model=model, threads=each, timeout_s=timeout_s, apart=apart)
        workers = ThreadPoolExecutor(side_by_side)
        try:
            places = {workers.submit(one, made): place for place, made in enumerate(distorted)}
            for done in as_completed(places):
                frames = done.result()
                if progress:
                    progress(len(frames))
                yield places[done], frames
        finally:
            workers.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Apart:
    """Every `step`-th frame is wanted; libvmaf scores those whose index, with `ahead` copies of the first before them,
    is a multiple of `every`."""

    step: int
    every: int
    ahead: int


def _apart(reference: Reference, frame_step: int, context: int) -> _Apart:
    """How libvmaf is made to score every `frame_step`-th frame of the reference, and as few others as may be.

    libvmaf takes the motion of all frames whatever it scores. Copies move the first wanted frame to a multiple of the
    step; no wanted frame's motion looks at them, as there are neighbours between. Where the title begins, its first
    frames count differently, so that none may be copied; then libvmaf scores more frames than are wanted.
    """
    ahead = -reference.before % frame_step if reference.before == context else 0
    return _Apart(frame_step, math.gcd(frame_step, reference.before + ahead), ahead)


def _score(
    reference: Reference, distorted: Distorted, *, model: str, threads: int, timeout_s: float, apart: _Apart
) -> pd.DataFrame:
    """The frame table of one encode."""
    what = distorted.what
    fed = apart.ahead + reference.before + reference.length + reference.after
    if not distorted.path.is_file():
        raise ScoreError(f"{what}: {distorted.path} does not exist; encode it again")
    with tempfile.TemporaryDirectory(prefix="laddersmith-") as folder:
        log, decoded, read = (Path(folder) / name for name in ("frames.csv", "decoded.txt", "read.txt"))
        arguments = _arguments(reference, distorted, model, threads, apart, log, decoded, read)
        try:
            done = ffmpeg.run(arguments, what=what, frames=reference.read(), timeout_s=timeout_s)
        except ToolError as error:
            raise _explained(error, reference, distorted, model) from error
        counts = decode_log.counted(decoded), decode_log.counted(read)
        decode_log.check(done.stderr, *counts, reference, distorted)
        rows = _read_csv(log, what, apart.every)
    expected = -(-fed // apart.every)
    if len(rows) != expected:
        raise ScoreError(f"{what}: libvmaf scored {len(rows)} frames of {expected}")
    first, frames = (apart.ahead + reference.before) // apart.every, reference.scored(apart.step)
    kept = rows.iloc[first :: apart.step // apart.every].head(len(frames)).reset_index(drop=True)
    kept.insert(0, "frame", frames)
    return kept


def _arguments(
    reference: Reference,
    distorted: Distorted,
    model: str,
    threads: int,
    apart: _Apart,
    log: Path,
    decoded: Path,
    read: Path,
) -> list[str]:
    """ffmpeg's arguments: frames are paired by index, and the reference is never scaled."""
    pix_fmt = scoring_format(reference.pix_fmt, distorted.pix_fmt)
    same = same_colour(reference)
    ahead, pad = _padding(apart.ahead, 0), _padding(apart.ahead + reference.before, reference.after)
    # One tick per frame: a finer time base would be rounded to equal time stamps behind the graph, with a warning each.
    by_index = f"settb={reference.frame_rate.denominator}/{reference.frame_rate.numerator},setpts=N"
    graph = (
        f"[0:v:0]{decode_log.SHOW},{counter(decoded)},{same},"
        f"scale={reference.width}:{reference.height}:flags=bicubic,format={pix_fmt}{pad},{by_index}[d];"
        f"[1:v:0]{counter(read)},{same},format={pix_fmt}{ahead},{by_index}[r];"
        f"[d][r]libvmaf=model={escaped(_model(distorted, model))}:feature=name=psnr:n_threads={threads}"
        f":n_subsample={apart.every}:log_fmt=csv:log_path={escaped(str(log))}"
    )
    rate = f"{reference.frame_rate.numerator}/{reference.frame_rate.denominator}"
    raw = ["-f", "rawvideo", "-pixel_format", packed_format(reference.pix_fmt), "-framerate", rate]
    return [
        *("-v", "info", "-xerror", "-err_detect", "explode", "-threads", "1", *ffmpeg.SAFE_INPUT),
        *("-i", url(distorted.path)),
        *(*raw, "-video_size", f"{reference.width}x{reference.height}", "-i", "pipe:0"),
        *("-filter_threads", "1", "-filter_complex_threads", "1", "-lavfi", graph),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


def _padding(start: int, stop: int) -> str:
    """A filter that repeats the first and the last frame so many times."""
    return f",tpad=start={start}:start_mode=clone:stop={stop}:stop_mode=clone" if start or stop else ""


def float_twin(model: str) -> str:
    """The name of the model with which this engine computes, in floating point, what `model` of the registry does."""
    given = str(registry.entry(model).facts["libvmaf"]).removeprefix("version=")
    return given.replace(TRANSFORM, PHONE)


def _model(distorted: Distorted, model: str) -> str:
    """The filter's `model` value; the v1 models' banding feature is told what was encoded, before it was scaled up.

    Raises
    ------
    ScoreError
        If a v1 model cannot judge so small an encode.
    """
    if not model.startswith("vmaf_v1."):
        return f"version={model.removesuffix(PHONE)}{TRANSFORM if model.endswith(PHONE) else ''}"
    width, height = distorted.width, distorted.height
    if width < CAMBI_MIN_WIDTH or height < CAMBI_MIN_HEIGHT or max(width, height) < CAMBI_MIN_LONGER:
        raise ScoreError(
            f"{distorted.what}: model {model} cannot judge an encode of {width}x{height}: its banding feature needs "
            f"{CAMBI_MIN_WIDTH}x{CAMBI_MIN_HEIGHT} and {CAMBI_MIN_LONGER} on one side; leave that height out "
            "or use vmaf_v0.6.1"
        )
    _, depth = subsampling_and_depth(distorted.pix_fmt)
    return f"version={model}:cambi.enc_width={width}:cambi.enc_height={height}:cambi.enc_bitdepth={depth}"


def _explained(error: ToolError, reference: Reference, distorted: Distorted, model: str) -> ScoreError | ToolError:
    """ffmpeg's failure as a sentence, where its cause is known."""
    text = str(error)
    if "could not load libvmaf model" in text:
        return ScoreError(f"model {model} is not built into this ffmpeg ({ffmpeg.version()}); vmaf_v0.6.1 is")
    if "image too small" in text:
        return ScoreError(
            f"{distorted.what}: model {model} cannot score pictures as small as {reference.width}x{reference.height}; "
            "set a larger display or use vmaf_v0.6.1"
        )
    return error


def _read_csv(log: Path, what: str, every: int = 1) -> pd.DataFrame:
    """libvmaf's log of every so many frames: float64 columns under the features' plain names, vmaf and the chroma
    PSNRs among them."""
    try:
        with log.open(newline="") as file:
            names = [name for name in next(csv.reader(file)) if name]
        table = pd.read_csv(log, names=names, usecols=range(len(names)), skiprows=1, dtype=np.float64)
    except (OSError, StopIteration, ValueError) as error:
        raise ScoreError(f"{what}: libvmaf left no readable log ({error})") from error
    if table["Frame"].tolist() != [every * row for row in range(len(table))]:
        raise ScoreError(f"{what}: libvmaf's log skips frames")
    # The log has the features in the order in which libvmaf's threads were done with them.
    table = table.drop(columns="Frame").rename(columns=plain_name).sort_index(axis=1)
    missing = sorted({"vmaf", "psnr_cb", "psnr_cr"} - set(table.columns))
    if missing or not table.columns.is_unique:
        raise ScoreError(
            f"{what}: libvmaf's log lacks {', '.join(missing) or 'plain names'} (it has {', '.join(names)})"
        )
    bad = np.flatnonzero(~np.isfinite(table.to_numpy()).all(axis=1))
    if len(bad):
        raise ScoreError(f"{what}: libvmaf gave no finite score for frame {bad[0]} (and {len(bad) - 1} others)")
    return table


def plain_name(name: str) -> str:
    """`adm2` of `integer_adm2_egl_1`: a feature's name without its implementation and options, alike for all models."""
    match = _FEATURE.fullmatch(name)
    return match[1] if match else name
