"""The preset that is recommended, and the setting that a search ends with, against every setting measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..compare.presets import Wishes, fine_crfs, try_presets
from ..compare.search import Problem, Search, bayesian, descent, exhaustive
from ..compare.trials import Measured, Trials
from ..encode import CODECS
from ..source import Media
from ..store import Store
from .exhaustive import pieces_table, probed
from .materials import reference

CLIPS = ("bikes", "bigbuckbunny", "seeking", "car-detection")  # the first three at hand
FRAMES, WIDTH = 40, 320
COARSE = 3  # of the CRFs every which is what `presets` measures; searches may take them all
TOLERANCE = 0.5
TARGETS, ALLOWANCES = (70.0, 85.0), (1.05, 1.3)
SEEDS = range(5)
EVALUATIONS = 40
SETTINGS: dict[str, dict[str, Any]] = {
    "x264": {
        "default": "medium",
        "presets": ("veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast"),
        "crfs": tuple(str(crf) for crf in range(18, 43, 2)),
    },
    "svtav1": {
        "default": "8",
        "presets": ("2", "4", "5", "6", "7", "8", "9", "10"),
        "crfs": tuple(str(crf) for crf in range(22, 59, 3)),
    },
}
KEYFRAME_S, TIMEOUT_S, CACHE_MB, THREADS_OF_ENCODERS = 2.0, 3600.0, 512, 1
MODEL, ENGINE, POOLING = "vmaf_v0.6.1", "numba", "mean"


def preset_rows(clips: Mapping[str, Path], folder: Path, *, store: Store, threads: int) -> list[dict[str, Any]]:
    """A row for the recommended preset of every clip and codec, and one for each joint search of preset and CRF.

    Parameters
    ----------
    clips : real clips by name. folder : for what lies in between.
    store : where points are found that were measured before. threads : encodes, and scorings, side by side.
    """
    rows = []
    for clip in [name for name in CLIPS if name in clips][:3]:
        media = _piece(folder, clip, clips[clip])
        for codec, settings in SETTINGS.items():
            trials = _trials(media, folder / clip / codec, clip, codec, settings, store, threads)
            rows.append({"case": "preset", "clip": clip, "codec": codec} | _recommended(trials, settings))
            for target in TARGETS:
                for allowance in ALLOWANCES:
                    named = {"clip": clip, "codec": codec, "target": target, "allowance": allowance}
                    rows += [named | row for row in _searched(trials, settings, target, allowance)]
    return rows


def preset_summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How often the recommended preset is the true one, and what the two joint searches took and missed."""
    presets = [row for row in rows if row["case"] == "preset"]
    found: dict[str, float] = {
        "presets_right": sum(row["preset"] == row["true_preset"] for row in presets),
        "presets_tried": len(presets),
    }
    for method in ("bayes", "descent"):
        mine = [row for row in rows if row["case"] == "joint search" and row["method"] == method]
        missed = [row["time_over_least"] for row in mine if row["time_over_least"] is not None]
        found |= {
            f"{method}_searches": len(mine),
            f"{method}_answered": len(missed),
            f"{method}_encodes_mean": round(sum(row["measured"] for row in mine) / max(1, len(mine)), 2),
            f"{method}_found_least": sum(share <= 1 for share in missed),
            f"{method}_time_over_least_mean": round(sum(missed) / max(1, len(missed)), 4),
        }
    return found


def _piece(folder: Path, clip: str, path: Path) -> Media:
    (folder / clip).mkdir(parents=True, exist_ok=True)
    cut = reference(
        folder / clip / "piece.mp4", path, frames=FRAMES, filters=f"scale={WIDTH}:-2:flags=bicubic,setsar=1"
    )
    return probed(clip, cut, folder / clip)


def _trials(
    media: Media, folder: Path, clip: str, codec: str, settings: Mapping[str, Any], store: Store, threads: int
) -> Trials:
    own = {"codec": codec, "preset": settings["default"], "pix_fmt": "yuv420p", "crfs": settings["crfs"]}
    common = {"timeout_s": TIMEOUT_S, "frame_cache_mb": CACHE_MB}
    scoring = {"display": (media.width, media.height), "model": MODEL, "engine": ENGINE, "neighbours": True}
    return Trials(
        media=media,
        shots=pieces_table(media, [(0, media.frames)]),
        title=clip,
        settings=own | {"threads": THREADS_OF_ENCODERS},
        height=max(media.height, round(media.width * 9 / 16)),
        store=store,
        folder=folder / "encodes",
        pooling=POOLING,
        threads=threads,
        encoding={"keyframe_s": KEYFRAME_S, **common},
        scoring=scoring | common,
    )


def _recommended(trials: Trials, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recommendation from every third CRF, and the one from all of them."""
    wishes = Wishes(TOLERANCE, None, TARGETS[0], None, "none", EVALUATIONS, 0)
    crfs = settings["crfs"]
    taken, true = (
        try_presets(trials, presets=settings["presets"], crfs=some, fine_crfs=crfs, wishes=wishes)
        for some in (crfs[::COARSE], crfs)
    )
    seconds = {row["preset"]: row["cpu_s_per_s"] for row in true["presets"]}
    chosen, best = taken["recommended"]["preset"], true["recommended"]["preset"]
    return {
        "preset": chosen,
        "true_preset": best,
        "measured": len(settings["presets"]) * len(crfs[::COARSE]),
        "settings": len(settings["presets"]) * len(crfs),
        "time_over_true": round(seconds[chosen] / seconds[best], 4),
    }


def _searched(trials: Trials, settings: Mapping[str, Any], target: float, allowance: float) -> list[dict[str, Any]]:
    """Both searches of one problem, from nothing; none where no setting is within its limits."""
    crfs = fine_crfs(settings["crfs"], 1, CODECS[str(trials.settings["codec"])].knob.direction)
    crfs = [crf for crf in crfs if crf in settings["crfs"]]
    usual = dict(zip(crfs, trials.measure([(settings["default"], crf) for crf in crfs]), strict=True))
    reaching = [one.bitrate_kbps for one in usual.values() if one.quality >= target]
    if not reaching:
        return []
    problem = Problem(tuple(settings["presets"]), tuple(crfs), target, min(reaching) * allowance)
    truth = exhaustive(problem, trials.measure)
    if truth.found is None:
        return []
    least = trials.known[truth.found].encode_cpu_s
    rows = [_told(descent(problem, trials.measure, settings["default"]), least, trials.known, None)]
    for seed in SEEDS:
        search = bayesian(problem, trials.measure, seed=seed, evaluations=EVALUATIONS)
        rows.append(_told(search, least, trials.known, seed))
    return rows


def _told(search: Search, least: float, known: Mapping[tuple[str, str], Measured], seed: int | None) -> dict[str, Any]:
    over = None if search.found is None else round(known[search.found].encode_cpu_s / least, 4)
    seeded = {} if seed is None else {"seed": seed}
    return {
        "case": "joint search",
        "method": search.method,
        **seeded,
        "measured": len(search.tried),
        "time_over_least": over,
    }
