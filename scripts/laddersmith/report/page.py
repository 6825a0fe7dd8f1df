"""The report of one title: a single HTML page with all its pictures inside."""

import shlex
from collections.abc import Sequence
from functools import cache

import jinja2
import pandas as pd
from markupsafe import Markup

from ..tables import SINGLE, of_points
from . import plots, words
from .notices import notices
from .overview import all_ok, by_codec
from .palette import DARK
from .shots import shot_rows, spread
from .svg import inline

WIDE_PX, NARROW_PX = 1080, 330
ALLOCATIONS = {
    "single": "one CRF for all shots of a rung",
    "per_shot": "a CRF for every shot of a rung, so that the title has the most quality for its bits",
    "per_shot_any_height": "a CRF for every shot of a rung; for study, also a height for every shot",
}


@cache
def templates() -> jinja2.Environment:
    """The room's templates: autoescape on whatever the name, unknown names are errors."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("laddersmith.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "rate": words.rate,
        "told": words.told,
        "grid": words.grid,
        "spread": spread,
        "heading": words.heading,
    }
    environment.globals["dark_colours"] = DARK
    return environment


def report_title(
    facts: dict,
    shots: pd.DataFrame,
    points: pd.DataFrame,
    hull: pd.DataFrame,
    ladder: dict,
    verdicts: Sequence[dict],
    package: dict,
    *,
    title: str,
    frames: pd.DataFrame,
    pictured: dict[int, str],
    chroma_alarm_db: float,
    target: str,
) -> str:
    """The page of one title. Equal inputs give equal bytes.

    Parameters
    ----------
    facts, ladder, verdicts, package : `source.json`, `ladder.json`, every `verify/{codec}.json`, `package/ladder.json`.
    shots : rows of tables.SHOTS.
    points, hull : the measured points of the shots (tables.POINTS) and of the title (tables.TITLE_POINTS).
    frames : per-frame scores (tables.FRAMES) of the ladder's points at least.
    pictured : the shots that get a row, each with its picture's address (`shots.thumbnails`).
    chroma_alarm_db : chroma PSNR, in dB, below which a rung is called out.
    target : the file that Snakemake is asked for to make this page again.
    """
    codecs = by_codec(ladder, verdicts, package)
    page = (
        templates()
        .get_template("report.html.j2")
        .render(
            title=title,
            source=ladder["source"],
            ladder=ladder,
            package=package,
            codecs=codecs,
            verdicts=sorted(verdicts, key=lambda verdict: verdict["codec"]),
            ok=all_ok(ladder, verdicts),
            notices=notices(facts, codecs, verdicts, package, chroma_alarm_db),
            planes=_planes(hull, ladder),
            times=_times(shots, ladder, codecs, frames),
            shares=[
                _figure(
                    f"shots-{codec['name']}",
                    f"What every rung of {codec['name']} gives each shot: its {words.heading(codec['rungs'])}, its "
                    "mean VMAF, and its kilobytes.",
                    *(plots.shares(shots, codec["rungs"], width=width) for width in (WIDE_PX, NARROW_PX)),
                )
                for codec in codecs
                if codec["rungs"]
            ],
            middles=_middles(codecs),
            shot_rows=shot_rows(shots, _middles(codecs), pictured),
            shot_count=len(shots),
            measured=_measured(hull, points, shots, ladder),
            file=_file(facts),
            media=words.listed({key: value for key, value in facts["media"].items() if key != "path"}),
            video=words.listed(facts["video"]),
            care=[("HDR", words.told(facts["hdr"])), ("bars", words.told(facts["bars"])), _mezzanine(facts)],
            audio=facts["audio"],
            subtitles=facts["subtitles"],
            method=_method(ladder),
            versions=words.listed(facts["versions"] | ladder["versions"]),
            command=f"snakemake --profile profiles/local {shlex.quote(target)}",
        )
    )
    return page.rstrip() + "\n"


def _measured(hull: pd.DataFrame, points: pd.DataFrame, shots: pd.DataFrame, ladder: dict) -> str:
    """How much was measured, in a sentence."""
    whole = int((hull["allocation"] == SINGLE).sum())
    said = f"{whole} points of the title, each measured in all of its {len(shots)} shots ({len(points):,} encodes) to "
    if not whole:
        said = f"{len(points):,} encodes of single shots, each of the {len(shots)} at CRFs of its own, to "
    return said + f"search; {len(ladder['fixed'])} of the whole title for the fixed ladder."


def _planes(hull: pd.DataFrame, ladder: dict) -> list[dict]:
    drawn = [
        _figure(
            "cloud",
            "Every measured point of the title, by the height of its box, with the hull per codec, the rungs of this "
            "ladder and those of the fixed ladder. Rest the pointer on a point for its settings.",
            *(plots.cloud(hull, ladder["rungs"], ladder["fixed"], width=width) for width in (WIDE_PX, NARROW_PX)),
        )
    ]
    if len(ladder["hull"]) > 1:
        both = (plots.codecs_compared(ladder, width=width) for width in (WIDE_PX, NARROW_PX))
        drawn.append(_figure("codecs", "The hulls of all codecs in one plane.", *both))
    return drawn


def _times(shots: pd.DataFrame, ladder: dict, codecs: list[dict], frames: pd.DataFrame) -> list[dict]:
    """The shots' timeline, and the strips of each codec's rungs per frame."""
    chosen = _middles(codecs)
    names = " and ".join(f"{rung['codec']} {rung['name']}" for rung in chosen)
    drawn = [
        _figure(
            "timeline",
            f"Shot by shot: spatial and temporal complexity of the source, bitrate in kbit/s and mean VMAF of {names}.",
            *(plots.timeline(shots, chosen, width=width) for width in (WIDE_PX, NARROW_PX)),
        )
    ]
    numerator, denominator = map(int, ladder["source"]["frame_rate"].split("/"))
    for codec in codecs:
        series = {}
        for rung in codec["rungs"]:
            of_rung = of_points(frames, rung["points"]).sort_values("frame", kind="stable")
            if len(of_rung):
                value = words.turned(rung).told(spread(rung))
                strip = f"{rung['height']}p, {value}, {rung['bitrate_kbps']:,.0f} kbit/s"
                series[strip] = pd.DataFrame(
                    {"time_s": of_rung["frame"] * denominator / numerator, "vmaf": of_rung["vmaf"]}
                )
        if series:
            drawn.append(
                _figure(
                    f"frames-{codec['name']}",
                    f"VMAF of every frame of {codec['name']}, rung by rung: the mean, in a band from the lowest to the "
                    "highest frame where several share a pixel; the dot is the worst frame.",
                    *(plots.frame_quality(series, width=width) for width in (WIDE_PX, NARROW_PX)),
                )
            )
    return drawn


def _middles(codecs: list[dict]) -> list[dict]:
    """The middle rung of each codec that has any."""
    return [codec["rungs"][len(codec["rungs"]) // 2] for codec in codecs if codec["rungs"]]


def _figure(name: str, caption: str, wide: plots.Chart, narrow: plots.Chart) -> dict:
    """One picture in two widths; the page shows the one that fits the screen."""
    return {
        "caption": caption,
        "wide": Markup(inline(wide, f"{name}-wide", caption)),
        "narrow": Markup(inline(narrow, f"{name}-narrow", caption)),
    }


def _file(facts: dict) -> list[tuple[str, str]]:
    container = [(f"container {label}", text) for label, text in words.listed(facts["container"])]
    return [("path", facts["path"]), ("sha256", facts["sha256"]), *container]


def _mezzanine(facts: dict) -> tuple[str, str]:
    reasons = facts["mezzanine"]
    return ("mezzanine", words.told(reasons) if reasons else "none: the source is read as it is")


def _method(ladder: dict) -> list[tuple[str, str]]:
    display = ladder["display"]
    return [
        ("model", ladder["model"]),
        ("engine of the search", ladder["engine"]),
        ("pooling over frames", ladder["pooling"]),
        ("bits of the shots", ALLOCATIONS[ladder["allocation"]]),
        (
            "display",
            f"{words.size(**display)}; every rung is scaled up to it, bicubic, before it is scored",
        ),
        ("source sha256", ladder["source"]["sha256"]),
    ]
