"""The ladder of a title, as `ladder.json` has it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from .. import tables
from ..encode import box
from ..errors import LadderError
from ..hull import searched, title_figures
from ..provenance import versions
from ..search import decimal_crf
from ..source import Media
from .fixed import is_fixed
from .peak import Flow
from .rungs import Rules, keep_rising

SCHEMA = "laddersmith/ladder/2"
FIGURES = ["bitrate_kbps", "quality", "vmaf_mean", "vmaf_min", "psnr_cb", "psnr_cr"]


def build_ladder(
    facts: dict,
    choice: dict,
    scores: pd.DataFrame,
    frames: pd.DataFrame,
    hull: pd.DataFrame,
    *,
    files: Mapping[str, str],
    flow: Callable[[list[str]], Flow],
    rules: Rules,
    pooling: str,
    display: tuple[int, int],
    model: str,
    engine: str,
    tools: Mapping[str, str],
) -> dict:
    """The rungs that were chosen and measured, those that are missing, and the fixed ladder beside them.

    Parameters
    ----------
    facts : `source.json`.
    choice : `choice.json`: the rungs that the last round measured.
    scores, frames : of all rounds (tables.SCORES, tables.FRAMES).
    hull : the title points of the rounds before the last (tables.TITLE_POINTS); the choice was made from them.
    files : key of a point -> its file, relative to the title's folder.
    flow : peak and buffer of the shots in these files, one after another.
    tools : name -> version of external programs.

    Raises
    ------
    LadderError
        If a chosen point was not measured for every shot, or no codec has a rung.
    """
    media = Media.from_json(facts["media"])
    measured = _Measured(
        facts["title"], media, scores.set_index(tables.KEY, drop=False).sort_index(), frames, files, flow, pooling
    )
    rungs = [
        measured.rung(
            [
                {"shot": shot, "variant": wish["variant"], "height": wish["height"], "crf": crf}
                for shot, crf in zip(choice["shots"], wish["crfs"], strict=True)
            ],
            wish["reason"],
        )
        for wish in choice["rungs"]
    ]
    fixed = [
        measured.rung([row], row["reason"]) | {"maxrate_kbps": float(row["maxrate_kbps"])}
        for row in scores[scores["variant"].map(is_fixed)].to_dict("records")
    ]
    kept: list[dict] = []
    missing = list(choice["missing"])
    for codec in sorted({wish["codec"] for wish in choice["rungs"]}):
        held, dropped = keep_rising([rung for rung in rungs if rung["codec"] == codec], rules)
        kept += held
        missing += [{"codec": codec, **asdict(gap)} for gap in dropped]
    if not kept:
        raise LadderError(
            f"{facts['title']}: no codec has a rung ({missing[0]['reason']}); widen the limits under `ladder`"
        )
    return {
        "schema": SCHEMA,
        "title": facts["title"],
        "source": {
            "path": facts["path"],
            "sha256": facts["sha256"],
            **{key: facts["media"][key] for key in ("width", "height", "frame_rate", "frames", "pix_fmt", "colour")},
            "duration_s": media.duration_s,
        },
        "display": {"width": display[0], "height": display[1]},
        "model": model,
        "engine": engine,
        "pooling": pooling,
        "allocation": choice["allocation"],
        "versions": versions() | dict(tools),
        "rungs": kept,
        "missing": missing,
        "fixed": sorted(fixed, key=lambda rung: (rung["codec"], rung["bitrate_kbps"])),
        "hull": {
            codec: [
                {
                    "height": int(p.height),
                    "crf": p.crf,
                    "bitrate_kbps": float(p.bitrate_kbps),
                    "quality": float(p.quality),
                }
                for p in tables.rows(group[group["on_hull"]].sort_values("bitrate_kbps"))
            ]
            for codec, group in searched(hull).groupby("codec", sort=True)
        },
    }


def rung_name(height: int, variant: str, crf: str) -> str:
    """The name of a rung and, with `.mp4`, of its rendition; `crf` is the mean one of its shots."""
    return f"{height}p_{variant}_crf{crf}"


@dataclass(frozen=True)
class _Measured:
    """All that was measured of a title."""

    title: str
    media: Media
    scores: pd.DataFrame
    frames: pd.DataFrame
    files: Mapping[str, str]
    flow: Callable[[list[str]], Flow]
    pooling: str

    def rung(self, points: list[dict], reason: str) -> dict:
        """The rung of these points (by tables.KEY), given in the order of the title."""
        keys = [tuple(point[name] for name in tables.KEY) for point in points]
        lost = [key for key in keys if key not in self.scores.index]
        own = self.scores.loc[[key for key in keys if key not in lost]].reset_index(drop=True)
        frames = tables.of_points(self.frames, points)
        if lost or len(frames) != self.media.frames or own["frames"].sum() != self.media.frames:
            shot, variant, height, crf = (lost or keys)[0]
            raise LadderError(
                f"{self.title}: {variant} {height}p CRF {crf} was chosen for {tables.span_name(shot)} but not measured "
                "for every frame; delete the last round's scores and run again"
            )
        by_rung = (own.assign(rung=0), frames.assign(rung=0))
        figures = title_figures(*by_rung, self.pooling, self.media, by=["rung"]).iloc[0]
        shared = own.iloc[0]
        mean_crf = float((own["crf"].astype(float) * own["frames"]).sum() / self.media.frames)
        crf = decimal_crf(str(round(mean_crf, 2)))
        streamed = self.flow([self.files[key] for key in own["key"]])
        return {
            "name": rung_name(int(shared["height"]), shared["variant"], crf),
            **{name: str(shared[name]) for name in ("codec", "variant", "preset", "pix_fmt")},
            "width": int(shared["width"]),
            "height": int(shared["height"]),
            "picture_height": box(self.media.width, self.media.height, int(shared["height"]))[1],
            "crf": crf,
            **{name: float(figures[name]) for name in FIGURES},
            "peak_kbps": streamed.peak_kbps,
            "buffer_kbit": streamed.buffer_kbit,
            "reason": reason,
            "points": [self._point(row) for row in tables.rows(own)],
        }

    def _point(self, row: Any) -> dict:
        """A shot's point as `ladder.json` has it."""
        return {
            "shot": int(row.shot),
            "variant": row.variant,
            "height": int(row.height),
            "crf": row.crf,
            "key": row.key,
            "file": self.files[row.key],
            "bytes": int(row.bytes),
            "bitrate_kbps": float(row.bitrate_kbps),
            "vmaf_mean": float(row.vmaf_mean),
        }
