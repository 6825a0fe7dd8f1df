"""What the packager's manifests lack: languages, names and flags of tracks, one aspect ratio, peaks of short titles."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..jsonfile import write_text
from .manifests import (
    NAMESPACE,
    XSI,
    attributes_of,
    peak_bps,
    read_manifest,
    read_master,
    read_playlist,
    tag,
)
from .tracks import Track

ROLE = "urn:mpeg:dash:role:2011"
BARE = {
    "BANDWIDTH",
    "AVERAGE-BANDWIDTH",
    "RESOLUTION",
    "FRAME-RATE",
    "SCORE",
    "DEFAULT",
    "AUTOSELECT",
    "FORCED",
    "TYPE",
}


def finish_master(path: Path, tracks: list[Track], scores: Sequence[float]) -> None:
    """Rewrite the master playlist: tracks as the source has them, BANDWIDTH the measured peak, and where there are
    codecs of several formats a SCORE for every variant, in their order.

    The packager leaves segments shorter than half the target duration out of the peak, so that it may lie
    under the average; and lets a peak pass that a short last segment makes together with the one before it.
    """
    by_uri = {f"{track.kind}/{track.stem}.m3u8": track for track in tracks}
    sound = [t for t in read_master(path) if t.name == "#EXT-X-MEDIA" and t.attributes["TYPE"] == "AUDIO"]
    loudest = max((_peak(path, t.uri) for t in sound), default=0)
    lines = path.read_text(encoding="utf-8").splitlines()
    formats = {t.attributes["CODECS"].split(".")[0] for t in read_master(path) if t.name == "#EXT-X-STREAM-INF"}
    left = iter(scores)
    for number, line in enumerate(lines):
        name, _, rest = line.partition(":")
        attributes = attributes_of(rest)
        if name == "#EXT-X-MEDIA":
            attributes = _flags(attributes, by_uri[attributes["URI"]])
        elif name == "#EXT-X-STREAM-INF":
            attributes = _bandwidth(attributes, _peak(path, lines[number + 1]) + loudest)
            attributes |= {"SCORE": f"{next(left):.2f}"} if len(formats) > 1 else {}
        elif name == "#EXT-X-I-FRAME-STREAM-INF":
            attributes = _bandwidth(attributes, _peak(path, attributes["URI"]))
        else:
            continue
        lines[number] = f"{name}:{','.join(_attribute(*item) for item in attributes.items())}"
    _replace(path, "\n".join(lines) + "\n")


def finish_manifest(path: Path, tracks: list[Track], display: tuple[int, int], target_s: int) -> None:
    """Rewrite the MPD: adaptation sets numbered in the order of their streams, languages, labels and roles, peaks,
    the display's aspect ratio as the one of every picture (rungs differ from it by the rounding to even sides), and
    where there are several sets of pictures their selectionPriority (ISO/IEC 23009-1, 5.3.3), the first one's the
    greatest.
    """
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", XSI)
    tree = ET.parse(path)
    period = tree.getroot().find(tag("Period"))
    assert period is not None
    peaks = {r.attributes["id"]: peak_bps(r.segments, target_s) for r in read_manifest(path)}
    shape = Fraction(*display)
    labelled = {(track.kind, track.stem): track for track in tracks}
    groups = sorted(period.findall(tag("AdaptationSet")), key=_first_stream)
    pictures = [group for group in groups if group.attrib["contentType"] == "video"]
    for place, group in enumerate(pictures if len(pictures) > 1 else []):
        group.set("selectionPriority", str(len(pictures) - place))
    for number, group in enumerate(groups):
        period.remove(group)
        period.append(group)
        group.set("id", str(number))
        kind = group.attrib["contentType"]
        if kind == "video":
            group.set("par", f"{shape.numerator}:{shape.denominator}")
        else:
            _describe(group, labelled[kind, group.findtext(tag("Label"), "")])
        for element in (group, *group.findall(tag("Representation"))):
            for rate in {"frameRate", "maxFrameRate"} & set(element.attrib):
                element.set(rate, str(Fraction(element.attrib[rate])))
        for template in group.iter(tag("SegmentTemplate")):
            # The packager would move a track that begins within its first AAC frame to zero, away from the picture.
            template.attrib.pop("presentationTimeOffset", None)
        for representation in group.findall(tag("Representation")):
            bandwidth = max(int(representation.attrib["bandwidth"]), peaks[representation.attrib["id"]])
            representation.set("bandwidth", str(bandwidth))
    ET.indent(tree)
    _replace(path, ET.tostring(tree.getroot(), encoding="unicode", xml_declaration=False), xml=True)


def _peak(master: Path, uri: str) -> int:
    playlist = read_playlist(master.parent / uri)
    return peak_bps(playlist.segments, playlist.target_s)


def _bandwidth(attributes: dict[str, str], peak: int) -> dict[str, str]:
    known = (peak, int(attributes["BANDWIDTH"]), int(attributes["AVERAGE-BANDWIDTH"]))
    return attributes | {"BANDWIDTH": str(max(known))}


def _flags(attributes: dict[str, str], track: Track) -> dict[str, str]:
    said = {key: value for key, value in attributes.items() if key not in ("LANGUAGE", "FORCED")}
    said |= {"NAME": track.name, "DEFAULT": "YES" if track.default else "NO", "AUTOSELECT": "YES"}
    if track.language != "und":
        said["LANGUAGE"] = track.language
    if track.forced:
        said["FORCED"] = "YES"
    return said


def _attribute(name: str, value: str) -> str:
    return f"{name}={value}" if name in BARE or (name, value) == ("CLOSED-CAPTIONS", "NONE") else f'{name}="{value}"'


def _describe(group: ET.Element, track: Track) -> None:
    """Language, label and roles, in the order of the DASH schema."""
    for child in [*group.findall(tag("Label")), *group.findall(tag("Role"))]:
        group.remove(child)
    group.set("lang", track.language)
    label = ET.Element(tag("Label"))
    label.text = track.name
    roles = ["subtitle"] if track.kind == "text" else []
    roles += ["forced-subtitle"] if track.forced else []
    roles += ["main" if track.default else "alternate"]
    for place, element in enumerate(
        [label, *(ET.Element(tag("Role"), schemeIdUri=ROLE, value=role) for role in roles)]
    ):
        group.insert(place, element)


def _first_stream(group: ET.Element) -> int:
    return min(int(element.attrib["id"]) for element in group.findall(tag("Representation")))


def _replace(path: Path, text: str, xml: bool = False) -> None:
    write_text(path, ('<?xml version="1.0" encoding="UTF-8"?>\n' if xml else "") + text.rstrip() + "\n")
