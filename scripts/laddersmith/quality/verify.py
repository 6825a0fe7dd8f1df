"""Scoring finished renditions whole against the source, and comparing with what the shots' scores predicted."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..encode import box
from ..errors import ScoreError, ToolError
from ..provenance import versions
from ..source import Media
from ..tables import of_points
from .engine import Distorted, Reference
from .libvmaf import Libvmaf, float_twin
from .pooling import pool
from .reference import title_reference

log = logging.getLogger(__name__)

SCHEMA = "laddersmith/verify/1"
PLANES = ("psnr_y", "psnr_cb", "psnr_cr")


@dataclass(frozen=True)
class Bars:
    """How far a rendition may be from what was predicted: VMAF of any shot's mean and of any frame, PSNR of any plane
    of any frame in dB. Beyond the last, the pixels are not those that were scored."""

    mean: float
    frame: float
    psnr_db: float


def verify_renditions(
    media: Media,
    shots: pd.DataFrame,
    ladder: dict,
    predicted_frames: pd.DataFrame,
    *,
    codec: str,
    folder: Path,
    bars: Bars,
    model: str,
    threads: int,
    timeout_s: float,
) -> dict:
    """Decode every rendition of one codec whole, score it with libvmaf, and compare with the frames' predictions.

    The source is decoded once per rendition and streamed, so a film of any length fits in memory.

    Parameters
    ----------
    shots : `tables.SHOTS`. predicted_frames : `tables.FRAMES` with at least the ladder's points.
    ladder : the content of `ladder.json`.
    folder : where the codec's renditions are, as `{rung}.mp4`.
    bars : allowed differences; `judged_by` gives them.
    threads : renditions scored side by side. timeout_s : wall seconds allowed for each.

    Returns
    -------
    The content of `verify/{codec}.json` (config/schemas/verify.json). What is wrong with a rendition is a sentence in
    its `problems`, never an exception.
    """
    rungs = [rung for rung in ladder["rungs"] if rung["codec"] == codec]
    display = (ladder["display"]["width"], ladder["display"]["height"])
    each = max(1, threads // max(1, len(rungs)))
    reference = title_reference(media, display, what=ladder["title"], threads=each)

    def one(rung: dict) -> dict:
        predicted = _of_rung(predicted_frames, rung)
        problems: list[str] = []
        size = box(media.width, media.height, rung["height"])
        scored = _scored(reference, rung, size, folder, model, each, timeout_s, problems)
        found = _compared(scored, predicted, shots, ladder["pooling"], problems, bars)
        for problem in problems:
            log.warning("%s, %s: %s", ladder["title"], rung["name"], problem)
        head = {"name": rung["name"], "frames_expected": media.frames, "predicted_quality": rung["quality"]}
        return head | found | {"ok": not problems, "problems": problems}

    with ThreadPoolExecutor(max(1, threads)) as workers:
        verdicts = list(workers.map(one, rungs))
    head: dict = {"schema": SCHEMA, "title": ladder["title"], "codec": codec, "model": model, "engine": Libvmaf.name}
    head["bars"] = asdict(bars)
    head["versions"] = versions() | {"engine": Libvmaf().version(model)}
    return head | {"pooling": ladder["pooling"], "ok": all(v["ok"] for v in verdicts), "rungs": verdicts}


def _of_rung(frames: pd.DataFrame, rung: dict) -> pd.DataFrame:
    """The predicted frames of the rung's points, in the order of the title."""
    return of_points(frames, rung["points"]).sort_values("frame", ignore_index=True)


def _scored(
    reference: Reference,
    rung: dict,
    size: tuple[int, int],
    folder: Path,
    model: str,
    threads: int,
    timeout_s: float,
    problems: list[str],
) -> pd.DataFrame | None:
    """The rendition's frame table, or None and a problem."""
    path = folder / f"{rung['name']}.mp4"
    if not path.is_file():
        problems.append(f"{path.name} does not exist; run assemble again")
        return None
    distorted = Distorted(path.name, path, *size, rung["pix_fmt"])
    try:
        [(_, frames)] = Libvmaf().score(reference, [distorted], model=model, threads=threads, timeout_s=timeout_s)
    except ScoreError as error:
        problems.append(str(error))
        return None
    except ToolError as error:
        log.warning("%s", error)
        last = str(error).strip().splitlines()
        problems.append(f"{path.name} cannot be decoded and scored to its end: {last[0]} ({last[-1].strip(' |')})")
        return None
    return frames


