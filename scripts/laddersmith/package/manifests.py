"""Reading HLS playlists and DASH manifests, as strictly as the package needs."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..errors import PackageError
from ..ladder.peak import peak_rate

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,"]*)(?:,|$)')


@dataclass(frozen=True)
class Tag:
    """One EXT-X line with attributes, and the line after it where that is a URI."""

    name: str
    attributes: dict[str, str]
    uri: str


@dataclass(frozen=True)
class Segment:
    """A file (or bytes [offset, offset + size) of it), and its duration in seconds."""

    file: Path
    duration_s: Fraction
    size: int


@dataclass(frozen=True)
class Playlist:
    """A media playlist: its header and segments; `target_s` is its target duration."""

    init: Path | None
    target_s: int
    segments: list[Segment]


@dataclass(frozen=True)
class Representation:
    """A DASH representation with its adaptation set's attributes beneath its own; `start_s` is of its first segment."""

    attributes: dict[str, str]
    adaptation_set: dict[str, str]
    init: Path
    start_s: Fraction
    segments: list[Segment]


def read_master(path: Path) -> list[Tag]:
    """The master playlist's EXT-X-MEDIA, EXT-X-STREAM-INF and EXT-X-I-FRAME-STREAM-INF lines, values without quotes.

    Raises
    ------
    PackageError
        If the file is no playlist.
    """
    lines = _lines(path)
    tags = []
    for number, line in enumerate(lines):
        name, _, rest = line.partition(":")
        if name in ("#EXT-X-MEDIA", "#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF"):
            attributes = attributes_of(rest)
            uri = (
                lines[number + 1]
                if name == "#EXT-X-STREAM-INF" and number + 1 < len(lines)
                else attributes.get("URI", "")
            )
            tags.append(Tag(name, attributes, uri))
    return tags


def attributes_of(text: str) -> dict[str, str]:
    """An attribute list (RFC 8216, 4.2), quotes removed."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def read_playlist(path: Path) -> Playlist:
    """A media playlist; files are resolved against its folder.

    Raises
    ------
    PackageError
        If the file is no complete playlist, or names a file that is not there.
    """
    init, target_s, segments = None, 0, []
    duration_s, size = Fraction(0), 0
    lines = _lines(path)
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "#EXT-X-TARGETDURATION":
            target_s = int(rest)
        elif name == "#EXT-X-MAP":
            init = path.parent / attributes_of(rest)["URI"]
        elif name == "#EXTINF":
            duration_s = Fraction(rest.split(",")[0])
        elif name == "#EXT-X-BYTERANGE":
            size = int(rest.split("@")[0])
        elif not line.startswith("#"):
            segments.append(Segment(path.parent / line, duration_s, size or _size(path.parent / line, path)))
            size = 0
    if lines[-1] != "#EXT-X-ENDLIST" or not segments:
        raise PackageError(f"{path}: has no segments or no end; delete the package and run again")
    return Playlist(init, target_s, segments)


def read_manifest(path: Path) -> list[Representation]:
    """Every representation of a static MPD with SegmentTemplate and SegmentTimeline, in the order of the file.

    Raises
    ------
    PackageError
        If the file is no such manifest, or names a file that is not there.
    """
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise PackageError(f"{path}: is no DASH manifest ({error}); delete the package and run again") from error
    found = []
    for group in root.iter(tag("AdaptationSet")):
        for element in group.iter(tag("Representation")):
            template = element.find(tag("SegmentTemplate"))
            if template is None:
                raise PackageError(f"{path}: a representation has no segments; delete the package and run again")
            scale, number = int(template.attrib["timescale"]), int(template.attrib["startNumber"])
            media = template.attrib["media"].replace("$Number%05d$", "{:05d}")
            segments, starts = [], []
            for entry in template.iter(tag("S")):
                starts.append(int(entry.attrib.get("t", 0)))
                for _ in range(int(entry.attrib.get("r", 0)) + 1):
                    file = path.parent / media.format(number)
                    segments.append(Segment(file, Fraction(int(entry.attrib["d"]), scale), _size(file, path)))
                    number += 1
            init = path.parent / template.attrib["initialization"]
            attributes = dict(group.attrib) | dict(element.attrib)
            found.append(Representation(attributes, dict(group.attrib), init, Fraction(starts[0], scale), segments))
    return found


def peak_bps(segments: list[Segment], target_s: int) -> int:
    """Peak bits per second: rounded up (see `ladder.peak.peak_rate`)."""
    return _ceil(peak_rate([s.size for s in segments], [s.duration_s for s in segments], target_s))


def average_bps(segments: list[Segment]) -> int:
    """Bits of all segments by seconds of all segments, rounded up."""
    return _ceil(8 * sum(s.size for s in segments) / sum((s.duration_s for s in segments), Fraction(0)))


def tag(name: str) -> str:
    """An element's name as ElementTree has it."""
    return f"{{{NAMESPACE}}}{name}"


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _size(file: Path, where: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise PackageError(
            f"{where}: names {file.name}, which is not there; delete the package and run again"
        ) from error


def _lines(path: Path) -> list[str]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"{path}: cannot be read ({error}); delete the package and run again") from error
    if not lines or lines[0] != "#EXTM3U":
        raise PackageError(f"{path}: is no HLS playlist; delete the package and run again")
    return lines
