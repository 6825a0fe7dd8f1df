"""The ladder of a title, as `ladder.json` has it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import pandas as pd

from .. import tables
from ..encode import box
from ..errors import LadderError
from ..hull import searched, title_points
from ..provenance import versions
from ..source import Media
from .fixed import is_fixed
from .rungs import Missing, Rules, choose_rungs, keep_rising

SCHEMA = "laddersmith/ladder/1"
FIELDS = ["codec", "variant", "preset", "pix_fmt", "width", "height", "crf"]
FIGURES = ["bitrate_kbps", "quality", "vmaf_mean", "vmaf_min", "psnr_cb", "psnr_cr"]


def build_ladder(
    facts: dict,
    choice: pd.DataFrame,
    scores: pd.DataFrame,
    frames: pd.DataFrame,
    hull: pd.DataFrame,
    *,
    files: Mapping[str, str],
    peak_kbps: Callable[[list[str]], float],
    rules: Rules,
    crf_step: float,
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
    choice : what the last round encoded (tables.PLAN).
    scores, frames : of all rounds (tables.SCORES, tables.FRAMES).
    hull : the title points of the rounds before the last (tables.TITLE_POINTS); the choice was made from them.
    files : key of a point -> its file, relative to the title's folder.
    peak_kbps : the peak of the shots in these files, one after another.
    crf_step : as the choice was made with.
    tools : name -> version of external programs.

    Raises
    ------
    LadderError
        If a chosen point was not measured for every shot, or no codec has a rung.
    """
    media = Media.from_json(facts["media"])
    title = title_points(scores, frames, pooling, media)
    points = {(p["variant"], p["height"], p["crf"]): p for p in title.to_dict("records")}
    wanted = choice.drop_duplicates(["variant", "height", "crf"])
    rungs, fixed, missing = [], [], []
    for row in tables.rows(wanted):
        place = (row.variant, row.height, row.crf)
        if place not in points:
            raise LadderError(
                f"{facts['title']}: {row.variant} {row.height}p CRF {row.crf} was chosen but not measured "
                "for every frame; delete the last round's scores and run again"
            )
        rung = _rung(points[place], row.reason, scores, files)
        rung["picture_height"] = box(media.width, media.height, row.height)[1]
        rung["peak_kbps"] = peak_kbps([point["file"] for point in rung["points"]])
        if is_fixed(row.variant):
            fixed.append(rung | {"maxrate_kbps": float(row.maxrate_kbps)})
        else:
            rungs.append(rung)
    kept: list[dict] = []
    for codec in sorted(searched(hull)["codec"].unique()):
        _, unplaced = choose_rungs(hull[hull["codec"] == codec], rules, crf_step)
        held, dropped = keep_rising([rung for rung in rungs if rung["codec"] == codec], rules)
        kept += held
        missing += [_missing(codec, gap) for gap in (*unplaced, *dropped)]
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
    """The name of a rung and, with `.mp4`, of its rendition."""
    return f"{height}p_{variant}_crf{crf}"


def _rung(point: dict, reason: str, scores: pd.DataFrame, files: Mapping[str, str]) -> dict:
    """A rung with the points of its shots."""
    mine = (
        (scores["variant"] == point["variant"])
        & (scores["height"] == point["height"])
        & (scores["crf"] == point["crf"])
    )
    return {
        "name": rung_name(int(point["height"]), point["variant"], point["crf"]),
        **{name: (int(point[name]) if name in ("width", "height") else str(point[name])) for name in FIELDS},
        **{name: float(point[name]) for name in FIGURES},
        "reason": reason,
        "points": [
            {
                "shot": int(row.shot),
                "key": row.key,
                "file": files[row.key],
                "bitrate_kbps": float(row.bitrate_kbps),
                "vmaf_mean": float(row.vmaf_mean),
            }
            for row in tables.rows(scores[mine].sort_values("shot"))
        ],
    }


def _missing(codec: str, gap: Missing) -> dict:
    return {"codec": codec, **asdict(gap)}
