"""A title's package: CMAF segments, HLS and DASH manifests, and the joined ladder that other programs read."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

from .. import ffmpeg
from ..encode.codecs import CODECS
from ..errors import PackageError
from ..jsonfile import write_json
from ..ladder.savings import codec_sets
from ..provenance import versions
from ..source.frames import url
from ..source.media import Media
from . import shaka
from .audio import Sound, prepare_audio
from .check import check_manifests
from .cuts import cut_at, shot_segments
from .finish import finish_manifest, finish_master
from .manifests import average_bps, peak_bps, read_manifest, read_playlist
from .order import preferred, scores
from .progressive import write_progressive
from .text import prepare_text
from .tracks import Track, other_streams, plan_tracks, video_start_s

LADDER = "ladder.json"
SCHEMA = "laddersmith/package/3"
PEAK_ALARM = 2.0  # peak over average above which a player's buffer is at risk
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
_INNER = ("points",)  # of a rung: names files outside the package
_VERIFIED = ("quality", "vmaf_mean", "gap_mean", "gap_frame", "psnr_cb", "psnr_cr", "ok", "problems")


@dataclass(frozen=True)
class _Carried:
    track: Track
    file: Path
    how: str
    reason: str


def package_title(
    facts: dict,
    ladder: dict,
    verdicts: list[dict],
    renditions: Path,
    target: Path,
    *,
    segment_s: float,
    segments: str,
    shots: Sequence[int],
    audio_kbps: float,
    savings: dict,
    timeout_s: float,
    prefer: Sequence[str] = (),
) -> dict:
    """Package every rung of a title with all its sound and text subtitles.

    Rungs of codecs that the packager cannot carry become progressive MP4s.

    Parameters
    ----------
    facts : `source.json`; its `path` is read for sound and subtitles.
    ladder, verdicts : `ladder.json`, and the `verify/*.json` of its codecs.
    renditions : folder with {codec}/{rung}.mp4.
    target : folder to write; one that is there is replaced.
    segment_s : a segment ends at the first keyframe at or after each multiple of this,
    segments : unless this is "shots": then segments begin at shots, and within those longer than `segment_s`
        (`cuts.segment_starts`), where the encodes have a keyframe every `segment_s`.
    shots : first frames of the shots.
    audio_kbps : bitrate of a stereo track that has to be encoded.
    savings : against the fixed ladder, by codec (`laddersmith.ladder.savings`).
    timeout_s : for each run of ffmpeg and of the packager.
    prefer : codecs that players are to prefer, the most wanted first (`order.preferred`).

    Returns
    -------
    The contents of `target`/ladder.json, which is schema config/schemas/package.json.

    Raises
    ------
    PackageError
        If a rung has no rendition or no verdict, the packager fails, or the manifests do not hold what they must.
    ToolError
        If ffmpeg fails on a rendition or a track.
    """
    target = Path(target)
    work = ffmpeg.temporary_beside(target).with_suffix(".partial")
    shutil.rmtree(work, ignore_errors=True)
    (work / "in").mkdir(parents=True)
    try:
        asked = (segment_s, segments, shots, audio_kbps, savings, timeout_s, prefer)
        joined = _package(facts, ladder, verdicts, Path(renditions), work, *asked)
        shutil.rmtree(work / "in")
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return joined


def _package(
    facts: dict,
    ladder: dict,
    verdicts: list[dict],
    renditions: Path,
    work: Path,
    segment_s: float,
    segments: str,
    shots: Sequence[int],
    audio_kbps: float,
    savings: dict,
    timeout_s: float,
    prefer: Sequence[str],
) -> dict:
    title = ladder["title"]
    media = Media.from_json(facts["media"])
    order = preferred((rung["codec"] for rung in ladder["rungs"]), prefer)
    every = sorted(ladder["rungs"], key=lambda rung: order.index(rung["codec"]))
    rungs = [rung for rung in every if not CODECS[rung["codec"]].unpackaged]
    verified = _verified(ladder, verdicts)
    files = {(rung["codec"], rung["name"]): _rendition(renditions, rung, title) for rung in every}
    descriptors = []
    starts, step_s = None, segment_s
    for number, rung in enumerate(rungs):
        file = files[rung["codec"], rung["name"]]
        if segments == "shots" and starts is None:
            starts, step_s = shot_segments(file, media.frame_rate, segment_s, shots)
        source = _with_edit_list(file, work / "in" / f"v{number}.mp4", f"{title}, {rung['name']}", timeout_s)
        if starts is not None:
            whole = work / source
            source = f"in/c{number}.mp4"
            cut_at(whole, work / source, starts, media.frame_rate)
        descriptors.append(shaka.video_stream(source, rung["codec"], rung["name"]))
    carried, left_out = _tracks(facts, media, work / "in", audio_kbps, timeout_s)
    for item in carried:
        source = f"in/{item.file.name}"
        audio = item.track.kind == "audio"
        descriptors += [shaka.audio_stream(source, item.track)] if audio else shaka.text_streams(source, item.track)
    if rungs:
        shaka.run(descriptors, work, segment_s=step_s, what=title, timeout_s=timeout_s)
        tracks = [item.track for item in carried]
        finish_master(work / shaka.MASTER, tracks, scores(rungs))
        target_s = read_playlist(work / rungs[0]["codec"] / f"{rungs[0]['name']}.m3u8").target_s
        display = (ladder["display"]["width"], ladder["display"]["height"])
        finish_manifest(work / shaka.MANIFEST, tracks, display, target_s)
    entries = [_rung(rung, work) | {"verified": verified[rung["codec"], rung["name"]]} for rung in rungs]
    spoken = _languages(facts)
    apart = [
        _progressive(rung, files[rung["codec"], rung["name"]], carried, spoken, work, timeout_s)
        | {"verified": verified[rung["codec"], rung["name"]]}
        for rung in every
        if rung not in rungs
    ]
    joined = {
        "schema": SCHEMA,
        **{key: ladder[key] for key in ("title", "display", "model", "engine", "pooling", "allocation")},
        **({"engines": ladder["engines"]} if "engines" in ladder else {}),
        **{key: ladder[key] for key in ("missing", "fixed", "hull")},
        "source": {key: value for key, value in ladder["source"].items() if key != "path"},
        "versions": versions() | ladder["versions"],
        "master": shaka.MASTER if rungs else None,
        "manifest": shaka.MANIFEST if rungs else None,
        "segments": segments,
        "segment_s": segment_s,
        "rungs": entries,
        "progressive": apart,
        "sets": codec_sets(ladder, order),
        "audio": [_audio(item, bool(rungs)) for item in carried if item.track.kind == "audio"],
        "text": [_described(item.track, bool(rungs)) for item in carried if item.track.kind == "text"],
        "left_out": left_out,
        "savings": savings,
        "warnings": [
            *_stand_ins(ladder),
            *(
                f"{r['codec']} {r['name']}: its peak is {r['bandwidth'] / r['average_bandwidth']:.1f} times its "
                "average; cap the variant with maxrate_kbps and bufsize_kbps if players must not stall"
                for r in [*entries, *apart]
                if r["bandwidth"] > PEAK_ALARM * r["average_bandwidth"]
            ),
        ],
    }
    joined["fixed"] = [{key: value for key, value in rung.items() if key not in _INNER} for rung in joined["fixed"]]
    write_json(work / LADDER, joined)
    problems = check_manifests(work, joined) if rungs else []
    if problems:
        raise PackageError(f"{title}: the manifests do not hold: {'; '.join(problems)}")
    return joined


def _stand_ins(ladder: dict) -> list[str]:
    """A sentence for each engine that scored in place of the one asked for."""
    counts = ladder.get("engines", {})
    return [
        f"scores: {count} of {sum(counts.values())} points were scored by {name} in place of {ladder['engine']}, since "
        "a GPU failed; the logs of the rule score say how"
        for name, count in counts.items()
        if name != ladder["engine"]
    ]


def _rendition(renditions: Path, rung: dict, title: str) -> Path:
    """A rung's stream, whose name can be part of a segment's."""
    name = f"{rung['codec']}/{rung['name']}"
    if not (_NAME.fullmatch(rung["codec"]) and _NAME.fullmatch(rung["name"])):
        raise PackageError(f"{title}: {name!r} cannot be part of a segment's name; rename the variant in the config")
    file = renditions / f"{name}.mp4"
    if not file.is_file():
        raise PackageError(f"{title}: rung {name} has no rendition {file}; run `assemble` again")
    return file


def _with_edit_list(file: Path, target: Path, what: str, timeout_s: float) -> str:
    """Copy a rendition so that its first picture is placed by an edit list; returns the name for the packager.

    From negative composition offsets the packager makes fragments that ffmpeg's players show late by the reordering
    delay (80 ms at 25 frames a second with three B-frames); from an edit list, fragments that all show in time.
    """
    arguments = [*ffmpeg.SAFE_INPUT, "-i", url(file), "-map", "0:v:0", "-c", "copy", "-map_metadata", "-1"]
    arguments += ["-fflags", "+bitexact", "-movie_timescale", "1000000", "-f", "mp4", url(target)]
    ffmpeg.run(arguments, what=what, timeout_s=timeout_s)
    return f"in/{target.name}"


def _tracks(
    facts: dict, media: Media, folder: Path, audio_kbps: float, timeout_s: float
) -> tuple[list[_Carried], list[dict]]:
    """Every track that the package carries, ready for the packager, and what it leaves out."""
    source = facts["path"]
    tracks, left_out = plan_tracks(facts)
    start_s = video_start_s(source)
    duration_s = Fraction(media.frames) / media.frame_rate
    carried = []
    for track in tracks:
        file = folder / f"{track.kind}{track.number}{'.mp4' if track.kind == 'audio' else '.vtt'}"
        if track.kind == "audio":
            sound: Sound = prepare_audio(
                source, track, file, start_s=start_s, duration_s=duration_s, kbps=audio_kbps, timeout_s=timeout_s
            )
            carried.append(_Carried(track, file, sound.how, sound.reason))
        elif prepare_text(source, track, file, start_s=start_s, duration_s=duration_s, timeout_s=timeout_s):
            carried.append(_Carried(track, file, "converted", ""))
        else:
            named = {"kind": "subtitle", "number": track.number, "codec": track.codec, "language": track.language}
            left_out.append(named | {"reason": "it holds no cue within the title"})
    return carried, left_out + other_streams(source)


def _verified(ladder: dict, verdicts: list[dict]) -> dict[tuple[str, str], dict]:
    """Each rung's verdict by codec and name."""
    found = {
        (verdict["codec"], rung["name"]): {key: rung[key] for key in _VERIFIED}
        for verdict in verdicts
        for rung in verdict["rungs"]
    }
    unverified = [r["name"] for r in ladder["rungs"] if (r["codec"], r["name"]) not in found]
    if unverified:
        raise PackageError(f"{ladder['title']}: no verdict on {', '.join(unverified)}; run `verify` again")
    return found


