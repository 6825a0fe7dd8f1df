"""The regions of a title: every named set of the config as boxes, shot by shot."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..errors import SourceError
from ..provenance import versions
from ..roi import kind_of
from ..source import Media
from .masks import Boxed, boxes_from, cell_edges, cells, file_sha256, levels_of, read_mask
from .regions import Box, decimal, listed
from .saliency import most_salient, shot_saliency

log = logging.getLogger(__name__)

SCHEMA = "laddersmith/regions/1"


def title_regions(
    media: Media,
    shots: pd.DataFrame,
    sets: Mapping[str, Mapping[str, Any]],
    masks: Mapping[str, Path],
    *,
    title: str,
    threads: int,
) -> dict[str, Any]:
    """`regions.json` (config/schemas/regions.json): for each set and shot of the title, its boxes.

    Parameters
    ----------
    shots : rows of tables.SHOTS. sets : of the config's `roi`, by name, without the paths of masks.
    masks : the file of each set that has one. threads : that decode the title at most.

    Raises
    ------
    SourceError
        If a mask does not fit the title or marks nothing, or a frame cannot be read.
    """
    made: dict[str, Any] = {}
    for name, asked in sets.items():
        mask = masks.get(name)
        try:
            sha256 = file_sha256(mask) if mask else None
            found = list(_boxed(media, shots, asked, mask, threads))
        except SourceError as error:
            raise SourceError(f"{title}, regions {name}: {error}") from error
        if asked["boxes"] is None and not any(one.marked for one in found):
            raise SourceError(f"{title}, regions {name}: {_nothing(asked)}")
        for row, one in zip(tables.rows(shots), found, strict=True):
            if one.held < 1:
                log.info("%s, regions %s, shot %d: boxes hold %.1f %%", title, name, row.shot, 100 * one.held)
        rows = [
            {"shot": int(row.shot), "boxes": listed(one.boxes), "marked": one.marked, "held": one.held}
            for row, one in zip(tables.rows(shots), found, strict=True)
        ]
        made[name] = {"kind": kind_of(asked), "mask_sha256": sha256, "shots": rows}
    return {"schema": SCHEMA, "versions": versions(), "title": title, "sets": made}


def _nothing(asked: Mapping[str, Any]) -> str:
    if asked["mask"] is not None:
        return "the mask is too dark everywhere, so that it marks nothing; paint white what it shall mark"
    return "nothing in any shot is salient at this share of the picture; set a greater share"


def _boxed(
    media: Media, shots: pd.DataFrame, asked: Mapping[str, Any], mask: Path | None, threads: int
) -> Iterator[Boxed]:
    """A shot's boxes after another's."""
    spans = [(int(row.start), int(row.end)) for row in tables.rows(shots)]
    background = asked["background"]
    if asked["boxes"] is not None:
        given = [Box(**box) for box in asked["boxes"]]
        rest = [Box(0.0, 0.0, 1.0, 1.0, background)] if background else []
        yield from (Boxed((*given, *rest), _union(given, media), 1.0) for _ in spans)
        return
    made = asked["mask"] if asked["saliency"] is None else asked["saliency"]
    steps = made["levels"]
    offsets = [
        float(decimal(round(background + (made["offset"] - background) * k / steps, 6))) for k in range(steps + 1)
    ]
    width, height = media.width, media.height
    if mask is not None:
        for picture in read_mask(mask, media, spans):
            yield boxes_from(levels_of(cells(picture, width, height), steps), offsets, width, height)
        return
    across, down = cell_edges(width, height)
    weights = np.outer(np.diff(down), np.diff(across)) / (width * height)
    for start, end in spans:
        seen = shot_saliency(media, start, end, method=made["method"], frames=made["frames"], threads=threads)
        levels = most_salient(cells(seen, width, height), weights, made["share"], steps)
        yield boxes_from(levels, offsets, width, height)


def _union(boxes: list[Box], media: Media) -> float:
    """Share of the title's picture that is in any of the boxes, to a pixel."""
    inside = np.zeros((media.height, media.width), bool)
    for box in boxes:
        rows = slice(round(box.y * media.height), round((box.y + box.height) * media.height))
        inside[rows, round(box.x * media.width) : round((box.x + box.width) * media.width)] = True
    return float(inside.mean())
