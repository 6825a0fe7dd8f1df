"""How far an engine of ours is from ffmpeg's libvmaf, frame by frame, over clips, codecs, CRFs and heights."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..quality import score
from ..source import header
from .materials import Encode, encodes, reference

FEATURES = ("adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3")
FRAMES = 32
CRFS = (15, 27, 39, 50)
CODECS = ("x264", "x265", "svtav1")
SHARES = (Fraction(1), Fraction(1, 2))

# Pictures that no camera makes, as lavfi descriptions: noise, nothing at all, and edges everywhere.
GENERATED = {
    "noise": "color=gray:size=320x180:rate=25,noise=alls=100:allf=t:all_seed=7",
    "flat": "color=0x808080:size=320x180:rate=25",
    "checkerboard": "color=gray:size=322x182:rate=25,geq=lum='235*mod(floor((X+N)/8)+floor(Y/8),2)':cb=128:cr=128",
}


def agreement(folder: Path, clips: Mapping[str, Path], *, engine: str, threads: int) -> list[dict[str, Any]]:
    """One row per clip, bit depth, codec, CRF and height.

    Each has the largest difference of any of the model's features in any frame (and whose it is), of VMAF in any frame,
    and of the mean VMAF, against libvmaf's `vmaf_float_v0.6.1`; and of the mean against its integer `vmaf_v0.6.1`.
    """
    rows = []
    for name, clip in clips.items():
        for depth, pix_fmt in ((8, "yuv420p"), (10, "yuv420p10le")):
            # Ten bits with something in the lower two: sums of neighbouring samples.
            filters = f"format={pix_fmt}" + (",gblur=sigma=0.6" if depth == 10 else "")
            source = reference(folder / f"{name}-{depth}.mp4", clip, frames=FRAMES, filters=filters, pix_fmt=pix_fmt)
            rows += _compared(folder, source, name, depth, engine, threads, CRFS if depth == 8 else CRFS[1::2])
    for name, video in GENERATED.items():
        source = reference(folder / f"{name}.mp4", video, frames=8, filters="format=yuv420p")
        rows += _compared(folder, source, name, 8, engine, threads, CRFS[::2])
    return rows


def _compared(
    folder: Path, source: Path, clip: str, depth: int, engine: str, threads: int, crfs: Sequence[int]
) -> list[dict[str, Any]]:
    """The rows of one reference."""
    *_, width, height = header(str(source))
    which = [(codec, crf, share) for codec in CODECS for crf in crfs for share in SHARES]
    made = encodes(folder, source, width, height, which, threads=threads)
    paths = [encode.path for encode in made]
    ours = score(source, paths, engine=engine, threads=threads)
    theirs = score(source, paths, engine="libvmaf", model="vmaf_float_v0.6.1", threads=threads)
    integer = score(source, paths, engine="libvmaf", threads=threads)
    return [
        {"clip": clip, "depth": depth, "codec": encode.codec, "crf": encode.crf, "height": encode.height}
        | differences(*(_of(table, encode) for table in (ours, theirs, integer)))
        for encode in made
    ]


def differences(ours: pd.DataFrame, theirs: pd.DataFrame, integer: pd.DataFrame) -> dict[str, Any]:
    """What a row of `agreement` says of one encode's frame tables."""
    features = {name: _worst(ours[name], theirs[name]) for name in FEATURES}
    feature = max(features, key=lambda name: features[name])
    return {
        "frames": len(ours),
        "feature": feature,
        "worst_feature": features[feature],
        "worst_frame_vmaf": _worst(ours["vmaf"], theirs["vmaf"]),
        "mean_vmaf": abs(float(ours["vmaf"].mean() - theirs["vmaf"].mean())),
        "integer_mean_vmaf": abs(float(ours["vmaf"].mean() - integer["vmaf"].mean())),
        "integer_worst_frame_vmaf": _worst(ours["vmaf"], integer["vmaf"]),
    }


def _worst(ours: pd.Series, theirs: pd.Series) -> float:
    return float(np.abs(ours.to_numpy() - theirs.to_numpy()).max())


def _of(table: pd.DataFrame, encode: Encode) -> pd.DataFrame:
    return table[table["distorted"] == str(encode.path)].sort_values("frame")
