"""A ladder's settings for people who encode elsewhere: zones, IDR frames, settings and commands of every rung."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import tables
from ..encode.codecs import LOW, QUALITY, Settings
from ..encode.points import keyint
from ..encode.regions import Box, regions_in
from ..jsonfile import write_json, write_text
from ..source.media import Media
from .command_lines import COMMAND_LINES, Scene, av1an_scenes, bit_depth
from .scripts import shots_script, x264_script, x265_script

SCHEMA = "laddersmith/export/2"
# QP that halves the quantiser's step: of H.264 and H.265 both (ITU-T H.264 8.5.8, H.265 8.6.1). x264 counts that many
# more for each bit of depth over 8.
QP_PER_OCTAVE = 6
# x264's defaults: how much finer than P an I picture is quantised, and what CRF means more of with macroblock-tree.
X264_IP_RATIO, X264_TREE_QP, X264_QCOMP = 1.4, 13.5, 0.6
X264_WITHOUT_TREE = ("ultrafast", "superfast")
X264_HIGHEST_QP = 51


def export_ladder(
    facts: dict,
    shots: pd.DataFrame,
    ladder: dict,
    target: Path,
    *,
    variants: Mapping[str, Mapping[str, Any]],
    keyframe_s: float,
    regions: Mapping[str, Mapping[int, Sequence[Box]]] | None = None,
) -> None:
    """Write the folder `target`/{codec}/{rung} for every rung of the ladder. Equal inputs give equal files.

    settings.json
        Codec, preset, size, and every shot's frames, CRF, bits and quality, and what the frames' numbers refer to
        (config/schemas/export.json).
    shots.sh
        The title shot by shot, in as many encodes as there are shots, and joined.
    scenes.json
        x264, x265, SVT-AV1: the shots with their encoder's command line, in the form of Av1an's scenes file.
    zones.txt
        x264 and x265: every shot's CRF as one --zones argument.
    keyframes.qpfile
        x264 and x265: the IDR frames, as their command lines read them with --qpfile.
    whole.sh
        x264 and x265: the title in one encode, with these two (x265 by ffmpeg, x264 by its own command line).

    Parameters
    ----------
    facts, shots, ladder : `source.json`, tables.SHOTS, `ladder.json`.
    variants : settings by name; the encoder's `threads`, caps and `latency` are read here.
    keyframe_s : seconds between keyframes within a shot.
    regions : boxes by set and shot, of the sets that variants name in `roi`. A rung that has regions has shots.sh and
        settings.json alone: no encoder's own command line takes them. So has one that keeps a bitrate, of which each
        shot has its own.
    """
    media = Media.from_json(facts["media"])
    spans = {row.shot: (int(row.start), int(row.end)) for row in tables.rows(shots)}
    for rung in ladder["rungs"]:
        codec = rung["codec"]
        settings = Settings(
            preset=rung["preset"],
            pix_fmt=rung["pix_fmt"],
            crf=rung["crf"],
            keyint=keyint(keyframe_s, media.frame_rate),
            threads=int(variants[rung["variant"]]["threads"]),
            frame_rate=f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
            maxrate_kbps=variants[rung["variant"]].get("maxrate_kbps"),
            bufsize_kbps=variants[rung["variant"]].get("bufsize_kbps"),
            low_latency=variants[rung["variant"]].get("latency") == LOW,
            rate=rung.get("rate", QUALITY),
        )
        roi, size = variants[rung["variant"]].get("roi"), (rung["width"], rung["picture_height"])
        scenes = [
            Scene(shot, *spans[shot], point["crf"], regions_in(regions, roi, shot, *size) if roi else ())
            for shot, point in ((point["shot"], point) for point in rung["points"])
        ]
        folder = target / codec / rung["name"]
        folder.mkdir(parents=True, exist_ok=True)
        keys = keyframes(scenes, settings.keyint)
        write_json(folder / "settings.json", _settings(facts, media, ladder, rung, scenes, keys))
        write_text(folder / "shots.sh", shots_script(media, rung, scenes, settings))
        if roi or settings.rate != QUALITY:
            continue
        if codec in COMMAND_LINES:
            made = av1an_scenes(codec, scenes, settings, media.colour)
            write_text(folder / "scenes.json", json.dumps(made, indent=1) + "\n")
        if codec in ZONES:
            depth = bit_depth(settings.pix_fmt)
            first = {scene.start: x264_first_qp(scene.crf, settings.preset, depth) for scene in scenes}
            zones = ZONES[codec](scenes, rung["crf"])
            write_text(folder / "keyframes.qpfile", qpfile(keys, first if codec == "x264" else {}))
            write_text(folder / "zones.txt", zones + "\n")
            write_text(folder / "whole.sh", WHOLE[codec](media, rung, scenes, settings, zones))


def keyframes(scenes: Sequence[Scene], step: int) -> list[int]:
    """The IDR frames: every scene's first, and every `step` frames within it."""
    return [frame for scene in scenes for frame in range(scene.start, scene.end, step)]


