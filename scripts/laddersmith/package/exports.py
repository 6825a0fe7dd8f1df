"""A ladder's settings for people who encode elsewhere: zones, IDR frames, settings and commands of every rung."""

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from .. import tables
from ..encode.codecs import CODECS, Settings
from ..encode.colour import filters
from ..encode.points import keyint
from ..encode.run import timescale
from ..jsonfile import write_json, write_text
from ..source.media import Media

SCHEMA = "laddersmith/export/1"
# QP that halves the quantiser's step: of H.264 and H.265 both (ITU-T H.264 8.5.8, H.265 8.6.1).
QP_PER_OCTAVE = 6
# x264's defaults: how much finer than P an I picture is quantised, and what CRF means more of with macroblock-tree.
X264_IP_RATIO, X264_TREE_QP, X264_QCOMP = 1.4, 13.5, 0.6
X264_WITHOUT_TREE = ("ultrafast", "superfast")


@dataclass(frozen=True)
class Scene:
    """Frames [start, end) of the title, and the CRF that a rung gives them."""

    shot: int
    start: int
    end: int
    crf: str


def export_ladder(
    facts: dict,
    shots: pd.DataFrame,
    ladder: dict,
    target: Path,
    *,
    variants: Mapping[str, Mapping[str, Any]],
    keyframe_s: float,
) -> None:
    """Write the folder `target`/{codec}/{rung} for every rung of the ladder. Equal inputs give equal files.

    settings.json
        Codec, preset, size, and every shot's frames, CRF, bits and quality (config/schemas/export.json).
    scenes.json
        The shots with their encoder arguments, in the form of Av1an's scenes file.
    zones.txt
        x264 and x265: every shot's CRF as one --zones argument.
    keyframes.qpfile
        x264 and x265: the IDR frames, as their command lines read them with --qpfile.
    whole.sh
        x264 and x265: the title in one encode, with these two (x265 by ffmpeg, x264 by its own command line).
    shots.sh
        The title shot by shot, in as many encodes as there are shots, and joined.

    Parameters
    ----------
    facts, shots, ladder : `source.json`, tables.SHOTS, `ladder.json`.
    variants : settings by name; the encoder's `threads` and caps are read here.
    keyframe_s : seconds between keyframes within a shot.
    """
    media = Media.from_json(facts["media"])
    spans = {row.shot: (int(row.start), int(row.end)) for row in tables.rows(shots)}
    for rung in ladder["rungs"]:
        settings = Settings(
            preset=rung["preset"],
            pix_fmt=rung["pix_fmt"],
            crf=rung["crf"],
            keyint=keyint(keyframe_s, media.frame_rate),
            threads=int(variants[rung["variant"]]["threads"]),
            frame_rate=f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
            maxrate_kbps=variants[rung["variant"]].get("maxrate_kbps"),
            bufsize_kbps=variants[rung["variant"]].get("bufsize_kbps"),
        )
        scenes = [Scene(point["shot"], *spans[point["shot"]], point["crf"]) for point in rung["points"]]
        folder = target / rung["codec"] / rung["name"]
        folder.mkdir(parents=True, exist_ok=True)
        keys = keyframes(scenes, settings.keyint)
        write_json(folder / "settings.json", _settings(ladder, rung, scenes, keys))
        write_text(folder / "scenes.json", json.dumps(av1an_scenes(rung, scenes, settings), indent=1) + "\n")
        write_text(folder / "shots.sh", shots_script(media, rung, scenes, settings))
        if rung["codec"] in ZONES:
            first = x264_first_qp if rung["codec"] == "x264" else lambda crf, preset: -1
            begins = {scene.start: first(scene.crf, settings.preset) for scene in scenes}
            write_text(folder / "keyframes.qpfile", qpfile(keys, begins))
            write_text(folder / "zones.txt", ZONES[rung["codec"]](scenes, rung["crf"]) + "\n")
            write_text(folder / "whole.sh", WHOLE[rung["codec"]](media, rung, scenes, settings))


def keyframes(scenes: list[Scene], step: int) -> list[int]:
    """The IDR frames: every scene's first, and every `step` frames within it."""
    return [frame for scene in scenes for frame in range(scene.start, scene.end, step)]


def qpfile(frames: list[int], quantisers: Mapping[int, int]) -> str:
    """A qpfile that makes IDR frames (frame, type I, QP); those without a quantiser of their own leave it to the
    encoder."""
    return "".join(f"{frame} I {quantisers.get(frame, -1)}\n" for frame in frames)


def x264_first_qp(crf: str, preset: str) -> int:
    """The QP that x264 gives the first picture of a stream: CRF, less the ratio of I to P pictures, more the share of
    macroblock-tree (x264, encoder/ratecontrol.c, where it sets out).

    Without it the first picture of a shot takes the quantiser of the shot before: whole encodes of shots as unlike as a
    ladder's come out up to 5 % larger, with it within 0.5 %.
    """
    tree = 0 if preset in X264_WITHOUT_TREE else X264_TREE_QP * (1 - X264_QCOMP)
    return max(0, min(51, math.ceil(float(crf) + tree - QP_PER_OCTAVE * math.log2(X264_IP_RATIO))))


