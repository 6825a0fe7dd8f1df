"""Proof that a package plays: its manifests hold together, and every rung decodes through both of them."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from .. import ffmpeg
from ..encode import box
from ..errors import PackageError, ToolError
from ..source.frames import url
from .manifests import Playlist, Representation, Tag, peak_bps, read_manifest, read_master, read_playlist
from .progressive import check_progressive
from .shaka import MANIFEST, MASTER

# The manifests are of our own making: their demuxers may open the files that they name, and nothing but local files.
PLAYER = ("-protocol_whitelist", "file", "-format_whitelist", f"{ffmpeg.DEMUXERS},hls,dash")
ROUNDING_S = Fraction(1, 1000)  # EXTINF has three decimals


@dataclass(frozen=True)
class Checked:
    """Frames that each rung gave ({"hls": {"x264/270p...": 250}, "dash": {...}}), and what is wrong, in sentences."""

    frames: dict[str, dict[str, int]]
    problems: list[str]


def check_package(target: str | Path, ladder: dict, *, timeout_s: float = 3600.0) -> Checked:
    """Decode every rung through the master playlist and through the MPD, after `check_manifests`, and every progressive
    file.

    Parameters
    ----------
    target : the package's folder.
    ladder : the contents of its ladder.json.
    timeout_s : wall seconds for each of the two.
    """
    target = Path(target)
    try:
        problems = check_manifests(target, ladder) if ladder["rungs"] else []
    except PackageError as error:
        return Checked({}, [str(error)])
    problems += check_progressive(target, ladder, timeout_s=timeout_s)
    if not ladder["rungs"]:
        return Checked({}, problems)
    names = _names(ladder)
    wanted = ladder["source"]["frames"]
    frames: dict[str, dict[str, int]] = {}
    for kind, manifest in (("hls", MASTER), ("dash", MANIFEST)):
        try:
            decoded, said = decode(target / manifest, len(names), timeout_s)
        except ToolError as error:
            problems.append(f"{manifest}: {error}")
            continue
        frames[kind] = dict(zip(names, decoded, strict=True))
        for name, count in frames[kind].items():
            if count != wanted:
                problems.append(f"{manifest}: {name} gives {count} frames, but the title has {wanted}")
        problems += [f"{manifest}: the decoder says: {line}" for line in said]
    return Checked(frames, problems)


def decode(manifest: Path, videos: int, timeout_s: float) -> tuple[list[int], list[str]]:
    """Frames that each of the first `videos` video streams of a manifest gives, and the decoder's complaints.

    Raises
    ------
    ToolError
        If the manifest cannot be opened.
    """
    with tempfile.TemporaryDirectory() as plain:
        # A folder's "#" or "?" would be read as part of a URL.
        folder, log = Path(plain) / "package", Path(plain) / "frames"
        folder.symlink_to(manifest.parent.absolute(), target_is_directory=True)
        maps = [part for number in range(videos) for part in ("-map", f"0:v:{number}")]
        # Probing that reaches the end of a title's only segment makes ffmpeg's DASH reader give it twice.
        arguments = [
            "-v",
            "error",
            "-copyts",
            "-analyzeduration",
            "0",
            "-probesize",
            "32",
            *PLAYER,
            "-i",
            str(folder / manifest.name),
            *maps,
        ]
        arguments += ["-fps_mode", "passthrough", "-f", "framecrc", url(log)]
        done = ffmpeg.run(arguments, what=str(manifest), timeout_s=timeout_s)
        counts = [0] * videos
        for line in log.read_text().splitlines():
            if not line.startswith("#"):
                counts[int(line.split(",")[0])] += 1
    return counts, done.stderr.strip().splitlines()[:5]


def check_manifests(target: Path, ladder: dict) -> list[str]:
    """What is wrong with a package's playlists and manifest, in sentences; nothing is decoded.

    Every rung stands in both, in the ladder's order; the segments of all rungs begin and end together and cover the
    title; CODECS, RESOLUTION and FRAME-RATE are given; no bandwidth is below the measured peak; each adaptation set
    has one codec, one aspect ratio and square pixels; of several codecs the one that stands first is preferred in both.

    Raises
    ------
    PackageError
        If a file is missing or is no manifest.
    """
    tags = read_master(target / MASTER)
    variants = [tag for tag in tags if tag.name == "#EXT-X-STREAM-INF"]
    iframes = {tag.uri for tag in tags if tag.name == "#EXT-X-I-FRAME-STREAM-INF"}
    playlists = {tag.uri: read_playlist(target / tag.uri) for tag in tags if tag.uri}
    videos = [r for r in read_manifest(target / MANIFEST) if r.adaptation_set["contentType"] == "video"]
    problems = []
    if "presentationTimeOffset" in (target / MANIFEST).read_text(encoding="utf-8"):
        problems.append(f"{MANIFEST}: a presentationTimeOffset moves a track against the others")
    wanted = [f"{name}.m3u8" for name in _names(ladder)]
    if [variant.uri for variant in variants] != wanted:
        problems.append(f"{MASTER}: has the variants {[v.uri for v in variants]}, but the ladder {wanted}")
    if iframes != {rung["iframe_playlist"] for rung in ladder["rungs"]}:
        problems.append(f"{MASTER}: does not have one I-frame playlist for each rung")
    if [r.init.relative_to(target).as_posix() for r in videos] != [rung["init"] for rung in ladder["rungs"]]:
        problems.append(f"{MANIFEST}: its representations are not the ladder's rungs")
    if problems:
        return problems
    problems += _preference(variants, videos)
    sound = [tag for tag in tags if tag.name == "#EXT-X-MEDIA" and tag.attributes["TYPE"] == "AUDIO"]
    loudest = max((_peak(playlists[tag.uri]) for tag in sound), default=0)
    if sound and sum(tag.attributes["DEFAULT"] == "YES" for tag in sound) != 1:
        problems.append(f"{MASTER}: not exactly one audio track is the default")
    duration_s = Fraction(ladder["source"]["frames"]) / Fraction(ladder["source"]["frame_rate"])
    first = playlists[wanted[0]]
    for rung, variant, representation in zip(ladder["rungs"], variants, videos, strict=True):
        playlist = playlists[variant.uri]
        where = f"{rung['codec']}/{rung['name']}"
        problems += _variant(
            where,
            rung,
            box(ladder["source"]["width"], ladder["source"]["height"], rung["height"]),
            variant.attributes,
            _peak(playlist) + loudest,
            Fraction(ladder["source"]["frame_rate"]),
        )
        problems += _representation(where, representation, peak_bps(representation.segments, playlist.target_s))
        if [s.duration_s for s in playlist.segments] != [s.duration_s for s in first.segments]:
            problems.append(f"{MASTER}: the segments of {where} are not those of {wanted[0]}")
        if representation.start_s or [s.duration_s for s in representation.segments] != [
            s.duration_s for s in videos[0].segments
        ]:
            problems.append(
                f"{MANIFEST}: the segments of {where} do not begin at zero or are not those of the first rung"
            )
        if sum(s.duration_s for s in representation.segments) != duration_s:
            problems.append(
                f"{MANIFEST}: the segments of {where} do not last as long as the title's {float(duration_s):.3f} s"
            )
        if [s.file for s in representation.segments] != [s.file for s in playlist.segments]:
            problems.append(f"{where}: the playlist and the manifest name different segments")
        strayed = (
            abs(a.duration_s - b.duration_s) for a, b in zip(representation.segments, playlist.segments, strict=False)
        )
        if max(strayed, default=Fraction(0)) > ROUNDING_S:
            problems.append(f"{where}: the playlist and the manifest give its segments different durations")
    return problems


def _preference(variants: list[Tag], videos: list[Representation]) -> list[str]:
    """What is wrong with the order in which codecs are preferred."""
    formats = [variant.attributes.get("CODECS", "").split(".")[0] for variant in variants]
    told = [float(variant.attributes.get("SCORE", "0")) for variant in variants]
    least = {name: min(score for score, own in zip(told, formats, strict=True) if own == name) for name in formats}
    most = {name: max(score for score, own in zip(told, formats, strict=True) if own == name) for name in formats}
    problems = []
    for one, other in pairwise(least):
        if least[one] <= most[other]:
            problems.append(f"{MASTER}: a variant of {other} has a SCORE as great as one of {one}, which stands first")
    sets: dict[str, set[str]] = {}
    for video in videos:
        sets.setdefault(video.adaptation_set["id"], set()).add(video.attributes.get("codecs", "").split(".")[0])
    problems += [
        f"{MANIFEST}: adaptation set {name} mixes {' and '.join(sorted(mixed))}, between which no player can switch"
        for name, mixed in sets.items()
        if len(mixed) > 1
    ]
    ranks = list(dict.fromkeys(int(video.adaptation_set.get("selectionPriority", "1")) for video in videos))
    if len(sets) > 1 and (len(ranks) < len(sets) or ranks != sorted(ranks, reverse=True)):
        problems.append(f"{MANIFEST}: the adaptation sets' selectionPriority does not fall in their order")
    return problems


def _variant(
    where: str, rung: dict, size: tuple[int, int], said: dict[str, str], peak: int, frame_rate: Fraction
) -> list[str]:
    problems = []
    for key in ("BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE"):
        if not said.get(key):
            problems.append(f"{MASTER}: {where} has no {key}")
    if problems:
        return problems
    if int(said["BANDWIDTH"]) < max(peak, int(said["AVERAGE-BANDWIDTH"])):
        problems.append(
            f"{MASTER}: {where} has BANDWIDTH {said['BANDWIDTH']}, below its measured peak of {peak} or its average"
        )
    if said["CODECS"].split(",")[0] != rung["codecs"]:
        problems.append(f"{MASTER}: {where} has CODECS {said['CODECS']}, but its bitstream is {rung['codecs']}")
    if said["RESOLUTION"] != f"{size[0]}x{size[1]}":
        problems.append(f"{MASTER}: {where} has RESOLUTION {said['RESOLUTION']}, not {size[0]}x{size[1]}")
    if abs(Fraction(said["FRAME-RATE"]) - frame_rate) > Fraction(1, 1000):
        problems.append(f"{MASTER}: {where} has FRAME-RATE {said['FRAME-RATE']}, not {float(frame_rate):.3f}")
    return problems


def _representation(where: str, representation: Representation, peak: int) -> list[str]:
    said = representation.attributes
    problems = []
    if int(said["bandwidth"]) < peak:
        problems.append(f"{MANIFEST}: {where} has bandwidth {said['bandwidth']}, below its measured peak of {peak}")
    if not said.get("codecs"):
        problems.append(f"{MANIFEST}: {where} has no codecs")
    if said.get("sar") != "1:1" or not representation.adaptation_set.get("par"):
        problems.append(
            f"{MANIFEST}: {where} has sar {said.get('sar')} and par {said.get('par')}; pixels must be square"
        )
    if representation.adaptation_set.get("segmentAlignment") != "true":
        problems.append(f"{MANIFEST}: the adaptation set of {where} does not promise aligned segments")
    return problems


def _peak(playlist: Playlist) -> int:
    return peak_bps(playlist.segments, playlist.target_s)


def _names(ladder: dict) -> list[str]:
    return [f"{rung['codec']}/{rung['name']}" for rung in ladder["rungs"]]
