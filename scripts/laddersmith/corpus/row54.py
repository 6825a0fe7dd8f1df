"""The row of vmaf-tune's corpus, version 3, with its 54 columns: checked, and put into our columns and back.

Source: https://github.com/lusoris/vmaf, tools/vmaf-tune: `CORPUS_ROW_KEYS`, and what its writer puts under each.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from ..corpus_columns import COLUMNS, SCHEMA
from ..encode.codecs import CODECS
from ..errors import CorpusError
from ..schema import nearest

VERSION = 3
FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
MEASURES = tuple(f"{name}_{pooled}" for pooled in ("mean", "std") for name in FEATURES)

# What an encoder tells of its first pass: their name (without enc_internal_), and ours without first_.
INTERNAL = {
    "qp_mean": "qp_mean",
    "qp_std": "qp_std",
    "bits_mean": "frame_bits_mean",
    "bits_std": "frame_bits_std",
    "mv_mean": "motion_bits_mean",
    "mv_std": "motion_bits_std",
    "itex_mean": "i_texture_bits_mean",
    "ptex_mean": "pb_texture_bits_mean",
    "intra_ratio": "intra_share",
    "skip_ratio": "skip_share",
}

WHOLE, NUMBER, TEXT, FLAG, LIST = "a whole number", "a number", "text", "true or false", "a list of texts"
KINDS: dict[str, str] = {
    "schema_version": WHOLE,
    **dict.fromkeys(("run_id", "timestamp", "src", "src_sha256"), TEXT),
    **dict.fromkeys(("width", "height"), WHOLE),
    "pix_fmt": TEXT,
    **dict.fromkeys(("framerate", "duration_s"), NUMBER),
    **dict.fromkeys(("encoder", "encoder_version", "preset"), TEXT),
    "crf": NUMBER,
    "extra_params": LIST,
    "encode_path": TEXT,
    "encode_size_bytes": WHOLE,
    **dict.fromkeys(("bitrate_kbps", "encode_time_ms", "vmaf_score"), NUMBER),
    "vmaf_model": TEXT,
    "score_time_ms": NUMBER,
    **dict.fromkeys(("ffmpeg_version", "vmaf_binary_version"), TEXT),
    "exit_status": WHOLE,
    **dict.fromkeys(("clip_mode", "hdr_transfer", "hdr_primaries"), TEXT),
    "hdr_forced": FLAG,
    "shot_count": WHOLE,
    **dict.fromkeys(("shot_avg_duration_sec", "shot_duration_std_sec"), NUMBER),
    **dict.fromkeys(MEASURES, NUMBER),
    **dict.fromkeys((f"enc_internal_{name}" for name in INTERNAL), NUMBER),
}
NEEDED = ("schema_version", "src", "encoder")  # what may not be null

TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
NAMES = {codec.encoder: codec.name for codec in CODECS.values()}
INT32, INT64 = 2**31, 2**63


def check(row: Mapping[str, Any], where: str) -> None:
    """Refuse what is no row of version 3.

    Raises
    ------
    CorpusError
        Naming `where` it stands ("corpus.jsonl, row 4"), the column, and what it must be.
    """
    version = row.get("schema_version")
    if version != VERSION or isinstance(version, bool):
        told = f"of schema_version {json.dumps(version)}" if "schema_version" in row else "without a schema_version"
        raise CorpusError(
            f"{where}: is a row {told}; only version {VERSION}, with {len(KINDS)} columns, is read: write it anew "
            "with a release that writes that version"
        )
    for key in row:
        if key not in KINDS:
            raise CorpusError(f"{where}: has the unknown column {key}{nearest(key, KINDS)}; remove it")
    missing = [key for key in KINDS if key not in row]
    if missing:
        raise CorpusError(
            f"{where}: lacks {', '.join(missing)}; give every one of the {len(KINDS)} columns, null where unknown"
        )
    for key, value in row.items():
        if value is None and key not in NEEDED:
            continue
        if not _is(value, KINDS[key]):
            shown = json.dumps(value, default=str)
            raise CorpusError(f"{where}: {key} is {shown[:200]}, not {KINDS[key]}; mend the row or remove it")


def from_row54(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Our row of one of theirs, checked first; NaN is read as empty.

    What `to_row54` would not give back to the letter is kept in the column `foreign`.

    Raises
    ------
    CorpusError
        As `check` says.
    """
    given = {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
    check(given, where)
    ours = dict.fromkeys(column.name for column in COLUMNS) | _ours(given)
    again = to_row54(ours)
    kept = {key: value for key, value in given.items() if json.dumps(again[key]) != json.dumps(value)}
    return ours | {"foreign": json.dumps(kept, sort_keys=True) if kept else None}


def to_row54(row: Mapping[str, Any]) -> dict[str, Any]:
    """Their row, with its 54 columns in their order, of one of ours; None where we have nothing to say."""
    again = _theirs(row) | json.loads(row["foreign"] or "{}")
    return {key: again[key] for key in KINDS}


def _is(value: Any, kind: str) -> bool:
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == LIST:
        return isinstance(value, list) and all(_is(item, TEXT) for item in value)
    if kind == TEXT:
        return isinstance(value, str) and value.encode(errors="replace").decode() == value
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (kind == NUMBER and isinstance(value, float) and math.isfinite(value))


def _ours(row: dict[str, Any]) -> dict[str, Any]:
    """Our columns of a checked row, as far as theirs say the same."""
    whole_title = row["clip_mode"] == "full"
    duration = _float(row["duration_s"])
    told = [row[f"enc_internal_{name}"] for name in INTERNAL]
    return {
        "schema": SCHEMA,
        "title": PurePath(row["src"]).stem,
        "span": "title" if whole_title else "sample",
        "shot": -1 if whole_title else None,
        "timing": "unknown",
        "source": row["src"],
        "source_sha256": row["src_sha256"],
        "source_transfer": TRANSFERS.get(row["hdr_transfer"]),
        "source_primaries": row["hdr_primaries"] or None,
        "frame_rate": None if row["framerate"] is None else _rational(row["framerate"]),
        "source_duration_s": duration,
        "duration_s": duration if whole_title else None,
        "shots": _whole(row["shot_count"], INT32) or None,
        "shot_mean_s": _float(row["shot_avg_duration_sec"]) if row["shot_count"] else None,
        "shot_std_s": _float(row["shot_duration_std_sec"]) if row["shot_count"] else None,
        "codec": NAMES.get(row["encoder"]),
        "encoder": row["encoder"],
        "preset": row["preset"],
        "rate": "quality",
        "pix_fmt": row["pix_fmt"],
        "width": _whole(row["width"], INT32),
        "picture_height": _whole(row["height"], INT32),
        "crf": None if row["crf"] is None else f"{Decimal(repr(row['crf'])).normalize():f}",
        "file": row["encode_path"] or None,
        "file_bytes": _whole(row["encode_size_bytes"], INT64),
        "bitrate_kbps": _float(row["bitrate_kbps"]),
        "encode_wall_s": _shifted(row["encode_time_ms"], -3),
        "model": row["vmaf_model"],
        "score_wall_s": _shifted(row["score_time_ms"], -3),
        "vmaf_mean": _float(row["vmaf_score"]),
        "ffmpeg_version": row["ffmpeg_version"],
        "encoder_version": row["encoder_version"],
        "score_version": row["vmaf_binary_version"],
        **{name: _float(row[name]) for name in MEASURES},
        **{
            f"first_{ours}": _float(row[f"enc_internal_{theirs}"]) if any(told) else None
            for theirs, ours in INTERNAL.items()
        },
    }


def _theirs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Their columns, as far as ours say the same."""
    hdr = {ours: theirs for theirs, ours in TRANSFERS.items()}.get(row["source_transfer"] or "", "")
    crf = row["crf"] if row["rate"] == "quality" else None
    size, length = row["file_bytes"], row["duration_s"]
    return {
        "schema_version": VERSION,
        "run_id": None,
        "timestamp": None,
        "src": row["source"],
        "src_sha256": row["source_sha256"],
        "width": row["width"],
        "height": row["picture_height"],
        "pix_fmt": row["pix_fmt"],
        "framerate": None if row["frame_rate"] is None else float(Fraction(row["frame_rate"])),
        "duration_s": row["source_duration_s"] if length is None else length,
        "encoder": row["encoder"],
        "encoder_version": row["encoder_version"],
        "preset": row["preset"],
        "crf": None if crf is None else float(crf) if "." in crf else int(crf),
        "extra_params": None,
        "encode_path": row["file"] or "",
        "encode_size_bytes": row["bytes"] if size is None else size,
        "bitrate_kbps": row["bitrate_kbps"],
        "encode_time_ms": _shifted(row["encode_wall_s"], 3),
        "vmaf_score": row["vmaf_mean"],
        "vmaf_model": row["model"],
        "score_time_ms": _shifted(row["score_wall_s"], 3),
        "ffmpeg_version": row["ffmpeg_version"],
        "vmaf_binary_version": row["score_version"],
        "exit_status": 0,
        "clip_mode": f"shot_{row['shot']}" if row["span"] == "shot" else "full",
        "hdr_transfer": hdr,
        "hdr_primaries": (row["source_primaries"] or "") if hdr else "",
        "hdr_forced": False,
        "shot_count": row["shots"] or 0,
        "shot_avg_duration_sec": row["shot_mean_s"] or 0.0,
        "shot_duration_std_sec": row["shot_std_s"] or 0.0,
        **{name: row[name] for name in MEASURES},
        **_internal(row),
    }


def _internal(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the encoder told of its first pass, or where there was one pass of that."""
    first = {theirs: row[f"first_{ours}"] for theirs, ours in INTERNAL.items()}
    if all(value is None for value in first.values()):
        whole = {"frame_bits_mean": _bits(row, "bytes"), "frame_bits_std": _bits(row, "frame_bytes_std")}
        first = {theirs: whole[ours] if ours in whole else row[ours] for theirs, ours in INTERNAL.items()}
        if row["motion_bits_mean"] is None:
            first = dict.fromkeys(first)
    return {f"enc_internal_{name}": value for name, value in first.items()}


def _bits(row: Mapping[str, Any], column: str) -> float | None:
    """Bits of a frame: of `bytes`, which are those of all frames, the mean."""
    if row[column] is None:
        return None
    return float(row[column] * 8 / (row["frames"] if column == "bytes" else 1))


def _float(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _whole(value: int | None, limit: int) -> int | None:
    """A whole number that its column can hold, else None."""
    return None if value is None or not -limit <= value < limit else value


def _rational(value: float) -> str:
    """The shortest decimal that reads as `value`, as num/den: exact both ways."""
    exact = Fraction(repr(value))
    return f"{exact.numerator}/{exact.denominator}"


def _shifted(value: float | None, digits: int) -> float | None:
    """`value` times a power of ten, by its decimal digits: 12.3 ms are 0.0123 s, not 0.012300000000000002."""
    moved = None if value is None else float(Decimal(repr(value)).scaleb(digits))
    return moved if moved is not None and math.isfinite(moved) else None
