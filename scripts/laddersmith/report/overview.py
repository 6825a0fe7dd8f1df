"""What a ladder, its verdicts and its package say together, codec by codec."""

from collections.abc import Sequence

from ..encode import box
from ..ladder import savings
from .words import span

PEAK_RATIO = 2.0


def by_codec(ladder: dict, verdicts: Sequence[dict], package: dict) -> list[dict]:
    """Per codec, in the order of names: rungs from the best down, missing rungs, ranges in words, savings.

    A rung has its fields of `ladder.json` and `peak_ratio`, `picture_height`, `verified` (VMAF or None), `codecs`
    (RFC 6381 string or None).
    """
    verified = {(v["codec"], rung["name"]): rung["quality"] for v in verdicts for rung in v["rungs"]}
    strings = {(rung["codec"], rung["name"]): rung["codecs"] for rung in package.get("rungs", [])}
    saved = savings(ladder)
    result = []
    for codec in sorted({item["codec"] for item in (*ladder["rungs"], *ladder["missing"])}):
        rungs = []
        for rung in sorted((r for r in ladder["rungs"] if r["codec"] == codec), key=lambda r: -r["bitrate_kbps"]):
            place = (codec, rung["name"])
            more = {
                "peak_ratio": rung["peak_kbps"] / rung["bitrate_kbps"],
                "picture_height": picture_height(ladder, rung),
            }
            rungs.append(rung | more | {"verified": verified.get(place), "codecs": strings.get(place)})
        gain = saved.get(codec, {"bd_rate_pct": None, "why_none": None, "rungs": []})
        caps = {rung["name"]: rung for rung in ladder["fixed"] if rung["codec"] == codec}
        settings = sorted({f"{rung['variant']}: preset {rung['preset']}, {rung['pix_fmt']}" for rung in rungs})
        result.append(
            {
                "name": codec,
                "rungs": rungs,
                "missing": [gap for gap in ladder["missing"] if gap["codec"] == codec],
                "settings": "; ".join(settings),
                "bitrates": span(rung["bitrate_kbps"] for rung in rungs),
                "qualities": span((rung["quality"] for rung in rungs), 1),
                "bd_rate_pct": gain["bd_rate_pct"],
                "why_none": gain["why_none"],
                "saved": [caps[rung["name"]] | rung for rung in gain["rungs"]],
            }
        )
    return result


def picture_height(ladder: dict, rung: dict) -> int:
    """Pixels from top to bottom of a rung's picture; its `height` names the box that the picture fits in."""
    return box(ladder["source"]["width"], ladder["source"]["height"], rung["height"])[1]


def all_ok(ladder: dict, verdicts: Sequence[dict]) -> bool | None:
    """Whether every promise holds; None when a codec of the ladder has no verdict yet."""
    if any(not verdict["ok"] for verdict in verdicts):
        return False
    unjudged = {rung["codec"] for rung in ladder["rungs"]} - {verdict["codec"] for verdict in verdicts}
    return None if unjudged else True


def worst_gap(verdicts: Sequence[dict]) -> float | None:
    """The greatest distance in VMAF between a shot's predicted and verified mean; None where none was measured."""
    gaps = [rung["gap_mean"] for verdict in verdicts for rung in verdict["rungs"]]
    return max((gap for gap in gaps if gap is not None), default=None)