def qpfile(frames: Sequence[int], quantisers: Mapping[int, int]) -> str:
    """A qpfile that makes IDR frames (frame, type I, QP); those without a quantiser of their own leave it to the
    encoder."""
    return "".join(f"{frame} I {quantisers.get(frame, -1)}\n" for frame in frames)


def x264_first_qp(crf: str, preset: str, depth: int) -> int:
    """The QP that x264 gives the first picture of a stream (x264, encoder/ratecontrol.c): CRF and the share of
    macroblock-tree; without such a tree, CRF less the ratio of I to P pictures. A qpfile counts QPs from the encode's
    own depth in bits, a CRF from 8.

    Without it the first picture of a shot takes the quantiser of the shot before.
    """
    without = preset in X264_WITHOUT_TREE
    more = -QP_PER_OCTAVE * math.log2(X264_IP_RATIO) if without else X264_TREE_QP * (1 - X264_QCOMP)
    deeper = QP_PER_OCTAVE * (depth - 8)
    return max(0, min(X264_HIGHEST_QP + deeper, round(float(crf) + more) + deeper))


def x264_zones(scenes: Sequence[Scene], base_crf: str) -> str:
    """x264's --zones: the CRF of each stretch of frames, both ends included. x264 takes a zone's `crf` as its own."""
    return "/".join(f"{first},{last},crf={crf}" for first, last, crf in _stretches(scenes))


def x265_zones(scenes: Sequence[Scene], base_crf: str) -> str:
    """x265's --zones: how many times the bits of `base_crf`, 2^((base - crf) / 6), for each stretch of frames.

    x265 divides the quantiser's step by this factor; it does not heed `crf` in a zone.
    """
    factor = {crf: 2 ** ((float(base_crf) - float(crf)) / QP_PER_OCTAVE) for _, _, crf in _stretches(scenes)}
    return "/".join(f"{first},{last},b={factor[crf]:.4f}" for first, last, crf in _stretches(scenes))


ZONES = {"x264": x264_zones, "x265": x265_zones}
WHOLE = {"x264": x264_script, "x265": x265_script}


def _stretches(scenes: Sequence[Scene]) -> list[tuple[int, int, str]]:
    """First frame, last frame and CRF; neighbours of one CRF together."""
    found: list[tuple[int, int, str]] = []
    for scene in scenes:
        if found and found[-1][2] == scene.crf:
            found[-1] = (found[-1][0], scene.end - 1, scene.crf)
        else:
            found.append((scene.start, scene.end - 1, scene.crf))
    return found


def _settings(
    facts: dict, media: Media, ladder: dict, rung: dict, scenes: Sequence[Scene], keys: Sequence[int]
) -> dict:
    points = {point["shot"]: point for point in rung["points"]}
    changes = facts["mezzanine"] or []
    return {
        "schema": SCHEMA,
        "title": ladder["title"],
        "source": {key: ladder["source"][key] for key in ("path", "sha256")},
        "frames_of": {
            "file": "mezzanine" if changes else "source",
            "path": media.path,
            "changes": changes,
            "video_stream": media.video_stream,
            "frames": media.frames,
            "frame_rate": f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
            "first_s": facts["video"]["start_s"],
            "crop": {"x": media.crop_x, "y": media.crop_y, "width": media.width, "height": media.height},
        },
        **{
            key: rung[key]
            for key in ("name", "codec", "variant", "preset", "pix_fmt", "width", "picture_height", "crf")
        },
        "rate": rung.get("rate", QUALITY),
        "bitrate_kbps": rung["bitrate_kbps"],
        "quality": rung["quality"],
        "keyframes": list(keys),
        "shots": [
            {"shot": scene.shot, "start": scene.start, "end": scene.end, "crf": scene.crf}
            | {key: points[scene.shot][key] for key in ("bytes", "bitrate_kbps", "vmaf_mean")}
            for scene in scenes
        ],
    }
