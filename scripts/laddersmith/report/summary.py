"""All titles on one page, and in one JSON file."""

from collections.abc import Sequence
from urllib.parse import quote

from ..provenance import versions
from .page import templates
from .words import span

SCHEMA = "laddersmith/summary/1"


def summary_facts(ladders: Sequence[dict]) -> dict:
    """`summary.json`: one entry per title, in the order of their names.

    Parameters
    ----------
    ladders : each title's `package/ladder.json`.
    """
    titles = [_title(ladder) for ladder in sorted(ladders, key=lambda one: one["title"])]
    return {"schema": SCHEMA, "versions": versions(), "titles": titles}


def summarise(ladders: Sequence[dict]) -> str:
    """The summary's page, which lies beside the folders of the titles. Equal inputs give equal bytes."""
    titles = summary_facts(ladders)["titles"]
    rows = [title | {"href": f"{quote(title['title'], safe='')}/report.html"} for title in titles]
    page = templates().get_template("summary.html.j2").render(titles=rows, span=span)
    return page.rstrip() + "\n"


def _title(ladder: dict) -> dict:
    codecs = sorted({rung["codec"] for rung in ladder["rungs"]})
    gaps = [rung["verified"]["gap_mean"] for rung in ladder["rungs"]]
    return {
        "title": ladder["title"],
        "source": {key: ladder["source"][key] for key in ("width", "height", "frame_rate", "frames", "duration_s")},
        "model": ladder["model"],
        "ok": all(rung["verified"]["ok"] for rung in ladder["rungs"]),
        "worst_gap": max((gap for gap in gaps if gap is not None), default=None),
        "codecs": [_codec(ladder, codec) for codec in codecs],
    }


def _codec(ladder: dict, codec: str) -> dict:
    rungs = [rung for rung in ladder["rungs"] if rung["codec"] == codec]
    return {
        "codec": codec,
        "rungs": len(rungs),
        "missing": sum(gap["codec"] == codec for gap in ladder["missing"]),
        "min_kbps": min(rung["bitrate_kbps"] for rung in rungs),
        "max_kbps": max(rung["bitrate_kbps"] for rung in rungs),
        "min_quality": min(rung["quality"] for rung in rungs),
        "max_quality": max(rung["quality"] for rung in rungs),
        "bd_rate_pct": ladder["savings"].get(codec, {}).get("bd_rate_pct"),
    }
