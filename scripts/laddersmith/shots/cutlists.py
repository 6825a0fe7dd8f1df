"""Cuts read from a file that another tool or an editor wrote. The form goes by the name's ending.

`.csv`
    A column `frame`, the first frame of each shot after the first, counted from 0, and if wanted a column `transition`;
    or PySceneDetect's list of scenes (`Start Frame`, counted from 1, after an optional line `Timecode List:`).
`.json`
    What `python -m laddersmith shots --json` writes.
`.txt`
    TransNetV2's scenes: a line `first last` for each, counted from 0, both within the scene.
`.edl`
    An edit decision list in the form of CMX 3600, at the title's rate: the record-in times of the events that carry
    video, counted from the first one's. A dissolve or wipe is cut in its middle. Drop-frame time codes (SMPTE ST 12-1)
    after `FCM: DROP FRAME` or with a semicolon.
"""

import csv
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ShotsError
from ..source import Media
from .detector import Cut, Detector
from .settings import Settings

TIME = r"(\d\d):(\d\d):(\d\d)([:;])(\d\d)"
EVENT = re.compile(rf"^\d+\s+\S+\s+(\S+)\s+(C|D|W\d+|K\S*)(?:\s+(\d+))?\s+{TIME}\s+{TIME}\s+{TIME}\s+{TIME}\s*$")
LONGEST_FILE = 64 << 20  # bytes

Line = tuple[int, Cut]


class CutList(Detector):
    """The cuts of a file."""

    def __init__(self, file: str, media: Media) -> None:
        self.label = f"file ({Path(file).name})"
        self._cuts = read(Path(file), media)

    def picture_size(self, width: int, height: int) -> None:
        return None

    def see(self, picture: NDArray[np.uint8] | None) -> list[Cut]:
        return []

    def finish(self) -> list[Cut]:
        return self._cuts


def read(file: Path, media: Media) -> list[Cut]:
    """The cuts of a file, in order.

    Raises
    ------
    ShotsError
        If there is no such file, it is in none of the forms, or a cut lies outside the title; naming the line.
    """
    forms: dict[str, Callable[[Path, str, Media], list[Line]]] = {
        ".csv": _csv,
        ".json": _json,
        ".txt": _scenes,
        ".edl": _edl,
    }
    if not file.name:
        raise ShotsError("shot detector file reads its cuts from a file; set shots.cuts_file")
    if file.suffix.lower() not in forms:
        raise ShotsError(f"{file}: a list of cuts ends in {', '.join(forms)}; rename it after its form")
    try:
        if file.stat().st_size > LONGEST_FILE:
            raise ShotsError(f"{file}: larger than {LONGEST_FILE >> 20} MiB, which no list of cuts is")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ShotsError(f"{file}: cannot be read ({error}); set shots.cuts_file to a list of cuts") from error
    found: dict[int, Line] = {}
    for line, cut in forms[file.suffix.lower()](file, text, media):
        if not 0 < cut.frame < media.frames:
            raise _fault(
                file, line, f"frame {cut.frame} begins no shot; the title's frames are 0 to {media.frames - 1}"
            )
        if cut.frame in found and found[cut.frame][1] != cut:
            raise _fault(file, line, f"frame {cut.frame} stands in line {found[cut.frame][0]} already, as another cut")
        found[cut.frame] = line, cut
    return [cut for _, cut in sorted(found.values(), key=lambda one: one[1].frame)]


def _fault(file: Path, line: int, what: str) -> ShotsError:
    return ShotsError(f"{file}, line {line}: {what}")


