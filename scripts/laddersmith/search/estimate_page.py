"""An estimate in figures and words: the JSON file, and a table for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..titles import Title
from .expected import FIXED, LAST, SEARCH
from .rate_fits import NOTHING, Range

HOUR, GB = 3600.0, 10**9
PARTS = (SEARCH, LAST, FIXED)
HOURS = ("encode", "score", "verify", "rest")
MANY = 50  # titles; of more, the terminal gets the total alone


@dataclass(frozen=True)
class Film:
    """A title by its headers, or as probed: frames, seconds, pixels of its picture and of the display; shots, and
    whether they are counted or assumed."""

    title: Title
    frames: int
    duration_s: float
    width: int
    height: int
    display: float
    shots: int
    counted: bool

    def encodes(self, part: str) -> int:
        """Encodes of one point: one for each shot, or for the whole title."""
        return 1 if part == FIXED else self.shots


@dataclass(frozen=True)
class Taken:
    """What one title takes. None: a rate is missing.

    Attributes
    ----------
    counts : encodes by part (SEARCH, LAST, FIXED).
    encode, score, verify, rest : CPU seconds. gpu : seconds on a GPU.
    chain : CPU seconds of the jobs that wait for one another, each as wide as it can be.
    streams, scores, finished : bytes of the encodes, of the frame scores, and of renditions and package.
    """

    counts: dict[str, Range]
    encode: Range | None
    score: Range | None
    verify: Range | None
    rest: Range | None
    gpu: Range | None
    chain: Range | None
    streams: Range | None
    scores: Range | None
    finished: Range | None

    @property
    def work(self) -> Range | None:
        return added([self.encode, self.score, self.verify, self.rest])


def added(parts: Sequence[Range | None]) -> Range | None:
    """The sum, None where one of them is."""
    total = NOTHING
    for part in parts:
        if part is None:
            return None
        total = total + part
    return total


def row(film: Film, taken: Taken) -> dict[str, Any]:
    return {
        "title": film.title.title,
        "frames": film.frames,
        "duration_s": round(film.duration_s, 3),
        "width": film.width,
        "height": film.height,
        "shots": film.shots,
        "shots_counted": film.counted,
    } | facts([taken])


def facts(taken: Sequence[Taken]) -> dict[str, Any]:
    """The sums over titles, in the units of the file."""

    def all_of(name: str) -> Range | None:
        return added([getattr(each, name) for each in taken])

    counts = {part: sum((each.counts[part] for each in taken), NOTHING) for part in PARTS}
    hours = {part: in_units(all_of(part), HOUR) for part in HOURS}
    store, results = added([all_of("streams"), all_of("scores")]), added([all_of("finished"), all_of("scores")])
    return {
        "encodes": {p: in_units(n, 1) for p, n in (counts | {"total": sum(counts.values(), NOTHING)}).items()},
        "core_hours": hours | {"total": in_units(all_of("work"), HOUR)},
        "gpu_hours": in_units(all_of("gpu"), HOUR),
        "gigabytes": {
            "store": in_units(store, GB),
            "results": in_units(results, GB),
            "total": in_units(added([store, results]), GB),
        },
    }


def in_units(value: Range | None, unit: float) -> dict[str, float] | None:
    """Four significant digits of each."""
    if value is None:
        return None
    return {end: float(f"{getattr(value, end) / unit:.4g}") for end in ("low", "expected", "high")}


def notes(films: Sequence[Film], shot_s: float) -> list[str]:
    assumed = sum(not film.counted for film in films)
    told = [
        "Encodes that the store has already are not known before the shots are: they count as if they had to be made.",
        "Titles that were not probed go by their headers: a crop, a turned picture or a mezzanine is not known, and a "
        "mezzanine's bytes are not counted.",
        "Encodes lie in the store, and under results/ as links to it; where those are on two disks, both have them.",
    ]
    if assumed:
        told.append(
            f"{assumed} of {len(films)} titles have no shots yet: shots of {shot_s:g} s are assumed. Their number "
            "decides how many encodes there are, and little of what these take."
        )
    return told


def table(found: Mapping[str, Any]) -> str:
    """The content of `results/estimate.json` as plain text for a terminal: the expected, and ranges of the total."""
    on_gpu = found["engine"] == "cuda"
    shown = [(each["title"], each["duration_s"], each) for each in found["titles"]]
    lasting = sum(each["duration_s"] for each in found["titles"])
    gpu = ["GPU h"] if on_gpu else []
    lines = [["title", "minutes", "encodes", *(f"{part} h" for part in HOURS), "core h", *gpu, "GB"]]
    for name, seconds, each in [
        *(shown if len(shown) <= MANY else []),
        (f"{len(shown)} titles", lasting, found["total"]),
    ]:
        hours = [_short(each["core_hours"][part]) for part in (*HOURS, "total")]
        hours += [_short(each["gpu_hours"])] if on_gpu else []
        encodes = f"{each['encodes']['total']['expected']:.0f}"
        lines.append([name, f"{seconds / 60:.1f}", encodes, *hours, _short(each["gigabytes"]["total"])])
    wide = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "  ".join(c.ljust(w) if place == 0 else c.rjust(w) for place, (c, w) in enumerate(zip(line, wide, strict=True)))
        for line in lines
    ]
    total = found["total"]
    text += [
        "",
        f"encodes     {_span(total['encodes']['total'])}, of them {_span(total['encodes'][SEARCH])} in the search",
        f"core hours  {_span(total['core_hours']['total'])}",
        *([f"GPU hours   {_span(total['gpu_hours'])}"] if on_gpu else []),
        f"wall hours  {_span(total['wall_hours'])} on {found['cores']} cores",
        f"gigabytes   {_span(total['gigabytes']['total'])}, of them {_span(total['gigabytes']['store'])} in the store",
        "",
    ]
    sources: dict[str, dict[str, None]] = {}
    for used in found["rates"]:
        part = "other rules" if used["part"].startswith("rule ") else used["part"]
        sources.setdefault(used["from"], {})[part] = None
    text += [f"Rates of {source}: {', '.join(parts)}." for source, parts in sources.items()]
    text += [f"Missing: {sentence}." for sentence in found["missing"]]
    return "\n".join([*text, *found["notes"]]) + "\n"


def _short(value: Mapping[str, float] | None) -> str:
    return "?" if value is None else f"{value['expected']:.3g}"


def _span(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "not known"
    if value["low"] == value["high"]:
        return f"{value['expected']:.4g}"
    return f"{value['expected']:.3g} ({value['low']:.3g} to {value['high']:.3g})"
