"""What is left of a run: by the rates that an estimate goes by, less the share of each title that is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SourceError
from ..search.estimate import SHOT_S, estimate, film_of, known_rates
from ..titles import Title
from .progress import Progress
from .settings import Settings

SAMPLE = 60  # titles of a kind, evenly spaced, that are reckoned; they stand for the others of that kind
HOUR = 3600.0
ENDS = ("low", "expected", "high")
PARTS = ("encode", "score", "verify", "rest")


@dataclass(frozen=True)
class Left:
    """Of a title: the core seconds that are left, from the least to the most, and the encodes that it takes in all."""

    core_s: Mapping[str, float]
    encodes: float


def work_left(settings: Settings, found: Mapping[str, Progress]) -> tuple[dict[str, Left] | None, list[str]]:
    """What is left of every title that is not done, and notes on how far that can be trusted.

    Titles that were probed and titles that were not are two kinds. Of each, SAMPLE at the most are reckoned by what is
    known of them or stands in their files' headers; a further title is taken for their mean, scaled by `duration_s`
    where the table gives it for all. None where a rate is missing.
    """
    results = settings.folder / "results"
    open_ones = [name for name, each in found.items() if each.state != "done"]
    probed = {name for name in open_ones if (results / name / "source.json").is_file()}
    left: dict[str, Left] = {}
    notes: list[str] = []
    rates = known_rates(results) if open_ones else []
    for kind in ([n for n in open_ones if n in probed], [n for n in open_ones if n not in probed]):
        films, unread = [], 0
        for name in _spread(kind, SAMPLE):
            try:
                films.append(film_of(_here(settings, settings.titles[name]), dict(settings.config), results))
            except SourceError:
                unread += 1
        if not films:
            if kind:
                notes.append(f"What is left of {len(kind)} titles is not known: no source of theirs can be read.")
            continue
        answer = estimate(settings.config, films, rates, cores=1)
        if answer["missing"]:
            return None, [*notes, *(f"What is left is not known: {sentence}." for sentence in answer["missing"])]
        rows = {row["title"]: row for row in answer["titles"]}
        if unread:
            notes.append(f"{unread} sources cannot be read; their titles are taken for the mean of the others.")
        if len(kind) > len(films):
            notes.append(f"{len(films)} of {len(kind)} titles are reckoned; they stand for the others.")
        if not all(row["shots_counted"] for row in rows.values()):
            notes.append(f"Titles that have no shots yet are taken to have shots of {SHOT_S:g} s.")
        for name in kind:
            scale = 1.0 if name in rows else _scale(settings, name, kind, list(rows))
            mine = [rows[name]] if name in rows else list(rows.values())
            left[name] = _of(found[name], mine, scale)
    return left, list(dict.fromkeys(notes))


def _here(settings: Settings, title: Title) -> Title:
    """The title with its path from here, not from the working folder."""
    return Title(**(vars(title) | {"path": str(settings.folder / title.path)}))


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many, evenly spaced."""
    count = min(most, len(names))
    return [names[place * len(names) // count] for place in range(count)]


def _scale(settings: Settings, name: str, kind: Sequence[str], sampled: Sequence[str]) -> float:
    lengths = {each: settings.titles[each].duration_s for each in kind}
    known = {each: seconds for each, seconds in lengths.items() if seconds is not None}
    if len(known) < len(lengths):
        return 1.0
    return known[name] / (sum(known[each] for each in sampled) / len(sampled))


def _of(each: Progress, rows: Sequence[Mapping[str, Any]], scale: float) -> Left:
    """What the rows expect on average, times `scale`, less what is done."""
    expected = scale * sum(row["encodes"]["total"]["expected"] for row in rows) / len(rows)
    encodes = float(each.planned) if each.all_planned else max(expected, float(each.planned))
    rest = {rule: count for rule, count in each.count_by_rule.items() if rule not in PARTS}
    shares = {
        "encode": 1 - each.points / encodes if encodes else 0.0,
        "score": _open_share(each, ["score"]),
        "verify": _open_share(each, ["verify"]),
        "rest": _open_share(each, list(rest)),
    }
    core_s = {
        end: HOUR
        * scale
        * sum(max(0.0, shares[part]) * row["core_hours"][part][end] for part in PARTS for row in rows)
        / len(rows)
        for end in ENDS
    }
    return Left(core_s, encodes)


def _open_share(each: Progress, rules: Sequence[str]) -> float:
    """Share of the jobs of these rules that are not done."""
    count = sum(each.count_by_rule.get(rule, 0) for rule in rules)
    return 1 - sum(each.done_by_rule.get(rule, 0) for rule in rules) / count if count else 0.0
