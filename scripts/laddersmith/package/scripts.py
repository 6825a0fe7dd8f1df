"""Shell scripts that encode a title as a rung was encoded: shot by shot, or at once by zones."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from ..encode.codecs import CODECS, TWO_PASS, Settings
from ..encode.colour import filters
from ..encode.passes import FIRST_TARGET, Run, runs
from ..encode.run import arguments, timescale
from ..source.frames import packed_bytes
from ..source.media import Media
from .command_lines import Scene, x264

# Every script: the files, a place for parts, the frames of a file, and an end that tells of a decoder that failed.
HEAD = """\
#!/bin/sh
# Usage: sh THIS [SOURCE [TARGET]]; FFMPEG names the ffmpeg to use{more}.
# SOURCE is the file whose frames the shots count; `frames_of` in settings.json says how they come from the original.
set -eu
FFMPEG=${{FFMPEG:-ffmpeg}}
SOURCE=${{1-}}
[ -n "$SOURCE" ] || SOURCE={source}
TARGET=${{2:-out.mp4}}
PARTS=$(mktemp -d)
trap 'rm -rf "$PARTS"' EXIT
decode() {{
  {decode} </dev/null || echo "$SOURCE: its decoder failed" >"$PARTS/failed"
}}
decoded() {{
  if [ -e "$PARTS/failed" ]; then cat "$PARTS/failed" >&2; exit 1; fi
}}
holds() {{
  found=$("$FFMPEG" -nostdin -v error -i "file:$1" -c copy -f framecrc - </dev/null | grep -vc '^#' || :)
  [ "$found" -eq "$2" ] || {{ echo "$SOURCE: $found frames where $2 were measured; is it that file?" >&2; exit 1; }}
}}
"""
# `head` takes no byte more than it is asked for from a pipe (GNU coreutils).
SHOTS = """\
take() {{
  head -c $(($1 * {bytes}))
}}
"""


# Both passes run in the folder of the parts; a path to ffmpeg is seen from here.
PASSES = """\
case "$FFMPEG" in */*) FFMPEG=$(cd "$(dirname -- "$FFMPEG")" && pwd)/$(basename -- "$FFMPEG") ;; esac
"""


def shots_script(media: Media, rung: Mapping, scenes: Sequence[Scene], settings: Settings) -> str:
    """A script that decodes the title once, hands each shot's frames to an encode of its own, as for the rendition, and
    joins the parts by stream copy.

    Frames are counted in bytes, so that no seek and no time stamp decides where a shot begins; each part's frames are
    counted, and that none is left over.
    """
    codec, size = CODECS[rung["codec"]], (int(rung["width"]), int(rung["picture_height"]))
    pictures = ["-vf", _scaled(media, rung), "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
    lines = []
    for number, scene in enumerate(scenes):
        given = runs(codec, replace(settings, crf=scene.crf, regions=scene.regions), media.colour, *size)
        part = f"{number:05d}.mp4"
        lines += _encoded(given, scene.end - scene.start, part)
        lines.append(f'holds "$PARTS/{part}" {scene.end - scene.start}; echo "file \'{part}\'" >>"$PARTS/parts.txt"')
    beyond = '[ "$(head -c 1 | wc -c)" -eq 0 ] || { echo "$SOURCE: has more frames than were measured" >&2; exit 1; }'
    joined = (
        '"$FFMPEG" -nostdin -v error -y -f concat -auto_convert 0 -i "$PARTS/parts.txt" -c copy -f mp4 "file:$TARGET"'
    )
    body = ["decode | {", *lines, beyond, "}", "decoded", joined]
    helper = SHOTS.format(bytes=packed_bytes(rung["pix_fmt"], *size)) + (PASSES if settings.rate == TWO_PASS else "")
    return _script(media, pictures, helper + "\n".join(body), "; needs the `head` of GNU coreutils")


def _encoded(given: Sequence[Run], frames: int, part: str) -> list[str]:
    """The lines that encode the next frames; of two passes, both start where the parts are and leave the log there."""
    if len(given) == 1:
        return [f'take {frames} | "$FFMPEG" -y {shlex.join(given[0])} "$PARTS/{part}"']
    first, second = (shlex.join(run) for run in given)
    passes = f'"$FFMPEG" -y {first} {FIRST_TARGET} <frames && "$FFMPEG" -y {second} {part} <frames'
    return [f'take {frames} >"$PARTS/frames"', f'(cd "$PARTS" && {passes})']


def x264_script(media: Media, rung: Mapping, scenes: Sequence[Scene], settings: Settings, zones: str) -> str:
    """A script that encodes the title at once by x264's own command line: the mean CRF, zones and qpfile.

    ffmpeg's libx264 takes the zones, but not a qpfile's quantisers.
    """
    pictures = ["-vf", f"{_scaled(media, rung)},{_counted(media)}", "-fps_mode", "passthrough"]
    pictures += ["-f", "yuv4mpegpipe", "-strict", "-1", "pipe:1"]
    remuxed = f"-map_metadata -1 -video_track_timescale {timescale(media.frame_rate)}"
    files = '--qpfile "$HERE/keyframes.qpfile" --zones "$(cat "$HERE/zones.txt")"'
    own = shlex.join(x264(settings, media.colour))
    body = [
        'HERE=$(dirname -- "$0")',
        "X264=${X264:-x264}",
        f'decode | "$X264" {own} {files} --demuxer y4m -o "$PARTS/whole.mkv" -',
        "decoded",
        f'holds "$PARTS/whole.mkv" {scenes[-1].end}',
        f'"$FFMPEG" -nostdin -v error -y -i "$PARTS/whole.mkv" -c copy {remuxed} -f mp4 "file:$TARGET"',
    ]
    return _script(media, pictures, "\n".join(body), ", X264 the x264")


def x265_script(media: Media, rung: Mapping, scenes: Sequence[Scene], settings: Settings, zones: str) -> str:
    """A script that encodes the title at once by ffmpeg's libx265: the mean CRF, zones, and IDR frames by time."""
    size = (int(rung["width"]), int(rung["picture_height"]))
    pictures = ["-vf", _scaled(media, rung), "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]
    given = arguments(CODECS["x265"], settings, media.colour, *size)
    given[given.index("-x265-params") + 1] += f":zones={zones}"
    # Half a frame early, so that no rounding makes it the next one.
    starts = (max(0.0, float((scene.start - Fraction(1, 2)) / media.frame_rate)) for scene in scenes)
    forced = ["-force_key_frames", ",".join(f"{start_s:.6f}" for start_s in starts)]
    body = [
        f'decode | "$FFMPEG" -y {shlex.join([*given[:-2], *forced, *given[-2:]])} "$PARTS/whole.mp4"',
        "decoded",
        f'holds "$PARTS/whole.mp4" {scenes[-1].end}',
        'mv -- "$PARTS/whole.mp4" "$TARGET"',
    ]
    return _script(media, pictures, "\n".join(body))


def _scaled(media: Media, rung: Mapping) -> str:
    """ffmpeg's filters from the source's frames to the rung's pictures, to the byte those that the rendition was made
    of; range and chroma siting stay what they are."""
    crop = f"crop={media.width}:{media.height}:{media.crop_x}:{media.crop_y}"
    scale = f"scale={rung['width']}:{rung['picture_height']}:flags=bicubic"
    kept = {"range": media.colour.range, "chroma_loc": media.colour.chroma_location}
    sides = (f":in_{name}={word}:out_{name}={word}" for name, word in kept.items() if word != "unknown")
    return f"{crop},{scale}{''.join(sides)},format={rung['pix_fmt']}"


def _counted(media: Media) -> str:
    """Filters by which frame i is shown at i / frame rate, in square pixels and the source's colours."""
    step = f"{media.frame_rate.denominator}/{media.frame_rate.numerator}"
    return ",".join([f"settb={step}", "setpts=N", *filters(media.colour), "setsar=1"])


def _script(media: Media, pictures: list[str], body: str, more: str = "") -> str:
    said = f'"$FFMPEG" -nostdin -v error -i "file:$SOURCE" -map 0:v:{media.video_stream} {shlex.join(pictures)}'
    return HEAD.format(source=shlex.quote(media.path), decode=said, more=more) + body + "\n"
