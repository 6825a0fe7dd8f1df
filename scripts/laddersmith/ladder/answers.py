"""What a floor of quality or a budget of bits is answered with: of points that are expected, then of measured ones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from .. import tables
from ..encode.codecs import knob_of
from ..errors import LadderError
from ..hull import searched
from ..search import decimal_crf, plan_rows
from ..search.candidates import Box
from ..search.targets import QUALITY_FLOOR, Target, rate_of
from . import calm
from . import menus as columns_of
from .choose import last_round
from .rungs import Missing, Wish
from .targets import ROUNDING, TITLE, TitleTarget, choose_target, in_words, order, told

IN_CASE = "in case the answer misses its target"
AT_THE_END = "as no answer is expected to meet the target: the most that can be done"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A target, as the config's `search` has it.

    Attributes
    ----------
    mode : what is limited. limit : the lowest quality, or the highest kbit/s.
    scope : what must keep the limit: the title as a whole, or every shot by itself.
    heights : one answer for each codec, at the height that is best for it, or one at each height.
    """

    mode: Literal["quality_floor", "bitrate_budget"]
    limit: float
    scope: Literal["title", "shot"]
    heights: Literal["best", "each"]

    def alone(self, fps: float, display: tuple[int, int]) -> Target | None:
        """What every shot must keep by itself, if that is asked for, as a search has it (`rate_of`)."""
        if self.scope == TITLE:
            return None
        return Target(self.mode, self.limit if self.mode == QUALITY_FLOOR else rate_of(self.limit, fps, display))

    @property
    def wanted(self) -> str:
        """The target in words."""
        return in_words(self.mode, self.limit, self.scope)

    def kept(self, rung: Mapping[str, Any]) -> bool:
        """Whether a measured rung (`build`, with `shot_quality`) keeps the limit."""
        if self.mode == QUALITY_FLOOR:
            values = [rung["quality"]] if self.scope == TITLE else rung["shot_quality"].values()
            return min(values) >= self.limit - ROUNDING
        rates = [rung["bitrate_kbps"]] if self.scope == TITLE else [point["bitrate_kbps"] for point in rung["points"]]
        return max(rates) <= self.limit * (1 + ROUNDING)

    def told(self, rung: Mapping[str, Any]) -> str:
        """What a measured rung is, beside what is wanted."""
        figures = rung["quality"], rung["bitrate_kbps"]
        return told(rung["variant"], [rung["height"]], *figures, self.wanted, self.kept(rung))


def answers(
    points: pd.DataFrame, asked: Asked, *, pooling: str, shots: Sequence[int], duration_s: float
) -> tuple[list[TitleTarget], list[tuple[str, Missing]]]:
    """The best variant's answer for every codec, or for every codec and height; and by codec those that there are not.

    Answers are sorted by codec, and by rising bitrate within one.

    Parameters
    ----------
    points, pooling, shots, duration_s : as `choose_target` takes them.
    """
    found: list[TitleTarget] = []
    missing: list[tuple[str, Missing]] = []
    table = searched(points[points["shot"].isin(list(shots))])
    for codec, rows in table.groupby("codec", sort=True):
        alone = [(f" at {height}p", part) for height, part in rows.groupby("height", sort=True)]
        own: list[TitleTarget] = []
        for where, part in alone if asked.heights == "each" else [("", rows)]:
            try:
                options = choose_target(
                    part,
                    mode=asked.mode,
                    target=asked.limit,
                    pooling=pooling,
                    shots=shots,
                    duration_s=duration_s,
                    scope=asked.scope,
                )
            except LadderError as error:
                missing.append((str(codec), Missing(asked.wanted + where, str(error))))
                continue
            own.append(min(options, key=lambda o: order(o.missed, o.bitrate_kbps, o.quality, asked.mode)))
        found += sorted(own, key=lambda target: target.bitrate_kbps)
    return found, missing


def answered_by(
    points: pd.DataFrame, asked: Asked, *, pooling: str, shots: Sequence[int], duration_s: float
) -> pd.DataFrame:
    """The rows (tables.KEY) that the answers are made of, or none. Arguments as `answers` takes them."""
    found, _ = answers(points, asked, pooling=pooling, shots=shots, duration_s=duration_s)
    return pd.concat([pd.DataFrame(columns=tables.KEY), *(target.points for target in found)], ignore_index=True)


