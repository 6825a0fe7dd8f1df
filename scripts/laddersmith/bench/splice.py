"""Titles spliced of pieces of real shots, with every cut and transition known to the frame.

All is decided by a seed, and done on the decoded 8-bit 4:2:0 planes; the result is encoded by x264 as one film.
"""

import itertools
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import ffmpeg
from ..errors import ToolError
from ..source import Media, frames

RATE = 25
GRADUAL = ("dissolve", "fade-black", "fade-white", "wipe")
GRADUAL_FRAMES = (6, 25)  # least and most of a gradual transition: a quarter of a second to a second
FLASH = 0.85  # how far a flash takes the picture to white
BLACK, WHITE, GREY = 16, 235, 128  # 8-bit code values in limited range; chroma of both is GREY

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Piece:
    """Frames `[start, end)` of one shot of a clip, and which part of the picture: all of it, or a corner enlarged.

    Pieces of one `scene` look alike.
    """

    scene: str
    media: Media
    start: int
    end: int
    view: str = "whole"  # "whole", or "left top", "right top", "left bottom", "right bottom"


@dataclass(frozen=True)
class Transition:
    """`first` to `last` are the frames in which both shots are seen; a hard cut has none: `last` is `first` - 1."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class Disturbance:
    """Frames `[start, end)` that are no cut and may look like one: "flash" or "pan"."""

    kind: str
    start: int
    end: int


@dataclass
class Plan:
    """What a title is made of: for each shot its piece, its length and whether the camera pans, and what joins them."""

    shots: list[tuple[Piece, int, int]] = field(default_factory=list)  # piece, frames in full, pixels a frame of pan
    transitions: list[Transition] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(length for _, length, _ in self.shots) + sum(t.last - t.first + 1 for t in self.transitions)


def plan(
    pieces: Sequence[Piece],
    *,
    seed: int,
    shots: int,
    lengths: tuple[int, int],
    kinds: Sequence[str],
    flashes: float = 0.0,
    pans: float = 0.0,
    width: int = 768,
) -> Plan:
    """A title of `shots` shots.

    Parameters
    ----------
    pieces : what it is made of; neighbours are never of one scene.
    lengths : least and most frames of a shot, those of its transitions not counted.
    kinds : what the joins are, drawn evenly from these; "cut" or a kind of GRADUAL.
    flashes, pans : the share of shots that have one.
    width : of the title in pixels; a pan moves by 2 to 6 % of it a frame.
    """
    rng = np.random.default_rng(seed)
    made = Plan()
    joins = list(itertools.islice(itertools.cycle(kinds), shots - 1))
    rng.shuffle(joins)
    place, before = 0, ""
    for number in range(shots):
        others = [piece for piece in pieces if piece.scene != before]
        piece = others[rng.integers(len(others))]
        before = piece.scene
        length = int(rng.integers(lengths[0], lengths[1] + 1))
        pan = round(width * rng.uniform(0.02, 0.06)) if rng.random() < pans else 0
        made.shots.append((piece, length, pan))
        if pan:
            made.disturbances.append(Disturbance("pan", place, place + length))
        elif rng.random() < flashes and length > 40:
            start = place + int(rng.integers(15, length - 15))
            made.disturbances.append(Disturbance("flash", start, start + int(rng.integers(1, 4))))
        place += length
        if number < shots - 1:
            mixed = 0 if joins[number] == "cut" else int(rng.integers(GRADUAL_FRAMES[0], GRADUAL_FRAMES[1] + 1))
            made.transitions.append(Transition(joins[number], place, place + mixed - 1))
            place += mixed
    return made


def pictures(made: Plan, width: int, height: int) -> Iterator[Picture]:
    """The title's frames, one after the other: planes of luma, blue and red difference."""
    flashes = {frame for spot in made.disturbances if spot.kind == "flash" for frame in range(spot.start, spot.end)}
    place, shown = 0, _shown(made, 0, width, height)
    for number, (_, length, _) in enumerate(made.shots):
        for picture in itertools.islice(shown, length):
            yield _mixed(picture, _flat(WHITE, width, height), FLASH) if place in flashes else picture
            place += 1
        if number == len(made.shots) - 1:
            return
        join, coming = made.transitions[number], _shown(made, number + 1, width, height)
        mixed = join.last - join.first + 1
        for step in range(mixed):
            yield _joined(join.kind, next(shown), next(coming), (step + 1) / (mixed + 1))
            place += 1
        shown = coming


