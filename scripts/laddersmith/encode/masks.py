"""Maps of a picture made into few boxes: from a mask (an image, or a video in grey), or from any other map."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..source import Media
from ..source.frames import opened
from .regions import BLOCK, Box

CELLS = 48  # of a map at most across the picture's longer side: finer edges would cost boxes and gain nothing
MAX_BOXES = 24
SHAPE_TOLERANCE = 0.02  # by which a mask's ratio of sides may differ from the picture's: rounding of small sizes

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Boxed:
    """What a map came to.

    Attributes
    ----------
    boxes : the first of those that hold a cell decides.
    marked : share of the picture whose level is not 0. held : share of that to which the boxes give its very level.
    """

    boxes: tuple[Box, ...]
    marked: float
    held: float


def cell_edges(width: int, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges in pixels of the cells of a map, across and down: squares of whole blocks, but for the last ones."""
    side = BLOCK * max(1, -(-max(width, height) // (CELLS * BLOCK)))
    return tuple(np.append(np.arange(0, length, side), length) for length in (width, height))  # type: ignore[return-value]


def cells(picture: NDArray[np.floating], width: int, height: int) -> Floats:
    """Mean of a map [rows, columns] in each cell of a picture of `width` x `height`, over which it is spread."""
    across, down = cell_edges(width, height)
    rows, columns = picture.shape
    shrinks = rows * columns > width * height
    spread = cv2.resize(
        picture.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    ).astype(np.float64)
    sums = np.add.reduceat(np.add.reduceat(spread, down[:-1], axis=0), across[:-1], axis=1)
    return sums / np.outer(np.diff(down), np.diff(across))


def levels_of(values: Floats, levels: int) -> Levels:
    """Each value of 0 to 1 as the nearest of `levels` + 1 equal steps, 0 to `levels`; halves go up."""
    return np.floor(np.clip(values, 0.0, 1.0) * levels + 0.5).astype(np.int64)


def boxes_from(levels: Levels, offsets: Sequence[float], width: int, height: int) -> Boxed:
    """Boxes that give each cell of a picture of `width` x `height` the offset of its level.

    The highest level comes first. Of each level, the rectangle with the most cells that no box holds yet is taken, time
    and again, from the cells of that level and higher ones, which are held already; at most MAX_BOXES in all, so that
    the smallest patches are left out where there are more. A last box gives the rest of the picture the offset of
    level 0, where that is not 0.

    Parameters
    ----------
    levels : [rows, columns], 0 for the rest of the picture. offsets : by level.
    """
    across, down = cell_edges(width, height)
    area = np.outer(np.diff(down), np.diff(across)) / (width * height)
    found: list[Box] = []
    given = np.zeros_like(levels)
    for level in range(len(offsets) - 1, 0, -1):
        allowed = levels >= level
        while len(found) < MAX_BOXES:
            waiting = np.where(allowed & (given == 0), area, 0.0)
            top, bottom, left, right = _largest(allowed, waiting)
            if not waiting[top:bottom, left:right].any():
                break
            part = given[top:bottom, left:right]
            part[part == 0] = level
            x, y = float(across[left] / width), float(down[top] / height)
            sides = float(across[right] / width) - x, float(down[bottom] / height) - y
            found.append(Box(x, y, *sides, offsets[level]))
    marked = float(area[levels > 0].sum())
    held = float(area[(levels > 0) & (given == levels)].sum()) / marked if marked else 1.0
    if offsets[0]:
        found.append(Box(0.0, 0.0, 1.0, 1.0, offsets[0]))
    return Boxed(tuple(found), marked, held)


def file_sha256(path: Path) -> str:
    """Hash of a mask's bytes, by which it is told; nothing is told of where it lay.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(
            f"mask {path}: cannot be read ({error.strerror}); name a picture or a video in grey"
        ) from error


def read_mask(path: Path, media: Media, spans: Sequence[tuple[int, int]]) -> Iterator[Floats]:
    """The mask of each stretch of frames [start, end), 0 (black) to 1 (white): the one picture of an image, or the mean
    of a video's frames there.

    Parameters
    ----------
    spans : rising, without overlap.

    Raises
    ------
    SourceError
        If the file cannot be decoded, or has not the picture's shape or as many frames as the title.
    """
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is not None:
        _check_shape(image.shape[1], image.shape[0], media, path)
        shown = image.astype(np.float64) / 255
        yield from (shown for _ in spans)
        return
    read = 0
    with opened(str(path)) as container:
        if not container.streams.video:
            raise SourceError(f"mask {path}: has no picture; give an image or a video in grey")
        frames = container.decode(container.streams.video[0])
        for start, end in spans:
            total: Floats | None = None
            for frame in itertools.islice(frames, end - read):
                if read == 0:
                    _check_shape(frame.width, frame.height, media, path)
                if read >= start:
                    grey = frame.reformat(format="gray", dst_color_range="JPEG").to_ndarray().astype(np.float64) / 255
                    total = grey if total is None else total + grey
                read += 1
            if total is not None and read == end:
                yield total / (end - start)
        read += sum(1 for _ in frames)
    if read != media.frames:
        raise SourceError(
            f"mask {path}: has {read} frames, but the title {media.frames}; give it as many, or an image for all"
        )


def _check_shape(width: int, height: int, media: Media, path: Path) -> None:
    if abs(width * media.height / (height * media.width) - 1) > SHAPE_TOLERANCE:
        raise SourceError(
            f"mask {path}: is {width}x{height}, but the title's picture {media.width}x{media.height}; "
            "give it the picture's shape, without bars that are cut away"
        )


def _largest(allowed: NDArray[np.bool_], waiting: Floats) -> tuple[int, int, int, int]:
    """Top, bottom, left and right (ends excluded) of the rectangle of allowed cells in which the most is waiting."""
    rows, columns = allowed.shape
    best, place = -1.0, (0, 0, 0, 0)
    for top in range(rows):
        clear = np.ones(columns, bool)
        gains = np.zeros(columns)
        for bottom in range(top, rows):
            clear &= allowed[bottom]
            gains += waiting[bottom]
            if not clear.any():
                break
            ends = np.flatnonzero(np.diff(np.concatenate(([0], clear.astype(np.int8), [0]))))
            for left, right in zip(ends[::2], ends[1::2], strict=True):
                gain = float(gains[left:right].sum())
                if gain > best + 1e-12:
                    best, place = gain, (top, bottom + 1, int(left), int(right))
    return place
