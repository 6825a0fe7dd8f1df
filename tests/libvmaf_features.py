"""libvmaf's own features of raw frames, through the locked ffmpeg: what our kernels are held against."""

import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from laddersmith import ffmpeg
from numpy.typing import NDArray

FEATURES = ("adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3")
# Every feature of the float models; `debug` adds those that no model reads.
FLOAT_DEBUG = "name=float_vif\\:debug=true|name=float_adm\\:debug=true|name=float_motion\\:debug=true"


def libvmaf_features(
    reference: NDArray[np.integer],
    distorted: NDArray[np.integer],
    *,
    depth: int = 8,
    model: str = "vmaf_float_v0.6.1",
    debug: bool = False,
) -> dict[str, NDArray[np.float64]]:
    """Per-frame values of luma frames [frames, height, width] (uint8, or uint16 of `depth` bits), `vmaf` among them.

    Names are libvmaf's own without prefix, options and implementation ("adm2", "vif_scale0", "motion2", "vmaf"; with
    `debug` "adm_scale0", "motion", "vif_num_scale0", ... too). Its log rounds to six decimals.
    """
    _, height, width = reference.shape
    # Grey formats are full range to ffmpeg, whatever their tags say: it would squeeze them into libvmaf's YUV.
    pix_fmt = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
    with tempfile.TemporaryDirectory() as folder:
        raw = []
        for name, frames in (("distorted", distorted), ("reference", reference)):
            path = Path(folder) / name
            planes = np.repeat(frames[:, None].astype("u1" if depth == 8 else "<u2"), 3, axis=1)
            path.write_bytes(planes.tobytes())
            raw += ["-f", "rawvideo", "-pixel_format", pix_fmt, "-video_size", f"{width}x{height}", "-i", path]
        log = Path(folder) / "log.csv"
        extra = f":feature='{FLOAT_DEBUG}'" if debug else ""
        graph = f"[0:v][1:v]libvmaf=model=version={model}{extra}:log_fmt=csv:log_path={log}"
        command = [ffmpeg.executable(), "-v", "error", *map(str, raw), "-lavfi", graph, "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        rows = list(csv.reader(log.open()))
    return {_plain(name): np.array([float(row[i]) for row in rows[1:]]) for i, name in enumerate(rows[0]) if name}


def _plain(name: str) -> str:
    for prefix in ("integer_", "float_", "VMAF_feature_"):
        name = name.removeprefix(prefix)
    return name.split("_egl")[0].removesuffix("_score")