def write(path: Path, made: Plan, width: int, height: int) -> Media:
    """The title as an x264 film of `width` x `height` (CRF 20, two threads: equal bits wherever it is written).

    Raises
    ------
    ToolError
        If ffmpeg fails.
    """
    command = [ffmpeg.executable(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0", "-c:v", "libx264", "-preset", "veryfast"]
    command += ["-crf", "20", "-threads", "2", "-color_range", "tv", "-colorspace", "bt709", str(path)]
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=said)
        assert running.stdin is not None
        try:
            for picture in pictures(made, width, height):
                running.stdin.write(b"".join(plane.tobytes() for plane in picture))
            running.stdin.close()
        except BrokenPipeError:
            pass  # it has ended early, and said why
        if running.wait():
            said.seek(0)
            raise ToolError(f"ffmpeg cannot write the spliced title {path}: {said.read().decode(errors='replace')}")
    return Media(str(path), width, height, "yuv420p", 8, Fraction(RATE), made.frames)


def _shown(made: Plan, number: int, width: int, height: int) -> Iterator[Picture]:
    """The pictures of a shot, as many as are asked for: its piece forwards, backwards, forwards and so on."""
    piece, _, pan = made.shots[number]
    pieces = list(_views(piece, width, height, pan))
    back = pieces[-2:0:-1]
    travel = itertools.count()
    for picture in itertools.cycle(pieces + back):
        yield _panned(picture, pan * next(travel), width) if pan else picture


def _views(piece: Piece, width: int, height: int, pan: int) -> Iterator[Picture]:
    zoomed = piece.view != "whole"
    across, down = width * (2 if zoomed or pan else 1), height * (2 if zoomed else 1)
    for packed in frames(piece.media, piece.start, piece.end, width=across, height=down, pix_fmt="yuv420p"):
        picture = _planes(packed, across, down)
        x, y = (width if "right" in piece.view else 0), (height if "bottom" in piece.view else 0)
        yield _part(picture, 0 if pan else x, y, across if pan else width, height)


def _planes(packed: bytes, width: int, height: int) -> Picture:
    luma = width * height
    whole = np.frombuffer(packed, np.uint8)
    blue, red = whole[luma : luma + luma // 4], whole[luma + luma // 4 :]
    half = (height // 2, width // 2)
    return whole[:luma].reshape(height, width), blue.reshape(half), red.reshape(half)


def _part(picture: Picture, x: int, y: int, width: int, height: int) -> Picture:
    luma, blue, red = picture
    half = (slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2))
    return luma[y : y + height, x : x + width], blue[half], red[half]


def _panned(picture: Picture, travel: int, width: int) -> Picture:
    """The part of a wide picture that a camera sees that swings to its right edge and back."""
    travel %= 2 * width
    x = min(travel, 2 * width - travel) // 2 * 2
    return _part(picture, x, 0, width, picture[0].shape[0])


def _flat(luma: int, width: int, height: int) -> Picture:
    chroma = np.full((height // 2, width // 2), GREY, np.uint8)
    return np.full((height, width), luma, np.uint8), chroma, chroma


def _mixed(old: Picture, new: Picture, share: float) -> Picture:
    """`share` of the new picture and the rest of the old."""
    planes = (a + (b.astype(np.float32) - a) * np.float32(share) for a, b in zip(old, new, strict=True))
    luma, blue, red = (np.rint(plane).astype(np.uint8) for plane in planes)
    return luma, blue, red


def _joined(kind: str, old: Picture, new: Picture, share: float) -> Picture:
    """The picture at `share` of a transition, above 0 and below 1."""
    height, width = old[0].shape
    if kind == "dissolve":
        return _mixed(old, new, share)
    if kind in ("fade-black", "fade-white"):
        between = _flat(BLACK if kind == "fade-black" else WHITE, width, height)
        return _mixed(old, between, 2 * share) if share < 0.5 else _mixed(between, new, 2 * share - 1)
    edge = round(width * share / 2) * 2
    planes = []
    for a, b in zip(old, new, strict=True):
        here = edge * a.shape[1] // width
        planes.append(np.concatenate([b[:, :here], a[:, here:]], axis=1))
    luma, blue, red = planes
    return luma, blue, red
