"""The ladder of a title, as `ladder.json` has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from .. import tables
from ..encode import box
from ..encode.codecs import knob_of
from ..errors import LadderError
from ..hull import searched, title_figures
from ..provenance import versions
from ..search import decimal_crf
from ..source import Media
from .answers import Asked, answers
from .fixed import is_fixed
from .peak import Flow
from .rungs import Limits, keep_rising
from .targets import TitleTarget

SCHEMA = "laddersmith/ladder/2"
RAISE = 1e-6  # of quality, by which a level is raised that its title misses
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
    rules: Limits,
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
    rules : what a rung must keep once measured; the limits on single shots hold where shots have CRFs of their own.
        A target is answered instead by the best of all measured points, whatever was chosen, and `rules` are not read.
    tools : name -> version of external programs.

    Raises
    ------
    LadderError
        If a chosen point was not measured for every shot, or no codec has a rung.
    """
    media = Media.from_json(facts["media"])
    scores = tables.since(scores)
    measured = _Measured(
        facts["title"], media, scores.set_index(tables.KEY, drop=False).sort_index(), frames, files, flow, pooling
    )
    kept, missing = _answers(measured, choice) if "target" in choice else _rungs(measured, choice, rules)
    fixed = [
        measured.stream([row], row["reason"]) | {"maxrate_kbps": float(row["maxrate_kbps"])}
        for row in scores[scores["variant"].map(is_fixed)].to_dict("records")
    ]
    if not kept:
        causes = "; ".join(f"{gap['codec']}, {gap['wanted']}: {gap['reason']}" for gap in missing)
        raise LadderError(f"{facts['title']}: no codec has a rung ({causes}); widen the limits under `ladder`")
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
        **_engines(scores, engine),
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
                    "rate": p.rate,
                    "crf": p.crf,
                    "bitrate_kbps": float(p.bitrate_kbps),
                    "quality": float(p.quality),
                }
                for p in tables.rows(group[group["on_hull"]].sort_values("bitrate_kbps"))
            ]
            for codec, group in tables.since(searched(hull)).groupby("codec", sort=True)
        },
    }


def _engines(scores: pd.DataFrame, engine: str) -> dict:
    """How many points each engine scored, where not all were scored by `engine`."""
    counts = {str(name): int(count) for name, count in scores["engine"].value_counts().sort_index().items()}
    return {} if set(counts) <= {engine} else {"engines": counts}


def rung_name(height: int, variant: str, value: str) -> str:
    """The name of a rung and, with `.mp4`, of its rendition; `value` is the mean of its shots', by `Knob.tag`."""
    return f"{height}p_{variant}_{value}"


def _rungs(measured: "_Measured", choice: dict, rules: Limits) -> tuple[list[dict], list[dict]]:
    """The chosen rungs that keep what they must, and what is missing."""
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
    if choice["allocation"] == tables.SINGLE:
        rules = replace(rules, min_shot_quality=0.0, max_jump=100.0)
    kept: list[dict] = []
    missing = list(choice["missing"])
    for codec in sorted({wish["codec"] for wish in choice["rungs"]}):
        held, dropped = keep_rising([rung for rung in rungs if rung["codec"] == codec], rules.of(codec))
        kept += [_shown(rung) for rung in held]
        missing += [{"codec": codec, **asdict(gap)} for gap in dropped]
    return kept, missing


def _answers(measured: "_Measured", choice: dict) -> tuple[list[dict], list[dict]]:
    """The best rungs for a target that all measured points allow; and those that there are not, or that miss it."""
    asked, pooling = Asked(**choice["target"]), measured.pooling
    points = measured.scores.reset_index(drop=True).assign(quality=lambda scores: scores[f"vmaf_{pooling}"])
    same = {"pooling": pooling, "shots": choice["shots"], "duration_s": measured.media.duration_s}
    found, gaps = answers(points, asked, **same)
    kept: list[dict] = []
    missing = [{"codec": codec, **asdict(gap)} for codec, gap in gaps]
    for target in found:
        rung = measured.answer(target)
        while target.feasible and not asked.kept(rung):
            # The 5th percentile of a title of short shots may lie a little below that of each: all are raised.
            raised = replace(asked, limit=target.quality + RAISE)
            near = points[(points["codec"] == target.codec) & points["height"].isin(_heights(points, target, asked))]
            target = answers(near, raised, **same)[0][0]
            rung = measured.answer(target)
        feasible = asked.kept(rung)
        told = {"reason": asked.told(rung), "target": asdict(asked) | {"feasible": feasible}}
        kept.append(_shown(rung) | told)
        if not feasible:
            missing.append({"codec": target.codec, "wanted": asked.wanted, "reason": told["reason"]})
    return kept, missing


def _heights(points: pd.DataFrame, target: TitleTarget, asked: Asked) -> Sequence[int]:
    """The heights that an answer may have."""
    return target.heights if asked.heights == "each" else list(points["height"].unique())


def _shown(rung: dict) -> dict:
    return {name: value for name, value in rung.items() if name != "shot_quality"}


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

    def answer(self, target: TitleTarget) -> dict:
        """`rung` of what a target chose."""
        return self.rung([dict(row) for row in target.points.to_dict("records")], target.sentence)

    def rung(self, points: list[dict], reason: str) -> dict:
        """What `stream` gives, and `shot_quality`, pooled, by shot."""
        rung = self.stream(points, reason)
        own = self.scores.loc[[tuple(point[name] for name in tables.KEY) for point in points]]
        quality = own[f"vmaf_{self.pooling}"].astype(float)
        return rung | {"shot_quality": dict(zip(own["shot"].astype(int), quality, strict=True))}

    def stream(self, points: list[dict], reason: str) -> dict:
        """The rung of these points (by tables.KEY), given in the order of the title."""
        keys = [tuple(point[name] for name in tables.KEY) for point in points]
        lost = [key for key in keys if key not in self.scores.index]
        own = self.scores.loc[[key for key in keys if key not in lost]].reset_index(drop=True)
        frames = tables.of_points(self.frames, points)
        if lost or len(frames) != self.media.frames or own["frames"].sum() != self.media.frames:
            shot, variant, height, crf = (lost or keys)[0]
            same = self.scores[self.scores["variant"] == variant]
            value = knob_of(same["codec"].iloc[0], same["rate"].iloc[0]).told(crf) if len(same) else crf
            raise LadderError(
                f"{self.title}: {variant} {height}p {value} was chosen for {tables.span_name(shot)} but not measured "
                "for every frame; delete the last round's scores and run again"
            )
        by_rung = (own.assign(rung=0), frames.assign(rung=0))
        figures = title_figures(*by_rung, self.pooling, self.media, by=["rung"]).iloc[0]
        shared = own.iloc[0]
        mean_crf = float((own["crf"].astype(float) * own["frames"]).sum() / self.media.frames)
        crf = decimal_crf(str(round(mean_crf, 2)))
        knob = knob_of(shared["codec"], shared["rate"])
        streamed = self.flow([self.files[key] for key in own["key"]])
        return {
            "name": rung_name(int(shared["height"]), shared["variant"], knob.tag(crf)),
            **{name: str(shared[name]) for name in ("codec", "variant", "preset", "pix_fmt", "rate")},
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
