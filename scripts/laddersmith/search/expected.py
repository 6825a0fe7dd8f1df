"""How many encodes a search takes, before anything is known of the title but its size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .. import tables
from ..config import rules_of, search_rounds
from ..encode.codecs import start_values, variant_knob
from ..errors import ConfigError
from .candidates import SEEDS, by_heights
from .grid import plan_grid
from .rate_fits import NOTHING, Range, exactly
from .refine import plan_coarse

SEARCH, LAST, FIXED = "search", "last_round", "fixed_ladder"
ONCE = exactly(1.0)


@dataclass(frozen=True)
class Wanted:
    """Encodes of one variant, height and CRF: how many for every shot, or in FIXED, for the whole title."""

    part: str
    variant: str
    height: int
    crf: float
    count: Range
    kbps: float | None = None  # the cap


def encodes_planned(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> dict[str, Range]:
    """Encodes that every shot takes: in the rounds of search (SEARCH) and in the round after them (LAST).

    Parameters
    ----------
    config : as `config.validate` returned it. heights : of the boxes searched.
    variants : those searched, name -> settings with `crfs`.

    Raises
    ------
    ConfigError
        If it is not known how many encodes the strategy takes.
    """
    wanted = points_planned(config, heights, variants)
    return {part: sum((w.count for w in wanted if w.part == part), NOTHING) for part in (SEARCH, LAST)}


def points_planned(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> list[Wanted]:
    """The same, point by point. Arguments and errors as `encodes_planned`."""
    strategy = config["search"]["strategy"]
    if strategy not in STRATEGIES:
        raise ConfigError(
            f"estimate: how many encodes search.strategy {strategy} takes is not known; "
            f"it is for {' and '.join(STRATEGIES)}"
        )
    limits = {
        codec: [height for height in heights if low <= height <= high]
        for codec, (low, high) in ((own["codec"], _limits(config, own["codec"])) for own in variants.values())
    }
    groups = by_heights(_dicts(variants), heights, limits)
    searched = [one for own, at in groups if at for one in STRATEGIES[strategy](config, at, own)]
    return [*searched, *(one for own, at in groups if at for one in _last(config, at, own))]


def fixed_planned(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> list[Wanted]:
    """The encodes of the fixed ladder, each of the whole title. `heights` : of the title's boxes."""
    first: dict[str, str] = {}
    for name, settings in variants.items():
        first.setdefault(settings["codec"], name)
    fixed = config["fixed_ladder"]
    return [
        Wanted(FIXED, name, rung["height"], float(fixed["crf"][codec]), ONCE, float(rung["kbps"]))
        for codec, name in first.items()
        for rung in fixed["rungs"].get(codec, [])
        if rung["height"] in heights
    ]


def _grid(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> Iterator[Wanted]:
    """Exact: what the planner itself plans for one shot."""
    for row in tables.rows(plan_grid([0], _dicts(variants), _places(heights))):
        yield Wanted(SEARCH, row.variant, row.height, float(row.crf), ONCE)


def _refine(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> Iterator[Wanted]:
    """The coarse round, which is exact, and what later rounds add, within bounds.

    A later round takes the middle of any gap beside a point of the hull, so n of them put at most 2^n - 1 CRFs into a
    gap of the coarse round, and at the least none. The hull touches some gaps: half of the most is expected.
    """
    later, step = search_rounds(config) - 1, config["search"]["crf_step"]
    coarse = plan_coarse([0], _dicts(variants), _places(heights))
    for name, height in dict.fromkeys(zip(coarse["variant"], coarse["height"], strict=True)):
        mine = coarse[(coarse["variant"] == name) & (coarse["height"] == height)]
        crfs, knob = sorted(mine["crf"], key=float), variant_knob(variants[name])
        for crf in crfs:
            yield Wanted(SEARCH, name, int(height), float(crf), ONCE)
        for low, high in pairwise(crfs):
            inside = knob.between(low, high, step)
            most = min(len(inside), 2**later - 1)
            if most:
                count = Range(0.0, most / 2, most)
                yield Wanted(SEARCH, name, int(height), float(inside[len(inside) // 2]), count)


def _adaptive(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> Iterator[Wanted]:
    """The seeds at the least, and `search.max_points` of every variant at the most; their middle is expected.

    Which heights and CRFs they are is not known: all configured ones stand for them alike.
    """
    most = config["search"]["max_points"]
    least = min(most, sum(len(SEEDS[min(place, len(SEEDS) - 1)]) for place in range(len(heights))))
    for name, settings in variants.items():
        places = [(height, float(crf)) for height in heights for crf in settings["crfs"]]
        share = Range(least / len(places), (least + most) / 2 / len(places), most / len(places))
        for height, crf in places:
            yield Wanted(SEARCH, name, height, crf, share)


def _last(
    config: Mapping[str, Any], heights: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> Iterator[Wanted]:
    """The rungs' points that the search did not measure.

    None at the least, every rung of every codec at the most. A rung's CRF is a multiple of `search.crf_step`; were each
    as likely, those that the configured CRFs hit would be crf_step / (their mean distance). Which heights and CRFs they
    are is not known: the configured ones stand for them, all alike.
    """
    step = float(config["search"]["crf_step"])
    for codec in dict.fromkeys(settings["codec"] for settings in variants.values()):
        mine = {name: settings for name, settings in variants.items() if settings["codec"] == codec}
        places = [(n, h, float(crf)) for n, settings in mine.items() for h in heights for crf in start_values(settings)]
        apart = [_mean_gap(settings, step) for settings in mine.values()]
        share = max(0.0, 1 - 1 / (sum(apart) / len(apart)))
        each = rungs_wanted(config, heights, codec) / len(places)
        # Beside every point of a target that was not measured one on its safe side is.
        beside = 1 if config["search"]["mode"] == "ladder" else 2
        for name, height, crf in places:
            yield Wanted(LAST, name, height, crf, Range(0.0, beside * each * share, beside * each))


def rungs_wanted(config: Mapping[str, Any], heights: Sequence[int], codec: str = "") -> int:
    """The most rungs of a codec ("": of one without rules of its own): as many as its ladder asks for; of a target one,
    or one at each of `heights`."""
    search = config["search"]
    if search["mode"] == "ladder":
        return int(rules_of(config["ladder"], codec)["rungs"])
    return len(heights) if search["target_heights"] == "each" else 1


def _limits(config: Mapping[str, Any], codec: str) -> tuple[int, int]:
    """The least and the greatest height of a codec's rungs."""
    own = rules_of(config["ladder"], codec)
    return own["min_height"], own["max_height"]


def _dicts(variants: Mapping[str, Mapping[str, Any]]) -> dict[str, dict]:
    return {name: dict(settings) for name, settings in variants.items()}


def _places(heights: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Boxes for a planner that asks for nothing of them but their heights."""
    return dict.fromkeys(heights, (2, 2))


def _mean_gap(settings: Mapping[str, Any], step: float) -> float:
    """Steps from one configured value to the next, on average."""
    values = start_values(settings)
    if len(values) < 2:
        return 1.0
    return variant_knob(settings).steps(min(values), max(values), step) / (len(values) - 1)


Strategy = Callable[[Mapping[str, Any], Sequence[int], Mapping[str, Mapping[str, Any]]], Iterator[Wanted]]
STRATEGIES: dict[str, Strategy] = {"adaptive": _adaptive, "grid": _grid, "refine": _refine}
