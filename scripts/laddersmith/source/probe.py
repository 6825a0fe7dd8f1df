"""Probing: everything a title's later stages need to know of its source, and a mezzanine where it needs one."""

import hashlib
import time
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from .. import __version__, ffmpeg
from ..errors import SourceError
from . import describe
from .frames import plain
from .media import Colour, Media
from .normalise import Work, plan_work, write_mezzanine
from .pixels import bit_depth, is_rgb
from .rate import average_rate, constant_rate
from .survey import Survey, seeks_are_exact, survey

SCHEMA = "laddersmith/source/1"


def probe(
    path: str | Path, *, title: str, normalise: bool, crop_bars: bool, mezzanine: Path, timeout_s: float
) -> dict[str, Any]:
    """Examine a source by its headers and by one full decode.

    Parameters
    ----------
    normalise : whether a source that is not constant-rate, progressive, square-pixel, even-sized, upright planar YUV is
        made so (`normalise`'s docstring has the conventions) or refused.
    crop_bars : whether the picture used leaves out black bars; they are reported either way.
    mezzanine : file that the mezzanine is written to when one is needed (a .mov name); nothing is written otherwise.
    timeout_s : seconds for all of it.

    Returns
    -------
    The content of `source.json` (see config/schemas/source.json); no times and no paths but the given ones.

    Raises
    ------
    SourceError
        If the source is missing, no video, truncated, corrupt, HDR, of absurd size, or needs a mezzanine and none is
        allowed; the sentence says which and what to do.
    """
    path, deadline = str(path), time.monotonic() + timeout_s
    facts = describe.headers(path, timeout_s)
    tags = describe.colour(facts)
    high_range = describe.hdr(facts, tags)
    _refuse_hdr(path, high_range)
    turn = _upright(path, facts)
    index = facts["video_index"]
    seen = survey(path, index, full_range=tags.range == "pc", timeout_s=_left(path, deadline, timeout_s))
    tags = _settled(tags, seen.pix_fmt)
    try:
        work = plan_work(
            seen, tags=tags, sample_aspect=_aspect(facts), rotation=turn, field_order=_field_order(facts, seen)
        )
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    if work.reasons and not normalise:
        raise SourceError(
            f"{path}: cannot be read as it is ({'; '.join(work.reasons)}); "
            "set probe.normalise: true to have a lossless mezzanine made"
        )
    used, used_seen = path, seen
    if work.reasons:
        left = _left(path, deadline, timeout_s)
        write_mezzanine(path, index, seen, work, mezzanine, left)
        used, used_seen = str(mezzanine), _survey_mezzanine(path, mezzanine, seen, work, deadline, timeout_s)
    bars = used_seen.bars.found()
    media = _media(used, used_seen, work, bars if crop_bars else {}, 0 if work.reasons else index)
    media = replace(media, seekable=seeks_are_exact(media, used_seen))
    start_s = _start_s(facts, seen)
    return {
        "schema": SCHEMA,
        "title": title,
        "path": path,
        "sha256": _sha256(path),
        "container": {
            "format": facts["format"].get("format_name", "unknown"),
            "bytes": int(facts["format"]["size"]),
            "tags": facts["format"].get("tags", {}),
        },
        "video": _video(facts, seen, tags, turn, start_s),
        "hdr": high_range,
        "bars": bars | {"cropped": crop_bars and any(bars.values()), "frames_sampled": used_seen.bars.samples},
        "audio": describe.audio_tracks(path, facts, start_s),
        "subtitles": describe.subtitle_tracks(facts),
        "mezzanine": work.reasons or None,
        "media": media.to_json(),
        "versions": {
            "laddersmith": __version__,
            "ffmpeg": ffmpeg.version(),
            "ffprobe": describe.ffprobe_version(),
            "libavcodec": ".".join(map(str, av.library_versions["libavcodec"])),
            "pyav": av.__version__,
        },
    }