def _compared(
    scored: pd.DataFrame | None,
    predicted: pd.DataFrame,
    shots: pd.DataFrame,
    pooling: str,
    problems: list[str],
    bars: Bars,
) -> dict:
    """The measured numbers of one rung; null where there are none."""
    names = (
        "frames",
        "quality",
        "vmaf_mean",
        "gap_mean",
        "gap_frame",
        "gap_psnr_db",
        "psnr_cb",
        "psnr_cr",
        "zero_frames",
    )
    found: dict = dict.fromkeys(names)
    if scored is None:
        return found
    vmaf = scored["vmaf"].to_numpy()
    found |= {"frames": len(scored), "quality": pool(vmaf, pooling), "vmaf_mean": float(np.mean(vmaf))}
    found |= {name: float(np.mean(scored[name])) for name in ("psnr_cb", "psnr_cr")}
    found["zero_frames"] = int((vmaf == 0).sum())
    if predicted["frame"].tolist() != scored["frame"].tolist():
        problems.append(
            f"the points of this rung have scores for {len(predicted)} frames, but the title has {len(scored)}; "
            "score the title's batches again"
        )
        return found
    gaps = np.abs(vmaf - predicted["vmaf"].to_numpy())
    expected = predicted["vmaf"].to_numpy()
    spans = zip(*(shots[name].tolist() for name in ("shot", "start", "end")), strict=True)
    means = {shot: abs(float(vmaf[start:end].mean() - expected[start:end].mean())) for shot, start, end in spans}
    shot, frame = max(means, key=lambda s: means[s]), int(gaps.argmax())
    found |= {"gap_mean": means[shot], "gap_frame": float(gaps[frame])}
    if means[shot] > bars.mean:
        problems.append(
            f"the mean VMAF of shot {shot} is {means[shot]:.4f} away from the shot's own score; "
            f"{bars.mean:g} is allowed"
        )
    if gaps[frame] > bars.frame:
        problems.append(
            f"frame {frame} has VMAF {vmaf[frame]:.4f}, predicted {expected[frame]:.4f}; "
            f"a gap of {bars.frame:g} is allowed"
        )
    lacking = [name for name in PLANES if name not in scored or name not in predicted]
    if lacking:
        problems.append(f"there is no {' and no '.join(lacking)} to compare; score the title's batches again")
        return found
    apart = pd.DataFrame({name: np.abs(scored[name] - predicted[name]) for name in PLANES})
    found["gap_psnr_db"] = float(apart.to_numpy().max())
    if found["gap_psnr_db"] > bars.psnr_db:
        plane = str(apart.max().idxmax())
        frame = int(apart[plane].to_numpy().argmax())
        problems.append(
            f"frame {frame} has a {plane} of {scored[plane][frame]:.4f} dB, predicted {predicted[plane][frame]:.4f}: "
            f"its pixels are not those that were scored (a gap of {bars.psnr_db:g} dB is allowed)"
        )
    return found


def judged_by(searched: str, model: str, settings: Mapping[str, Any]) -> tuple[str, Bars]:
    """The libvmaf model that verifies scores by the engine `searched`, and the bars, from the config's `verify`.

    Where libvmaf searched too, both sides compute the same. An engine of our own computes in floating point, as
    libvmaf's models `vmaf_float_*` do; the model of the same name in libvmaf computes in whole numbers, and the two
    differ by up to 0.41 VMAF in a frame and 0.07 in the mean of a shot (measured, 21 encodes of the demo titles). Then
    the bars on VMAF are wider, and that the pixels are the same is held by the PSNR of every plane; or, with `exact`,
    the float model verifies, which takes four times as long, and the bars are the narrow ones.
    """
    psnr_db = settings["max_psnr_gap_db"]
    if searched == Libvmaf.name:
        return model, Bars(settings["max_mean_gap"], settings["max_frame_gap"], psnr_db)
    if settings["exact"]:
        return float_twin(model), Bars(settings["max_mean_gap"], settings["max_frame_gap"], psnr_db)
    return model, Bars(settings["max_arithmetic_mean_gap"], settings["max_arithmetic_frame_gap"], psnr_db)
