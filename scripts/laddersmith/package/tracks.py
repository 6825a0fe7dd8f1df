"""Which tracks of the source go into the package, under which names; the rest with the reason why not."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av

from ..errors import SourceError
from ..source.frames import opened

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
NAME_LENGTH = 60
# BCP 47 asks for the shortest code; containers have ISO 639-2's. Languages that are not here keep their three letters.
SHORT = dict(
    re.findall(
        r"(\w{3}) (\w\w)",
        """
    ara ar bel be ben bn bos bs bul bg cat ca ces cs chi zh cym cy cze cs dan da deu de dut nl ell el eng en est et
    eus eu fas fa fin fi fra fr fre fr ger de gle ga glg gl gre el heb he hin hi hrv hr hun hu hye hy ice is ind id
    isl is ita it jpn ja kan kn kat ka kaz kk kor ko lav lv lit lt mac mk mal ml mar mr may ms mkd mk mlt mt msa ms
    nld nl nor no nob nb nno nn pan pa per fa pol pl por pt ron ro rum ro rus ru slk sk slo sk slv sl spa es sqi sq
    srp sr swa sw swe sv tam ta tel te tgl tl tha th tur tr ukr uk urd ur uzb uz vie vi wel cy zho zh
""",
    )
)


@dataclass(frozen=True)
class Track:
    """A track that the package carries.

    Attributes
    ----------
    kind : "audio" or "text".
    number : index among the source's tracks of that kind.
    language : a BCP 47 tag; "und" where the source says none, or none that is well formed.
    name : what a player's menu shows; no two tracks of a kind share it.
    default, forced : the source's flags; exactly one audio track is the default.
    """

    kind: str
    number: int
    codec: str
    profile: str
    channels: int
    language: str
    name: str
    default: bool
    forced: bool

    @property
    def stem(self) -> str:
        """Name of its files within the package's folder of its kind."""
        return f"{self.number}_{self.language}"


def language_tag(said: str) -> str:
    """The language as a BCP 47 tag, or "und": nothing else of what a file says gets into a playlist."""
    if not LANGUAGE.fullmatch(said):
        return "und"
    first, *rest = said.split("-")
    return "-".join([SHORT.get(first.lower(), first.lower()), *rest])


def plain_name(said: str) -> str:
    """A track's title without what means something in a playlist, a manifest or a packager's arguments."""
    kept = "".join(c if c.isalnum() or c in " -_.()'" else " " for c in said)
    return " ".join(kept.split())[:NAME_LENGTH].strip()


def plan_tracks(facts: dict) -> tuple[list[Track], list[dict]]:
    """The tracks to carry, audio first, and those that cannot be carried.

    Parameters
    ----------
    facts : `source.json`; of each track its number, codec, language, title and disposition are read.

    Returns
    -------
    tracks, and [{"kind", "number", "codec", "language", "reason"}].
    """
    left_out = []
    for track in facts["subtitles"]:
        if track["kind"] != "text":
            reason = (
                "bitmap subtitles cannot become WebVTT" if track["kind"] == "bitmap" else "its codec is no known text"
            )
            left_out.append(_left_out("subtitle", track, f"{reason}; convert them to text first"))
    text = [track for track in facts["subtitles"] if track["kind"] == "text"]
    audio = []
    for track in facts["audio"]:
        if track["codec"] in ("unknown", "none") or not track["channels"] or not track["sample_rate"]:
            left_out.append(_left_out("audio", track, "its codec is not known here, or it has no samples"))
        else:
            audio.append(track)
    return [*_named("audio", audio), *_named("text", text)], left_out


def other_streams(source: str) -> list[dict]:
    """What the source holds besides its picture, sound and subtitles, in the form of `plan_tracks`'s second value."""
    found = []
    with opened(source) as container:
        pictures = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        for stream in container.streams:
            if stream.type == "video" and stream not in pictures:
                found.append(_stream(stream, "cover art is no track of a stream"))
            elif stream.type == "video" and stream is not pictures[0]:
                found.append(_stream(stream, "a ladder is made of the first video track alone"))
            elif stream.type not in ("video", "audio", "subtitle"):
                found.append(_stream(stream, f"{stream.type} tracks have no place in HLS and DASH"))
        if chapters := len(container.chapters()):
            reason = f"{chapters} chapters have no place in HLS and DASH"
            found.append({"kind": "chapters", "number": 0, "codec": "chapters", "language": "und", "reason": reason})
    return found


def video_start_s(source: str) -> Fraction:
    """When the first picture is shown, in seconds on the file's own clock: the package's time zero.

    Raises
    ------
    SourceError
        If the source has no picture or the first one no time stamp.
    """
    with opened(source) as container:
        for stream in container.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic:
                first = next(container.decode(stream), None)
                if first is not None and first.pts is not None and first.time_base is not None:
                    return first.pts * first.time_base
                break
    raise SourceError(f"{source}: its first picture cannot be decoded or has no time stamp; probe the source again")


def _named(kind: str, tracks: list[dict]) -> list[Track]:
    """The tracks under names of their own; of several defaults the first counts, and audio always has one."""
    flagged = [track["track"] for track in tracks if "default" in track["disposition"]]
    default = flagged[0] if flagged else tracks[0]["track"] if tracks and kind == "audio" else None
    taken: set[str] = set()
    named = []
    for track in tracks:
        language = language_tag(track["language"])
        said = plain_name(track["title"]) or (language if language != "und" else f"{kind} {track['track'] + 1}")
        name = next(n for n in _numbered(said) if n.casefold() not in taken)
        taken.add(name.casefold())
        named.append(
            Track(
                kind=kind,
                number=track["track"],
                codec=track["codec"],
                profile=str(track.get("profile", "")),
                channels=track.get("channels", 0),
                language=language,
                name=name,
                default=track["track"] == default,
                forced=kind == "text" and "forced" in track["disposition"],
            )
        )
    return named


def _numbered(name: str) -> Iterable[str]:
    yield name
    number = 2
    while True:
        yield f"{name} {number}"
        number += 1


def _left_out(kind: str, track: dict, reason: str) -> dict:
    named = {"codec": plain_name(track["codec"]), "language": language_tag(track["language"])}
    return {"kind": kind, "number": track["track"], **named, "reason": reason}


def _stream(stream: av.stream.Stream, reason: str) -> dict:
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    return {"kind": stream.type, "number": stream.index, "codec": codec, "language": "und", "reason": reason}
