"""What regions of another quality really change: PSNR and bits of the same settings with and without them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import source, tables
from ..encode import box
from ..encode.regions import Box, Region, regions
from ..errors import EncodeError
from ..provenance import versions
from ..quality.decode import Encode, plane_shapes, sample_type
from ..quality.engine import Distorted
from ..quality.features.psnr import psnr
from ..quality.picture import subsampling_and_depth
from ..quality.reference import title_reference
from ..search import plan_grid
from ..source import Media
from .curves import Curve, quality_difference, rate_difference

SCHEMA = "laddersmith/roi/1"
PLAIN = "-plain"  # ends the name of a variant's twin without regions
PARTS = ("inside", "outside", "whole")
Asked = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Squared errors of luma and samples, in the part of the picture that is to be better, and in the rest."""

    inside: int = 0
    inside_samples: int = 0
    outside: int = 0
    outside_samples: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def psnr(self, part: str, depth: int) -> float | None:
        """In dB, over one of PARTS; None where it has no samples."""
        parts = ("inside", "outside") if part == "whole" else (part,)
        samples = sum(getattr(self, f"{name}_samples") for name in parts)
        return psnr(sum(getattr(self, name) for name in parts), samples, depth) if samples else None


def offsets_of(found: Sequence[Region], width: int, height: int) -> Asked:
    """What is asked of the quantizer at each pixel [height, width]: the first region that holds it decides."""
    asked = np.zeros((height, width))
    for region in reversed(found):
        asked[region.y : region.y + region.height, region.x : region.x + region.width] = float(region.offset)
    return asked


def better_parts(asked: Mapping[int, Asked], frames: Mapping[int, int]) -> dict[int, NDArray[np.bool_]]:
    """By shot, the pixels whose offset is below the mean over all shots and frames: those that are to be better."""
    mean = sum(asked[shot].mean() * frames[shot] for shot in asked) / sum(frames[shot] for shot in asked)
    return {shot: one < mean - 1e-9 for shot, one in asked.items()}