def x264_zones(scenes: list[Scene], base_crf: str) -> str:
    """x264's --zones: the CRF of each stretch of frames, both ends included. x264 takes a zone's `crf` as its own."""
    return "/".join(f"{first},{last},crf={crf}" for first, last, crf in _stretches(scenes))


def x265_zones(scenes: list[Scene], base_crf: str) -> str:
    """x265's --zones: how many times the bits of `base_crf`, 2^((base - crf) / 6), for each stretch of frames.

    x265 divides the quantiser's step by this factor; it does not heed `crf` in a zone.
    """
    factor = {crf: 2 ** ((float(base_crf) - float(crf)) / QP_PER_OCTAVE) for _, _, crf in _stretches(scenes)}
    return "/".join(f"{first},{last},b={factor[crf]:.4f}" for first, last, crf in _stretches(scenes))


ZONES = {"x264": x264_zones, "x265": x265_zones}


def x264_script(media: Media, rung: dict, scenes: list[Scene], settings: Settings) -> str:
    """A shell script that encodes the title at once by x264's own command line: the mean CRF, zones and qpfile.

    ffmpeg's libx264 takes the zones, but not a qpfile's quantisers.
    """
    depth = ["--output-depth", "10"] if "10" in settings.pix_fmt else []
    said = {field: getattr(media.colour, field) for field in X264_COLOURS}
    colours = [part for field, name in said.items() if name != "unknown" for part in (X264_COLOURS[field], name)]
    caps = []
    if settings.maxrate_kbps is not None and settings.bufsize_kbps is not None:
        caps = ["--vbv-maxrate", f"{settings.maxrate_kbps:g}", "--vbv-bufsize", f"{settings.bufsize_kbps:g}"]
    own = shlex.join([*_command_line("x264", settings), *depth, *colours, *caps])
    pictures = [*_input(media), "-vf", _picture(media, rung), "-fps_mode", "passthrough"]
    pictures += ["-f", "yuv4mpegpipe", "-strict", "-1", "pipe:1"]
    zones = '--qpfile "$HERE/keyframes.qpfile" --zones "$(cat "$HERE/zones.txt")"'
    remuxed = " ".join(["-map_metadata -1 -video_track_timescale", str(timescale(media.frame_rate))])
    lines = [
        'HERE=$(dirname "$0")',
        "X264=${X264:-x264}",
        "PARTS=$(mktemp -d)",
        "trap 'rm -rf \"$PARTS\"' EXIT",
        f'{_ffmpeg(pictures)} | "$X264" {own} {zones} --demuxer y4m -o "$PARTS/whole.mkv" -',
        f'"$FFMPEG" -nostdin -v error -y -i "$PARTS/whole.mkv" -c copy {remuxed} -f mp4 "$TARGET"',
    ]
    return _script(lines, media)


def x265_script(media: Media, rung: dict, scenes: list[Scene], settings: Settings) -> str:
    """A shell script that encodes the title at once by ffmpeg's libx265: the mean CRF, zones, and IDR frames by
    time."""
    options = CODECS["x265"].arguments(settings)
    options[options.index("-x265-params") + 1] += f":zones={x265_zones(scenes, settings.crf)}"
    # Half a frame early, so that no rounding makes it the next one.
    starts = (max(0.0, float((scene.start - Fraction(1, 2)) / media.frame_rate)) for scene in scenes)
    forced = ",".join(f"{start_s:.6f}" for start_s in starts)
    arguments = [*_input(media), "-vf", _picture(media, rung), "-fps_mode", "passthrough", *options]
    arguments += ["-force_key_frames", forced, *_output(media)]
    return _script([f'{_ffmpeg(arguments)} -f mp4 "$TARGET"'], media)


WHOLE = {"x264": x264_script, "x265": x265_script}


def shots_script(media: Media, rung: dict, scenes: list[Scene], settings: Settings) -> str:
    """A shell script that encodes shot by shot, as the rendition was made, and joins the parts by stream copy."""
    codec = CODECS[rung["codec"]]
    lines = ["PARTS=$(mktemp -d)", "trap 'rm -rf \"$PARTS\"' EXIT"]
    for number, scene in enumerate(scenes):
        arguments = [*_input(media), "-vf", _picture(media, rung, scene), "-fps_mode", "passthrough"]
        arguments += [*codec.arguments(replace(settings, crf=scene.crf)), *_output(media)]
        part = f"{number:05d}.mp4"
        lines += [f'{_ffmpeg(arguments)} -f mp4 "$PARTS/{part}"', f'echo "file \'{part}\'" >> "$PARTS/parts.txt"']
    lines.append('"$FFMPEG" -nostdin -v error -y -f concat -i "$PARTS/parts.txt" -c copy -f mp4 "$TARGET"')
    return _script(lines, media)