def choose_answers(
    shots: Sequence[int],
    points: pd.DataFrame,
    asked: Asked,
    *,
    variants: Mapping[str, dict],
    boxes: Mapping[int, Box],
    crf_step: float | None,
    pooling: str,
    duration_s: float,
    fixed: Mapping[str, list[dict]],
    title: str,
    allocation: str,
) -> tuple[pd.DataFrame, dict]:
    """The last round's plan and what was chosen, as `choose_points` returns them, for a target.

    For every chosen point that nobody measured the plan also has the one that is next to it on the safe side, by what
    is expected, or the last one there: so there is an answer among what was measured although an expectation fails.
    Where no answer is expected to meet the target it has the end of the CRFs on the safe side, so that this is known.

    Parameters
    ----------
    points : as `choose_points` takes them, or with `crf_step` None every point that may be chosen, and the column
        `measured`.

    Raises
    ------
    LadderError
        If there is no codec of which every shot has a point at one height.
    """
    shots = sorted(shots)
    table, gaps = _offered(points, crf_step, shots)
    found, missing = answers(table, asked, pooling=pooling, shots=shots, duration_s=duration_s)
    if not found:
        causes = "; ".join(f"{codec}, {gap.wanted}: {gap.reason}" for codec, gap in [*missing, *gaps])
        raise LadderError(f"{title}: no codec has a point for {asked.wanted} ({causes}); measure more points")
    by_key = table.set_index(tables.KEY).sort_index()
    wishes = [(target.codec, _wish(target, by_key, asked.wanted)) for target in found]
    plan, choice = last_round(
        shots,
        wishes,
        [*missing, *gaps],
        variants=variants,
        boxes=boxes,
        fixed=fixed,
        title=title,
        allocation=allocation,
    )
    safe = [plan_rows([shot], variants, boxes, [place]) for shot, place in _safe_side(table, found, asked.mode)]
    whole = pd.concat([plan, *safe], ignore_index=True).drop_duplicates(tables.KEY)
    return tables.conform(whole, tables.PLAN), choice | {"target": asdict(asked)}


def _offered(
    points: pd.DataFrame, crf_step: float | None, shots: list[int]
) -> tuple[pd.DataFrame, list[tuple[str, Missing]]]:
    """Every point that may be chosen: tables.KEY, codec, rate, bytes, frames, quality, measured; and gaps by codec."""
    alone = tables.since(searched(points[points["shot"].isin(shots)]))
    if crf_step is None:
        return alone.reset_index(drop=True), []
    columns, unfinished = columns_of.menus(alone, crf_step, shots)
    blocks = [alone.iloc[:0][[*tables.KEY, "codec", "rate", "bytes", "frames", "quality"]].assign(measured=False)]
    for column in columns:
        row, place = np.nonzero(np.isfinite(column.bits))
        names = {"height": column.heights, "crf": column.crfs, "quality": column.quality, "measured": column.measured}
        blocks.append(
            pd.DataFrame(
                {
                    "shot": column.shots[row],
                    "codec": column.codec,
                    "rate": column.rate,
                    "variant": column.variant,
                    "frames": column.frames[row],
                    "bytes": column.bits[row, place] / 8,
                    **{name: values[row, place] for name, values in names.items()},
                }
            )
        )
    return pd.concat(blocks, ignore_index=True), [
        (codec, Missing(place, reason)) for codec, place, reason in unfinished
    ]


def _wish(target: TitleTarget, by_key: pd.DataFrame, wanted: str) -> Wish:
    """An answer as a rung; `by_key` : the table of `_offered`, by tables.KEY."""
    own = by_key.loc[pd.MultiIndex.from_frame(target.points)]
    crfs = tuple(str(crf) for crf in target.points["crf"])
    mean = float((np.array(crfs, float) * own["frames"]).sum() / own["frames"].sum())
    new = int((~own["measured"].to_numpy(bool)).sum())
    known = f"{new} of {len(crfs)} shots measured in the last round" if new else "measured"
    nearest = "" if target.feasible else ", the nearest that is expected"
    return Wish(
        target.variant,
        target.heights[0],
        decimal_crf(str(round(mean, 2))),
        target.bitrate_kbps,
        target.quality,
        not new,
        f"for {wanted}{nearest}: {known}",
        crfs,
    )


def _safe_side(
    table: pd.DataFrame, found: Sequence[TitleTarget], mode: str
) -> list[tuple[int, tuple[str, int, str, str]]]:
    """Shot and (variant, height, CRF, reason) of the points that stand in for those that nobody measured, or that show
    that a target cannot be met."""
    columns = dict(tuple(table.groupby(["shot", "variant", "height"], sort=False)))
    places = []
    for target in found:
        for point in tables.rows(target.points):
            column = columns[point.shot, point.variant, point.height]
            own = column[column["crf"] == point.crf].iloc[0]
            if target.missed:
                dear, *_, cheap = knob_of(own["codec"], own["rate"]).by_bits([*column["crf"]] * 2)
                end = dear if mode == QUALITY_FLOOR else cheap
                places.append((int(point.shot), (point.variant, int(point.height), end, AT_THE_END)))
            if own["measured"]:
                continue
            if mode == QUALITY_FLOOR:
                safer = column[column["quality"] > own["quality"]].sort_values("bytes")
                safe = safer[safer["quality"] >= own["quality"] + columns_of.SPARE]
            else:
                safer = column[column["bytes"] < own["bytes"]].sort_values("quality", ascending=False)
                safe = safer[safer["bytes"] * (1 + calm.SPARE) <= own["bytes"]]
            safe = safer[-1:] if safe.empty else safe
            for row in tables.rows(safe[:1]):
                places.append((int(row.shot), (row.variant, int(row.height), row.crf, IN_CASE)))
    return places