def _rung(rung: dict, work: Path) -> dict:
    """A rung with its files, and what the manifests say of it: bandwidths are of the pictures alone."""
    stem = f"{rung['codec']}/{rung['name']}"
    playlist = read_playlist(work / f"{stem}.m3u8")
    codecs = next(
        r.attributes["codecs"] for r in read_manifest(work / shaka.MANIFEST) if r.init == work / stem / "init.mp4"
    )
    return {key: value for key, value in rung.items() if key not in _INNER} | {
        "codecs": codecs,
        "playlist": f"{stem}.m3u8",
        "iframe_playlist": f"{stem}_iframe.m3u8",
        "init": f"{stem}/init.mp4",
        "segments": [segment.file.relative_to(work).as_posix() for segment in playlist.segments],
        "bandwidth": peak_bps(playlist.segments, playlist.target_s),
        "average_bandwidth": average_bps(playlist.segments),
    }


def _languages(facts: dict) -> dict[tuple[str, int], str]:
    """The source's own names of its tracks' languages, by kind and number."""
    kinds = {"audio": facts["audio"], "text": facts["subtitles"]}
    return {(kind, track["track"]): track["language"] for kind, tracks in kinds.items() for track in tracks}


def _progressive(
    rung: dict, file: Path, carried: list[_Carried], spoken: dict[tuple[str, int], str], work: Path, timeout_s: float
) -> dict:
    """A rung with its file; the bandwidths are of the pictures alone."""
    tracks = [(item.track, item.file) for item in carried]
    made = write_progressive(rung, file, tracks, spoken, work, what=rung["name"], timeout_s=timeout_s)
    rates = {"bandwidth": rung["peak_kbps"], "average_bandwidth": rung["bitrate_kbps"]}
    return (
        {key: value for key, value in rung.items() if key not in _INNER}
        | made
        | {key: ceil(1000 * kbps) for key, kbps in rates.items()}
    )


def _audio(item: _Carried, segmented: bool) -> dict:
    return _described(item.track, segmented) | {
        "channels": min(item.track.channels, 6),
        "how": item.how,
        "reason": item.reason,
    }


def _described(track: Track, segmented: bool) -> dict:
    named = {key: getattr(track, key) for key in ("language", "name", "codec", "default", "forced")}
    return named | {"playlist": f"{track.kind}/{track.stem}.m3u8" if segmented else None}