def twins(variants: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every variant that has regions, and after it the same without them, named with PLAIN."""
    found: dict[str, dict[str, Any]] = {}
    for name, settings in variants.items():
        if settings["roi"] is not None:
            found[name] = dict(settings)
            found[f"{name}{PLAIN}"] = {**settings, "roi": None}
    return found


def measure_regions(
    media: Media,
    shots: pd.DataFrame,
    variants: Mapping[str, Mapping[str, Any]],
    sets: Mapping[str, Mapping[int, Sequence[Box]]],
    *,
    title: str,
    height: int,
    encode: Callable[[pd.DataFrame, Mapping[str, Mapping[str, Any]]], pd.DataFrame],
    folder: Path,
    threads: int,
) -> list[dict[str, Any]]:
    """The `variants` of `roi.json` (config/schemas/roi.json): each one with regions against itself without them.

    PSNR is that of luma against the scaled source, as the encoder got it, at the encode's own size: of the summed
    squared errors of a part of the picture over all frames of the shots.

    Parameters
    ----------
    shots : the rows of tables.SHOTS that are measured. variants : of the config, those with regions among them.
    sets : boxes by set and shot. height : of the box in which they are encoded.
    encode : from a plan and the variants that it names to a table of tables.ENCODES, whose files lie in `folder`.

    Raises
    ------
    EncodeError
        If encodes with regions are the same as without: the encoder ignored them; or no pixel is to be better.
    """
    asked = twins(variants)
    size = box(media.width, media.height, height)
    encodes = encode(plan_grid(shots["shot"].tolist(), asked, {height: size}), asked)
    lengths = {int(row.shot): int(row.end - row.start) for row in tables.rows(shots)}
    found = []
    for name in (name for name in asked if not name.endswith(PLAIN)):
        settings = asked[name]
        boxes = sets[settings["roi"]]
        inside = better_parts({shot: offsets_of(regions(boxes[shot], *size), *size) for shot in lengths}, lengths)
        share = sum(inside[shot].mean() * lengths[shot] for shot in inside) / sum(lengths.values())
        what = f"{title}, {name} at {height}p"
        if not share:
            raise EncodeError(f"{what}: its regions {settings['roi']} ask for the same quality all over these shots")
        mine = encodes[encodes["variant"].isin([name, f"{name}{PLAIN}"])]
        errors = _errors(media, shots, mine, inside, folder, size, title, threads)
        points = list(_points(mine, errors, name, media))
        if all(one["regions"] == one["plain"] for one in points):
            raise EncodeError(
                f"{what}: its encodes are the same with regions and without, so the encoder ignored them; leave roi out"
            )
        codec, preset = settings["codec"], settings["preset"]
        row = {"variant": name, "codec": codec, "preset": preset, "roi": settings["roi"], "inside_share": float(share)}
        found.append(row | {"points": points} | _differences(points, codec, preset))
    return found


def roi_facts(
    rows: Sequence[Mapping[str, Any]], *, title: str, shots: pd.DataFrame, media: Media, height: int
) -> dict[str, Any]:
    """`roi.json`: the variants, and what they were measured on."""
    width, picture_height = box(media.width, media.height, height)
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "title": title,
        "shots": [int(shot) for shot in shots["shot"]],
        "frames": int((shots["end"] - shots["start"]).sum()),
        "height": height,
        "width": width,
        "picture_height": picture_height,
        "variants": [dict(row) for row in rows],
    }


def _errors(
    media: Media,
    shots: pd.DataFrame,
    encodes: pd.DataFrame,
    inside: Mapping[int, NDArray[np.bool_]],
    folder: Path,
    size: tuple[int, int],
    title: str,
    threads: int,
) -> dict[tuple[str, str], Errors]:
    """By variant and CRF, over all shots."""
    total: dict[tuple[str, str], Errors] = defaultdict(Errors)
    for span in tables.rows(shots):
        rows = tables.rows(encodes[encodes["shot"] == span.shot])
        for row, errors in _shot_errors(media, span, list(rows), inside[int(span.shot)], folder, size, title, threads):
            total[row.variant, row.crf] += errors
    return total


def _shot_errors(
    media: Media,
    span: Any,
    rows: list[Any],
    inside: NDArray[np.bool_],
    folder: Path,
    size: tuple[int, int],
    title: str,
    threads: int,
) -> Iterator[tuple[Any, Errors]]:
    """A shot's encodes, each decoded beside the frames that its encoder got."""
    width, height = size
    pix_fmt = rows[0].pix_fmt
    start, end = int(span.start), int(span.end)
    reference = title_reference(media, size, what=f"{title}, shot {span.shot}", start=start, end=end)
    reference = replace(reference, width=width, height=height, pix_fmt=pix_fmt)
    files = [
        Encode(
            Distorted(f"{reference.what}, {row.variant} CRF {row.crf}", folder / row.file, *size, pix_fmt),
            reference,
            pix_fmt,
        )
        for row in rows
    ]
    sums = [Errors()] * len(rows)
    samples = int(inside.sum()), int(inside.size - inside.sum())
    shape = plane_shapes(pix_fmt, width, height)[0]
    given = source.frames(media, start, end, width=width, height=height, pix_fmt=pix_fmt, threads=threads)
    try:
        for packed in given:
            luma = np.frombuffer(packed, sample_type(pix_fmt))[: shape[0] * shape[1]].reshape(shape).astype(np.int64)
            for place, one in enumerate(files):
                planes = one.planes()
                if planes is None:
                    raise EncodeError(f"{one.what}: the encode is shorter than its shot; delete it and encode again")
                squares = (planes[0].astype(np.int64) - luma) ** 2
                better, whole = int(squares[inside].sum()), int(squares.sum())
                sums[place] += Errors(better, samples[0], whole - better, samples[1])
    finally:
        for one in files:
            one.close()
    return zip(rows, sums, strict=True)


def _points(encodes: pd.DataFrame, errors: Mapping[tuple[str, str], Errors], name: str, media: Media) -> Iterator[dict]:
    """A row per CRF, from most bits to fewest: bitrate and PSNR with regions and without."""
    crfs = sorted(encodes["crf"].unique(), key=lambda crf: -int(encodes.loc[encodes["crf"] == crf, "bytes"].sum()))
    for crf in crfs:
        sides: dict[str, Any] = {}
        for side, variant in (("regions", name), ("plain", f"{name}{PLAIN}")):
            rows = encodes[(encodes["variant"] == variant) & (encodes["crf"] == crf)]
            depth = subsampling_and_depth(rows["pix_fmt"].iloc[0])[1]
            kbps = rows["bytes"].sum() * 8 / 1000 / float(rows["frames"].sum() / media.frame_rate)
            found = errors[variant, crf]
            sides[side] = {f"psnr_{part}": found.psnr(part, depth) for part in PARTS}
            sides[side]["bitrate_kbps"] = float(kbps)
        yield {"crf": crf} | sides


def _differences(points: Sequence[Mapping[str, Any]], codec: str, preset: str) -> dict[str, Any]:
    """BD-rates and mean differences of PSNR at equal bitrate, by part; the mean change of bits at equal CRF."""
    found: dict[str, Any] = {}
    for part in PARTS:
        plain, with_regions = (_curve(points, side, part, codec, preset) for side in ("plain", "regions"))
        if plain is None or with_regions is None:
            rate, why, gain = None, "the regions take in all of the picture", None
        else:
            (rate, why), gain = rate_difference(plain, with_regions), quality_difference(plain, with_regions)
        found[part] = {"bd_rate_pct": rate, "why_none": why, "psnr_db": gain}
    ratios = [one["regions"]["bitrate_kbps"] / one["plain"]["bitrate_kbps"] for one in points]
    return {"parts": found, "bits_pct": 100 * (float(np.exp(np.mean(np.log(ratios)))) - 1)}


def _curve(points: Sequence[Mapping[str, Any]], side: str, part: str, codec: str, preset: str) -> Curve | None:
    rows = [(one[side]["bitrate_kbps"], one[side][f"psnr_{part}"]) for one in points]
    if any(quality is None for _, quality in rows):
        return None
    return Curve(
        side, codec, preset, pd.DataFrame(rows, columns=["bitrate_kbps", "quality"]).sort_values("bitrate_kbps")
    )
