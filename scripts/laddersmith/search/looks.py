"""Cheap looks: in the rounds of search some frames, or a window, stand for a shot, and what that is off by is measured.

Of every shot and variant round 0 measures one point both ways, by a look and in full. The look's difference from the
full measurement, of stretched quality (`prior`) and of the base-2 logarithm of bits per frame, is taken off what looks
give of that shot and variant's other points. It is taken off as it is: to shrink it toward zero made little difference
where it was small, and left more error where it was not (docs/search-looks.md).

Looks stand in tables of their own (tables.LOOKS), which only the planner and the choice of rungs read.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from .. import tables
from ..errors import ScoreError
from ..shots.looks import window_frames
from .outlook import Film
from .prior import Floats, Prior, stretched, terms, unstretched
from .surface import mean_of, scale_of

# Frames that a look at a whole shot scores at the least; shorter shots are measured in full, which takes little.
LEAST = 6
IN_FULL = "measured in full beside the look at it"
TASK = ["shot", "variant"]


@dataclass(frozen=True)
class Looks:
    """How shots are looked at: every how many frames one is scored, and the seconds of a window, if there is one."""

    score_every: int = 1
    window_s: float | None = None

    def shots(self, shots: pd.DataFrame, frame_rate: Fraction) -> set[int]:
        """The numbers of the shots (tables.SHOTS) that are looked at; the others are measured in full at once."""
        length = shots["end"] - shots["start"]
        long = length > (length if self.window_s is None else window_frames(self.window_s, frame_rate))
        sampled = (self.score_every > 1) & (length >= LEAST * self.score_every)
        return {int(shot) for shot in shots.loc[long | sampled, "shot"]}


def plan_looks(film: Film, plan: pd.DataFrame, looked: set[int], prior: Prior, *, first: bool) -> pd.DataFrame:
    """A round's plan (tables.PLAN) with looks in the place of the shots `looked` at.

    Parameters
    ----------
    first : whether it is round 0: then, of each such shot and variant, the point in the middle by the quality that the
        prior's mean gives it is measured in full as well.
    """
    mine = plan[plan["shot"].isin(looked)]
    parts = [plan[~plan["shot"].isin(looked)], mine.assign(shot=mine["shot"].map(tables.look_at))]
    if first and len(mine):
        ranked = mine.assign(expected=_expected(film, mine, prior), reason=IN_FULL).sort_values(
            "expected", kind="stable"
        )
        groups = ranked.drop(columns="expected").groupby(TASK, sort=True)
        parts += [rows.iloc[[(len(rows) - 1) // 2]] for _, rows in groups]
    filled = [part for part in parts if len(part)]
    return tables.conform(pd.concat(filled, ignore_index=True), tables.PLAN) if filled else plan


def with_looks(film: Film, points: pd.DataFrame, looks: pd.DataFrame, pooling: str, fps: float) -> pd.DataFrame:
    """The measured points and, in the same columns, those that were only looked at, freed of what looks are off by.

    Parameters
    ----------
    points : tables.POINTS, each measured in full. looks : tables.LOOKS. fps : frames per second.

    Raises
    ------
    ScoreError
        If a shot was looked at in a variant of which no point was measured both ways.
    """
    if looks.empty:
        return points
    seen = looks.assign(
        shot=looks["shot"].map(tables.look_at),
        value=stretched(looks[f"vmaf_{pooling}"]),
        log_bits=np.log2(8 * looks["bytes"] / looks["frames"]),
    )
    off = _off(film, seen, points)
    shots = film.shots.set_index("shot")
    frames = (shots["end"] - shots["start"]).loc[seen["shot"]].set_axis(seen.index)
    bits = np.exp2(seen["log_bits"] - off["log_bits"]) * frames
    kbps = bits / frames * fps / 1000
    freed = seen.assign(
        quality=unstretched(seen["value"] - off["value"]),
        bytes=np.maximum(1, np.round(bits / 8)).astype(np.int64),
        frames=frames,
        bitrate_kbps=kbps,
        peak_kbps=kbps * off["peak"],
        on_hull=False,
        on_cross_hull=False,
    )
    new = freed[~pd.MultiIndex.from_frame(freed[tables.KEY]).isin(pd.MultiIndex.from_frame(points[tables.KEY]))]
    return pd.concat([points, new[points.columns]], ignore_index=True).astype(points.dtypes.to_dict())


def known_in_full(expected: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Expected points (`outlook.expected_points`), of which those count as measured that are among `points`."""
    keys = pd.MultiIndex.from_frame(points[tables.KEY])
    return expected.assign(measured=pd.MultiIndex.from_frame(expected[tables.KEY]).isin(keys))


def _off(film: Film, seen: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """What each row of `seen` is off by, in its order: `value` of stretched quality, `log_bits` of log2 bits per
    frame, and `peak`, peak over average of the points measured in full."""
    both = seen[[*tables.KEY, "value", "log_bits"]].merge(points, on=tables.KEY, validate="one_to_one")
    found = both[TASK].assign(
        value=both["value"] - stretched(both["quality"]),
        log_bits=both["log_bits"] - np.log2(8 * both["bytes"] / both["frames"]),
        peak=both["peak_kbps"] / both["bitrate_kbps"],
    )
    mean = found.groupby(TASK)[["value", "log_bits", "peak"]].mean()
    tasks = pd.MultiIndex.from_frame(seen[TASK])
    lost = tasks[~tasks.isin(mean.index)]
    if len(lost):
        shot, variant = lost[0]
        raise ScoreError(
            f"{film.title}: shot {shot} was looked at in {variant}, and no point of it measured in full beside; delete "
            "the title's plans and run again"
        )
    return mean.loc[tasks].set_index(seen.index)


def _expected(film: Film, rows: pd.DataFrame, prior: Prior) -> Floats:
    """Stretched quality of planned points by the prior's mean, that of any shot."""
    values = []
    for row in tables.rows(rows):
        scale = scale_of(prior, row.codec)
        x, s = (float(row.crf) - scale.middle) / scale.unit, np.log2(row.width / film.display[0])
        values.append(float((terms(np.array([x]), np.array([s])) @ mean_of(prior.quality, row.codec))[0]))
    return np.array(values)
