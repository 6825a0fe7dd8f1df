"""All titles on one page, and in one JSON file."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from ..jsonfile import read_json, write_json, write_text
from ..provenance import versions
from .failures import Failure, failures
from .page import templates
from .words import span

SCHEMA = "laddersmith/summary/1"
# Rules that come after the package, which stands when they fail.
AFTER_PACKAGE = ("report", "gate", "export", "remember")


def summary_facts(ladders: Sequence[dict], failed: Sequence[Failure] = (), unfinished: Sequence[str] = ()) -> dict:
    """`summary.json`: one entry per title, in the order of their names.

    Parameters
    ----------
    ladders : each title's `package/ladder.json`.
    failed : the titles that failed. unfinished : those that neither have a package nor failed.
    """
    titles = [_title(ladder) for ladder in sorted(ladders, key=lambda one: one["title"])]
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "titles": titles,
        "failed": [one.to_json() for one in sorted(failed, key=lambda one: one.title)],
        "unfinished": sorted(unfinished),
    }


def summarise(ladders: Sequence[dict], failed: Sequence[Failure] = (), unfinished: Sequence[str] = ()) -> str:
    """The summary's page, which lies beside the folders of the titles. Equal inputs give equal bytes."""
    facts = summary_facts(ladders, failed, unfinished)
    rows = [title | {"href": f"{quote(title['title'], safe='')}/report.html"} for title in facts["titles"]]
    causes = [one | {"href": f"../{quote(one['log'])}"} for one in facts["failed"]]
    template = templates().get_template("summary.html.j2")
    page = template.render(titles=rows, failed=causes, unfinished=facts["unfinished"], span=span)
    return page.rstrip() + "\n"


def summarise_what_is_there(folder: Path, titles: Iterable[str], since: float = 0.0) -> list[Failure]:
    """Write the summary of a run that did not end well, of what it left; without a failed title, nothing.

    The page and the JSON file are dated 1970, older than any package, so that the rule `summary` makes them anew as
    soon as it can.

    Parameters
    ----------
    folder : the working folder. titles : those of the run. since : when it began, in seconds of the epoch.

    Returns
    -------
    The failed titles, in the order of `titles`.
    """
    titles = list(titles)
    failed = failures(folder, titles, since=since)
    if not failed:
        return []
    packages = {
        title: folder / "results" / title / "package" / "ladder.json"
        for title in titles
        if title not in failed or failed[title].rule in AFTER_PACKAGE
    }
    ladders = [read_json(package) for package in packages.values() if package.is_file()]
    unfinished = [title for title, package in packages.items() if title not in failed and not package.is_file()]
    page, facts = folder / "results" / "summary.html", folder / "results" / "summary.json"
    page.parent.mkdir(exist_ok=True)
    write_json(facts, summary_facts(ladders, list(failed.values()), unfinished))
    write_text(page, summarise(ladders, list(failed.values()), unfinished))
    for file in (page, facts):
        os.utime(file, (0, 0))
    return list(failed.values())


def _title(ladder: dict) -> dict:
    rungs = _rungs(ladder)
    codecs = sorted({rung["codec"] for rung in rungs})
    gaps = [rung["verified"]["gap_mean"] for rung in rungs]
    return {
        "title": ladder["title"],
        "source": {key: ladder["source"][key] for key in ("width", "height", "frame_rate", "frames", "duration_s")},
        "model": ladder["model"],
        "ok": all(rung["verified"]["ok"] for rung in rungs),
        "worst_gap": max((gap for gap in gaps if gap is not None), default=None),
        "codecs": [_codec(ladder, codec) for codec in codecs],
    }


def _rungs(ladder: dict) -> list[dict]:
    """Those within the manifests, and those that are progressive files."""
    return [*ladder["rungs"], *ladder["progressive"]]


def _codec(ladder: dict, codec: str) -> dict:
    rungs = [rung for rung in _rungs(ladder) if rung["codec"] == codec]
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
