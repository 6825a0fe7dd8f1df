"""Exports for encoders elsewhere, run with the real encoders: how like the stitched rendition what they make is."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .. import ffmpeg
from ..encode.inspect import read_packets
from ..errors import ToolError
from ..jsonfile import read_json
from ..package import export_ladder
from ..quality import score
from ..source import Media

SHOT_BY_SHOT = "ffmpeg, shot by shot"
WHOLE = {"x264": "x264's command line, zones and qpfile", "x265": "ffmpeg, zones and IDR frames"}
ZONES_ALONE = "ffmpeg, zones and IDR frames"
X264 = "x264"


def export_rows(
    codec: str,
    media: Media,
    shots: pd.DataFrame,
    ladder: Mapping[str, Any],
    renditions: Path,
    folder: Path,
    *,
    variants: Mapping[str, Mapping[str, Any]],
    keyframe_s: float,
    model: str,
    timeout_s: float,
) -> list[dict[str, Any]]:
    """One row for each form in which the middle rung of a codec is exported.

    Every encoder works with the threads of the variant. libx264 by zones alone, which cannot be told the quantiser of a
    shot's first picture, is there for comparison.

    Parameters
    ----------
    codec : whose rungs of `ladder` are looked at; `variants` has its settings by name.
    media, shots : the title that was encoded, and its table of shots (`tables.SHOTS`).
    ladder : as `build_ladder` gives it.
    renditions : folder with {rung}.mp4, the stitched renditions of the codec.
    folder : for what is exported and encoded.
    timeout_s : for each script and each scoring.

    Returns
    -------
    Rows {case: "export", form, codec, rung, rendition_kbps, export_kbps, size_difference_pct, rendition_vmaf,
    export_vmaf, vmaf_difference}; differences are the export's less the rendition's. Instead of figures a form whose
    program is not installed has `left_out`, a sentence.

    Raises
    ------
    ToolError
        If a script fails or takes too long; with what it said.
    """
    rungs = sorted((rung for rung in ladder["rungs"] if rung["codec"] == codec), key=lambda rung: rung["bitrate_kbps"])
    rung = rungs[len(rungs) // 2]
    facts = {"media": media.to_json(), "mezzanine": None, "video": {"start_s": 0.0}}
    export_ladder(facts, shots, dict(ladder) | {"rungs": [rung]}, folder, variants=variants, keyframe_s=keyframe_s)
    exported = folder / codec / rung["name"]
    forms = {SHOT_BY_SHOT: exported / "shots.sh"}
    if codec in WHOLE:
        forms[WHOLE[codec]] = exported / "whole.sh"
    made: dict[str, Path] = {}
    left_out = {}
    for number, (form, script) in enumerate(forms.items()):
        if codec == X264 and script.name == "whole.sh" and shutil.which(X264) is None:
            left_out[form] = "x264's command line is not installed"
            continue
        made[form] = folder / f"{codec}-{number}.mp4"
        _run(["sh", str(script), media.path, str(made[form])], f"{rung['name']}, {form}", timeout_s)
    if codec == X264:
        made[ZONES_ALONE] = folder / f"{codec}-zones.mp4"
        _zones_alone(media, rung, exported, made[ZONES_ALONE], int(variants[rung["variant"]]["threads"]), timeout_s)
    rendition = renditions / f"{rung['name']}.mp4"
    scores = score(media.path, [rendition, *made.values()], model=model, engine="libvmaf")
    means = scores.groupby("distorted", sort=False)["vmaf"].mean().tolist()
    ours = _kbps(rendition, media)
    shared = {"case": "export", "codec": codec, "rung": rung["name"]}
    rows = [
        shared
        | {
            "form": form,
            "rendition_kbps": round(ours, 2),
            "export_kbps": round(_kbps(path, media), 2),
            "size_difference_pct": round((_kbps(path, media) / ours - 1) * 100, 3),
            "rendition_vmaf": round(means[0], 4),
            "export_vmaf": round(mean, 4),
            "vmaf_difference": round(mean - means[0], 4),
        }
        for (form, path), mean in zip(made.items(), means[1:], strict=True)
    ]
    return rows + [shared | {"form": form, "left_out": reason} for form, reason in left_out.items()]


def _zones_alone(
    media: Media, rung: Mapping[str, Any], exported: Path, target: Path, threads: int, timeout_s: float
) -> None:
    """libx264 through ffmpeg, with the exported zones, and keyframes by time, each half a frame early."""
    settings = read_json(exported / "settings.json")
    starts = ",".join(f"{max(0.0, float((frame - 0.5) / media.frame_rate)):.6f}" for frame in settings["keyframes"])
    zones = (exported / "zones.txt").read_text().strip()
    own = f"stitchable=1:scenecut=0:open-gop=0:keyint=infinite:min-keyint=1:threads={threads}:zones={zones}"
    places = media.colour.chroma_location
    sited = "" if places == "unknown" else f":in_chroma_loc={places}:out_chroma_loc={places}"
    scale = f"scale={rung['width']}:{rung['picture_height']}:flags=bicubic{sited},format={rung['pix_fmt']}"
    asked = ["-v", "error", "-i", f"file:{media.path}", "-map", f"0:v:{media.video_stream}", "-vf", scale]
    asked += ["-c:v", "libx264", "-preset", rung["preset"], "-crf", rung["crf"], "-forced-idr", "1"]
    asked += ["-force_key_frames", starts, "-x264-params", own, "-bsf:v", "filter_units=remove_types=6"]
    timing = ["-fps_mode", "passthrough", "-map_metadata", "-1", "-f", "mp4", str(target)]
    ffmpeg.run([*asked, *timing], what=f"{rung['name']}, {ZONES_ALONE}", timeout_s=timeout_s)


def _run(command: list[str], what: str, timeout_s: float) -> None:
    given = os.environ | {"FFMPEG": ffmpeg.executable()}
    try:
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        said = ffmpeg.report(command, "")
        raise ToolError(f"{what}: its script was stopped after {timeout_s:g} s without ending\n{said}") from error
    if done.returncode:
        said = ffmpeg.report(command, done.stderr)
        raise ToolError(f"{what}: its script failed (exit status {done.returncode})\n{said}")


def _kbps(path: Path, media: Media) -> float:
    """Bits of the packets over the title's duration."""
    return sum(packet.bytes for packet in read_packets(path, media.frame_rate)) / media.duration_s / 125