def _number(file: Path, line: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _fault(file, line, f"{text!r} is no frame number") from None


def _csv(file: Path, text: str, media: Media) -> list[Line]:
    rows = list(enumerate(csv.reader(text.splitlines()), 1))
    rows = [(line, [cell.strip() for cell in row]) for line, row in rows if any(cell.strip() for cell in row)]
    if rows and rows[0][1][0].startswith("Timecode List"):
        rows = rows[1:]
    if not rows:
        raise _fault(file, 1, "there is no header; the first line names the column frame, or is PySceneDetect's")
    (head_line, head), *rows = rows
    column, first = ("Start Frame", 1) if "Start Frame" in head else ("frame", 0)
    if column not in head:
        raise _fault(file, head_line, "no column is called frame, nor Start Frame as in PySceneDetect's lists")
    place, kind = head.index(column), head.index("transition") if "transition" in head else None
    found = []
    for number, (line, row) in enumerate(rows):
        if len(row) != len(head):
            raise _fault(file, line, f"{len(row)} cells under {len(head)} headings")
        frame = _number(file, line, row[place]) - first
        if first and number == 0 and frame == 0:
            continue  # the first scene begins with no cut
        found.append((line, Cut(frame, row[kind] if kind is not None and row[kind] else "cut")))
    return found


def _json(file: Path, text: str, media: Media) -> list[Line]:
    try:
        value = json.loads(text)
        if value["schema"] != "laddersmith/shots/1":
            raise ValueError(f"its schema is {value['schema']!r}")
        return [(1, Cut(int(shot["start"]), str(shot["transition"]))) for shot in value["shots"][1:]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ShotsError(
            f"{file}: not what `python -m laddersmith shots --json` writes ({error!r}); write it anew"
        ) from error


def _scenes(file: Path, text: str, media: Media) -> list[Line]:
    found: list[Line] = []
    for line, row in enumerate(text.splitlines(), 1):
        cells = row.split()
        if not cells:
            continue
        if len(cells) != 2:
            raise _fault(file, line, "a scene is two numbers, its first frame and its last")
        start, end = (_number(file, line, cell) for cell in cells)
        if end < start:
            raise _fault(file, line, f"the scene ends at frame {end}, before it starts at {start}")
        if start:
            found.append((line, Cut(start)))
    return found


def _edl(file: Path, text: str, media: Media) -> list[Line]:
    drop, origin = False, None
    found: list[Line] = []
    for line, row in enumerate(text.splitlines(), 1):
        if row.startswith("FCM:"):
            drop = "NON" not in row and "DROP" in row
            continue
        if not re.match(r"\d+\s", row):
            continue  # titles, comments, effects
        event = EVENT.match(row)
        if not event:
            raise _fault(
                file, line, "not an event as CMX 3600 writes them (number, reel, track, edit, four time codes)"
            )
        track, edit, duration = event[1], event[2], event[3]
        times = [event.groups()[place : place + 5] for place in (13, 18)]
        start, end = (_frames(file, line, time, drop, media.frame_rate) for time in times)
        if "V" not in track.upper() and track.upper() != "B":
            continue
        origin = start if origin is None else origin
        if end < start:
            raise _fault(file, line, "the event ends before it starts")
        if end == start or (start == origin and edit == "C"):
            continue
        if edit == "C":
            found.append((line, Cut(start - origin)))
        else:
            middle = start - origin + int(duration or 0) // 2
            found.append((line, Cut(middle, "wipe" if edit.startswith("W") else "gradual")))
    if origin is None:
        raise ShotsError(f"{file}: holds no event that carries video; export the list anew")
    return found


def _frames(file: Path, line: int, time: tuple[str, ...], drop: bool, rate: Fraction) -> int:
    """The frame that a time code names.

    Dropping leaves out the numbers 0 and 1 (at 60: 0 to 3) of every minute but each tenth (SMPTE ST 12-1).
    """
    hours, minutes, seconds, frames = (int(time[place]) for place in (0, 1, 2, 4))
    nominal = round(rate)
    count = (hours * 3600 + minutes * 60 + seconds) * nominal + frames
    if minutes > 59 or seconds > 59 or frames >= nominal:
        raise _fault(file, line, f"{':'.join((*time[:3], time[4]))} is no time at {nominal} frames a second")
    if not (drop or time[3] == ";"):
        return count
    if rate not in (Fraction(30000, 1001), Fraction(60000, 1001)):
        raise _fault(file, line, f"drop-frame time codes are for 29.97 and 59.94 frames a second, the title has {rate}")
    left_out = nominal // 15
    if frames < left_out and seconds == 0 and minutes % 10:
        raise _fault(file, line, f"frame {frames} of a minute has no drop-frame time code")
    whole = hours * 60 + minutes
    return count - left_out * (whole - whole // 10)


def make(settings: Settings, media: Media) -> Detector:
    """The detector `file` for one title."""
    return CutList(settings.cuts_file, media)