def av1an_scenes(rung: dict, scenes: list[Scene], settings: Settings) -> dict:
    """The scenes in the form of Av1an's scenes file, each with the arguments of its own encoder."""
    codec = CODECS[rung["codec"]]
    return {
        "frames": scenes[-1].end,
        "scenes": [
            {
                "start_frame": scene.start,
                "end_frame": scene.end,
                "zone_overrides": {
                    "encoder": AV1AN_ENCODERS[rung["codec"]],
                    "passes": 1,
                    "video_params": _command_line(codec.name, replace(settings, crf=scene.crf)),
                },
            }
            for scene in scenes
        ],
    }


# The flags by which x264's command line takes what ffmpeg calls these.
X264_COLOURS = {"range": "--range", "primaries": "--colorprim", "transfer": "--transfer", "matrix": "--colormatrix"}
AV1AN_ENCODERS = {"x264": "x264", "x265": "x265", "svtav1": "svt_av1"}


def _command_line(codec: str, settings: Settings) -> list[str]:
    """The arguments of the encoder's own command line that matter for the bits."""
    keys = ["--keyint", str(settings.keyint)]
    if codec == "svtav1":
        own = ["--preset", settings.preset, "--crf", settings.crf, "--lp", str(settings.threads), "--scd", "0"]
        return [*own, "--irefresh-type", "2", *keys]
    own = ["--preset", settings.preset, "--crf", settings.crf, *keys, "--no-scenecut", "--no-open-gop"]
    if codec == "x264":
        return [*(word for word in own if word != "--no-open-gop"), "--threads", str(settings.threads), "--stitchable"]
    return [*own, "--pools", str(settings.threads), "--frame-threads", str(min(settings.threads, 4))]


def _stretches(scenes: list[Scene]) -> list[tuple[int, int, str]]:
    """First frame, last frame and CRF; neighbours of one CRF together."""
    found: list[tuple[int, int, str]] = []
    for scene in scenes:
        if found and found[-1][2] == scene.crf:
            found[-1] = (found[-1][0], scene.end - 1, scene.crf)
        else:
            found.append((scene.start, scene.end - 1, scene.crf))
    return found


def _settings(ladder: dict, rung: dict, scenes: list[Scene], keys: list[int]) -> dict:
    points = {point["shot"]: point for point in rung["points"]}
    return {
        "schema": SCHEMA,
        "title": ladder["title"],
        "source": {key: ladder["source"][key] for key in ("path", "sha256", "frame_rate", "frames")},
        **{
            key: rung[key]
            for key in ("name", "codec", "variant", "preset", "pix_fmt", "width", "picture_height", "crf")
        },
        "bitrate_kbps": rung["bitrate_kbps"],
        "quality": rung["quality"],
        "keyframes": keys,
        "shots": [
            {"shot": scene.shot, "start": scene.start, "end": scene.end, "crf": scene.crf}
            | {key: points[scene.shot][key] for key in ("bytes", "bitrate_kbps", "vmaf_mean")}
            for scene in scenes
        ],
    }


def _picture(media: Media, rung: dict, scene: Scene | None = None) -> str:
    """ffmpeg's filters from the source's frames to the rung's pictures, frame i at i / frame rate from the cut on."""
    cut = [f"trim=start_frame={scene.start}:end_frame={scene.end}"] if scene else []
    step = f"{media.frame_rate.denominator}/{media.frame_rate.numerator}"
    crop = f"crop={media.width}:{media.height}:{media.crop_x}:{media.crop_y}"
    scale = f"scale={rung['width']}:{rung['picture_height']}:flags=bicubic"
    pictures = [crop, scale, f"format={rung['pix_fmt']}", *filters(media.colour), "setsar=1"]
    return ",".join([*cut, f"settb={step}", "setpts=N", *pictures])


def _input(media: Media) -> list[str]:
    return ["-nostdin", "-v", "error", "-y", "-i", "$SOURCE", "-map", f"0:v:{media.video_stream}"]


def _output(media: Media) -> list[str]:
    return ["-map_metadata", "-1", "-video_track_timescale", str(timescale(media.frame_rate))]


def _ffmpeg(arguments: list[str]) -> str:
    return " ".join(['"$FFMPEG"', *('"$SOURCE"' if word == "$SOURCE" else shlex.quote(word) for word in arguments)])


def _script(lines: list[str], media: Media) -> str:
    head = [
        "#!/bin/sh",
        "# Usage: sh THIS [SOURCE [TARGET]]; FFMPEG names the ffmpeg to use.",
        "set -eu",
        "FFMPEG=${FFMPEG:-ffmpeg}",
        f"SOURCE=${{1:-{shlex.quote(media.path)}}}",
        "TARGET=${2:-out.mp4}",
    ]
    return "\n".join([*head, *lines]) + "\n"