def _video(facts: dict[str, Any], seen: Survey, tags: Colour, turn: int, start_s: float) -> dict[str, Any]:
    """The source's own video track, before anything was done to it."""
    stamps, aspect = seen.stamps, _aspect(facts)
    rate = None
    average = seen.declared[0] if seen.declared else None
    if stamps is not None and len(stamps) > 1:
        rate, average = _rates(seen, stamps)
    duration_s = float(len(seen.pts) / average) if average else None
    return {
        "stream": facts["video_index"],
        "codec": facts["video"].get("codec_name", "unknown"),
        "profile": facts["video"].get("profile", "unknown"),
        "width": seen.width,
        "height": seen.height,
        "sample_aspect_ratio": f"{aspect.numerator}:{aspect.denominator}",
        "pix_fmt": seen.pix_fmt,
        "bit_depth": bit_depth(seen.pix_fmt),
        "colour": asdict(tags),
        "rotation": turn,
        "frame_rate": _ratio(rate or average),
        "constant_rate": rate is not None or len(seen.pts) == 1,
        "time_base": _ratio(seen.time_base),
        "frames": len(seen.pts),
        "duration_s": None if duration_s is None else round(duration_s, 6),
        "start_s": round(start_s, 6),
        "interlaced": _field_order(facts, seen) != "progressive",
        "field_order": _field_order(facts, seen),
    }


def _media(used: str, seen: Survey, work: Work, bars: dict[str, int], stream: int) -> Media:
    left, top = bars.get("left", 0), bars.get("top", 0)
    return Media(
        path=used,
        width=seen.width - left - bars.get("right", 0),
        height=seen.height - top - bars.get("bottom", 0),
        pix_fmt=plain(seen.pix_fmt),
        bit_depth=bit_depth(seen.pix_fmt),
        frame_rate=work.frame_rate,
        frames=len(seen.pts),
        colour=work.colour,
        crop_x=left,
        crop_y=top,
        video_stream=stream,
        first_pts=seen.pts[0],
    )


def _survey_mezzanine(
    path: str, mezzanine: Path, seen: Survey, work: Work, deadline: float, timeout_s: float
) -> Survey:
    """Decode the mezzanine whole and hold it to what was asked for."""
    made = survey(str(mezzanine), 0, full_range=work.colour.range == "pc", timeout_s=_left(path, deadline, timeout_s))
    wanted = len(seen.pts) if work.shown is None else sum(work.shown)
    grid = [round(n / (work.frame_rate * made.time_base)) for n in range(wanted)]
    if made.pts != grid:
        raise SourceError(
            f"{path}: its mezzanine came out with {len(made.pts)} frames instead of {wanted}, or off their time; "
            "please report this with the file"
        )
    return made


def _refuse_hdr(path: str, high_range: dict[str, Any] | None) -> None:
    kind = (high_range or {}).get("transfer") or ("Dolby Vision" if "dolby_vision" in (high_range or {}) else None)
    if kind:
        raise SourceError(
            f"{path}: is HDR ({kind}), which is not supported yet: every score would come from a model made for SDR; "
            "tone-map it to SDR first"
        )


def _upright(path: str, facts: dict[str, Any]) -> int:
    degrees, mirrored = describe.rotation(facts)
    if mirrored or degrees % 90:
        how = "mirrored" if mirrored else f"turned by {degrees} degrees"
        raise SourceError(f"{path}: is to be shown {how}, which is not undone here; export it upright first")
    return degrees


def _settled(tags: Colour, pix_fmt: str) -> Colour:
    """Range and matrix where the pixel format says what the tags do not."""
    if pix_fmt.startswith("yuvj"):
        return replace(tags, range="pc")
    if is_rgb(pix_fmt):
        return replace(tags, range="pc", matrix="gbr")
    return tags


def _field_order(facts: dict[str, Any], seen: Survey) -> str:
    said = facts["video"].get("field_order", "unknown")
    if not seen.interlaced and said not in ("tt", "bb", "tb", "bt"):
        return "progressive"
    if facts["frame"].get("interlaced_frame"):
        return "tff" if facts["frame"].get("top_field_first") else "bff"
    return "bff" if said in ("bb", "tb") else "tff"


def _aspect(facts: dict[str, Any]) -> Fraction:
    said = facts["frame"].get("sample_aspect_ratio") or facts["video"].get("sample_aspect_ratio") or "1:1"
    across, down = (int(n) for n in said.split(":")) if ":" in said else (1, 1)
    return Fraction(across, down) if across > 0 and down > 0 else Fraction(1)


def _rates(seen: Survey, stamps: list[int]) -> tuple[Fraction | None, Fraction]:
    rate = constant_rate(stamps, seen.time_base, seen.declared)
    return rate, rate or average_rate(stamps, seen.time_base)


def _start_s(facts: dict[str, Any], seen: Survey) -> float:
    if seen.pts[0] is not None:
        return float(seen.pts[0] * seen.time_base)
    return float(facts["video"].get("start_time", 0.0))


def _ratio(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"


def _sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _left(path: str, deadline: float, timeout_s: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise SourceError(f"{path}: not probed within {timeout_s:g} s; raise probe.timeout_s")
    return left
