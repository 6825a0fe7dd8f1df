"""The pictures of a report, as Altair charts: give them to `svg.svg`, `svg.pdf` or `svg.inline`."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from ..tables import ANY_HEIGHT, FIXED_MARK, PER_SHOT, SINGLE
from .palette import CODECS, FIXED, GRID, HEIGHTS, INK, MUTED
from .words import heading, turned

Chart = alt.TopLevelMixin

# What a reader can tell apart at the widths of a page; a curve of more frames is drawn in this many bins.
BINS = 400
KINDS = ["convex hull", "ladder", "fixed ladder", "a height for every shot (not playable)"]
LABEL_PX, TITLE_PX = 12, 12
AXIS_PX = 62


def cloud(
    hull: pd.DataFrame, rungs: Sequence[dict], fixed: Sequence[dict], *, width: int = 1000, height: int = 340
) -> Chart:
    """Every measured point of the title, one panel per codec: its hull, its rungs and the fixed ladder's rungs.

    Parameters
    ----------
    hull : rows of tables.TITLE_POINTS; kbit/s and pooled VMAF.
    rungs, fixed : of `ladder.json`.
    width, height : of the whole picture and of a panel, in pixels.
    """
    searched = hull[~hull["variant"].str.contains(FIXED_MARK, regex=False)].sort_values(
        ["codec", "height", "variant", "bitrate_kbps"], kind="stable"
    )
    points = searched[searched["allocation"] == SINGLE]
    if points.empty:  # shots were measured at CRFs of their own
        points = searched[searched["allocation"] == PER_SHOT]
    codecs = sorted(set(points["codec"]) | {rung["codec"] for rung in rungs})
    columns = max(1, min(len(codecs), width // 300))
    marked = _marked(searched, rungs, fixed)
    x, y = _plane(pd.concat([points, marked]))
    heights = sorted(int(h) for h in points["height"].unique())
    measured = _records(points, "measured", [", on the hull" * on for on in points["on_hull"]])
    rows = pd.concat([measured, marked], ignore_index=True)
    base = alt.Chart(rows).encode(x=x, y=y)
    curves = (
        base.transform_filter("datum.kind === 'measured'")
        .mark_line(color=MUTED, strokeWidth=0.8, strokeOpacity=0.45)
        .encode(detail=["variant:N", "height:O"])
    )
    dots = (
        base.transform_filter("datum.kind === 'measured'")
        .mark_point(filled=True, size=30, opacity=1, stroke=None, ariaRoleDescription="described")
        .encode(
            fill=alt.Fill(
                "height:O",
                title="measured at",
                scale=alt.Scale(domain=heights, range=spread(HEIGHTS, len(heights))),
                legend=alt.Legend(labelExpr="datum.label + 'p'", orient="bottom", symbolStrokeWidth=0, symbolSize=60),
            ),
            description="text:N",
        )
    )
    kinds_here = KINDS if (marked["kind"] == KINDS[3]).any() else KINDS[:3]
    kinds = alt.Stroke(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=kinds_here, range=[INK, CODECS[1], FIXED, CODECS[2]][: len(kinds_here)]),
        legend=alt.Legend(symbolSize=90, symbolStrokeWidth=2, labelLimit=0),
    )
    lines = base.transform_filter("datum.kind !== 'measured'").encode(stroke=kinds, detail="kind:N")
    drawn = ["stroke", "circle", "diamond", "stroke"][: len(kinds_here)]
    shapes = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds_here, range=drawn))
    envelope = lines.transform_filter("datum.kind === 'convex hull'").mark_line(strokeWidth=1.4)
    anchored = lines.transform_filter("datum.kind === 'fixed ladder'").mark_line(strokeWidth=1.2, strokeDash=[4, 3])
    study = lines.transform_filter(f"datum.kind === '{KINDS[3]}'").mark_line(strokeWidth=1.2, strokeDash=[2, 2])
    rings = (
        lines.transform_filter("datum.kind === 'ladder' || datum.kind === 'fixed ladder'")
        .mark_point(size=100, strokeWidth=2, opacity=1, filled=False, ariaRoleDescription="described")
        .encode(shape=shapes, description="text:N")
    )
    names = (
        base.transform_filter("datum.kind === 'ladder'")
        .mark_text(align="right", dx=-9, dy=-7, fontSize=10, fontWeight="bold", color=INK)
        .encode(text="short:N")
    )
    panel = alt.layer(curves, envelope, study, anchored, dots, rings, names).properties(
        width=(width - AXIS_PX - 22 * (columns - 1)) // columns, height=height
    )
    faceted = panel.facet(
        facet=alt.Facet(
            "codec:N", title=None, sort=codecs, header=alt.Header(labelFontSize=13, labelFontWeight="bold")
        ),
        columns=columns,
        spacing=22,
    )
    return themed(faceted)


def codecs_compared(ladder: dict, *, width: int = 1000, height: int = 300) -> Chart:
    """The hulls of all codecs in one plane, from `hull` of `ladder.json`."""
    rows = pd.DataFrame([{"codec": codec, **point} for codec, hull in ladder["hull"].items() for point in hull])
    x, y = _plane(rows)
    colour = _codec_colour(sorted(ladder["hull"]))
    rows["text"] = [_says(row["codec"], row) for row in rows.to_dict("records")]
    base = alt.Chart(rows, width=width - AXIS_PX, height=height).encode(x=x, y=y, color=colour)
    dots = base.mark_point(filled=True, size=34, opacity=1, ariaRoleDescription="described").encode(
        shape=alt.Shape("codec:N", title=None, scale=alt.Scale(domain=sorted(ladder["hull"]))), description="text:N"
    )
    return themed(base.mark_line(strokeWidth=1.6) + dots)


def timeline(
    shots: pd.DataFrame,
    chosen: Sequence[dict],
    *,
    width: int = 1000,
    height: int = 84,
    names: dict[str, str] | None = None,
) -> Chart:
    """Complexity of every shot, and bitrate and VMAF of one rung per codec, over the title's time.

    Parameters
    ----------
    shots : rows of tables.SHOTS.
    chosen : rungs of `ladder.json`, at most one per codec.
    names : titles of the four panels by `spatial`, `temporal`, `bitrate`, `quality`.
    """
    titles = {"spatial": "spatial", "temporal": "temporal", "bitrate": "kbit/s", "quality": "VMAF"} | (names or {})
    end_s = float(shots["end_s"].max())
    last = alt.X("time_s:Q", title="time in s", scale=alt.Scale(domain=[0, end_s], nice=False))
    x = last.title(None).axis(labels=False, ticks=False)
    rows = []
    for rung in chosen:
        of_shot = {point["shot"]: point for point in rung["points"]}
        part = shots[shots["shot"].isin(list(of_shot))]
        for column in ("bitrate_kbps", "vmaf_mean"):
            values = [of_shot[shot][column] for shot in part["shot"]]
            rows.append(_steps(part, values).assign(codec=rung["codec"], column=column))
    rung_rows = pd.concat(rows) if rows else pd.DataFrame(columns=["time_s", "value", "codec", "column"])
    colour = _codec_colour([rung["codec"] for rung in chosen])

    def complexity(column: str, title: str) -> alt.Chart:
        return (
            alt.Chart(_steps(shots, list(shots[column])), width=width - AXIS_PX, height=height)
            .mark_area(interpolate="step-after", color=GRID, line={"color": MUTED, "strokeWidth": 1.2})
            .encode(x=x, y=alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=3)))
        )

    def of_rungs(column: str, title: str, zero: bool, x: alt.X) -> alt.Chart:
        return (
            alt.Chart(rung_rows[rung_rows["column"] == column], width=width - AXIS_PX, height=height)
            .mark_line(interpolate="step-after", strokeWidth=1.8)
            .encode(
                x=x,
                y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=zero), axis=alt.Axis(tickCount=3)),
                color=colour,
            )
        )

    return themed(
        alt.vconcat(
            complexity("spatial_complexity", titles["spatial"]),
            complexity("temporal_complexity", titles["temporal"]),
            of_rungs("bitrate_kbps", titles["bitrate"], True, x),
            of_rungs("vmaf_mean", titles["quality"], False, last),
            spacing=10,
        )
    )


def shares(shots: pd.DataFrame, rungs: Sequence[dict], *, width: int = 1000, height: int = 96) -> Chart:
    """CRF, mean VMAF and kilobytes of every shot over the title's time, one line per rung of one codec.

    Parameters
    ----------
    shots : rows of tables.SHOTS. rungs : of `ladder.json`.
    """
    end_s = float(shots["end_s"].max())
    last = alt.X("time_s:Q", title="time in s", scale=alt.Scale(domain=[0, end_s], nice=False))
    upper = last.title(None).axis(labels=False, ticks=False)
    rising = sorted(rungs, key=lambda rung: rung["bitrate_kbps"])
    names = [f"{rung['height']}p, {rung['bitrate_kbps']:,.0f} kbit/s" for rung in rising]
    rows = []
    for name, rung in zip(names, rising, strict=True):
        of_shot = {point["shot"]: point for point in rung["points"]}
        part = shots[shots["shot"].isin(list(of_shot))]
        mine = [of_shot[int(shot)] for shot in part["shot"]]
        for column, values in (
            ("crf", [float(point["crf"]) for point in mine]),
            ("vmaf", [point["vmaf_mean"] for point in mine]),
            ("kilobytes", [point["bytes"] / 1000 for point in mine]),
        ):
            rows.append(_steps(part, values).assign(rung=name, column=column))
    table = pd.concat(rows, ignore_index=True)
    colour = alt.Color(
        "rung:N",
        title=None,
        scale=alt.Scale(domain=names, range=spread(HEIGHTS, len(names))),
        legend=alt.Legend(columns=max(1, width // 170), labelLimit=200),
    )

    def panel(column: str, title: str, x: alt.X, y: alt.Scale) -> alt.Chart:
        return (
            alt.Chart(table[table["column"] == column], width=width - AXIS_PX, height=height)
            .mark_line(interpolate="step-after", strokeWidth=1.6)
            .encode(x=x, y=alt.Y("value:Q", title=title, scale=y, axis=alt.Axis(tickCount=3)), color=colour)
        )

    free = alt.Scale(zero=False)
    return themed(
        alt.vconcat(
            panel("crf", heading(rungs), upper, free),
            panel("vmaf", "VMAF", upper, free),
            panel("kilobytes", "kB", last, alt.Scale(zero=True)),
            spacing=10,
        )
    )


def frame_quality(series: dict[str, pd.DataFrame], *, width: int = 1000, height: int = 52) -> Chart:
    """VMAF per frame, one strip per rung: the mean of each bin of frames in a band from its lowest to its highest.

    Parameters
    ----------
    series : per name of a strip, from top to bottom: `time_s` and `vmaf` of each of its frames, in order.
    """
    strips = pd.concat([_binned(frames).assign(strip=name) for name, frames in series.items()], ignore_index=True)
    worst = strips.loc[strips.groupby("strip", sort=False)["low"].idxmin()].copy()
    worst["text"] = worst["low"].map("{:.1f}".format)
    end_s = float(strips["time_s"].max())
    worst["late"] = worst["time_s"] > 0.9 * end_s
    bottom = float(strips["low"].min())
    y_scale = alt.Scale(domain=[max(0.0, bottom - 0.12 * (100 - bottom)), 100], nice=False)
    rows = pd.concat([strips.assign(text=""), worst.assign(worst=True)], ignore_index=True)
    rows["worst"] = rows["worst"].eq(True)
    base = alt.Chart(rows, width=width - AXIS_PX, height=height).encode(
        x=alt.X("time_s:Q", title="time in s", scale=alt.Scale(domain=[0, end_s], nice=False))
    )
    y = alt.Y("low:Q", title="VMAF", scale=y_scale, axis=alt.Axis(tickCount=2))
    band = base.transform_filter("!datum.worst").mark_area(color=CODECS[0], opacity=0.28).encode(y=y, y2="high:Q")
    mean = base.transform_filter("!datum.worst").mark_line(color=CODECS[0], strokeWidth=1.2).encode(y="mean:Q")
    low = base.transform_filter("datum.worst")
    dot = low.mark_point(filled=True, color=FIXED, size=28, opacity=1).encode(y="low:Q")
    label = low.mark_text(color=INK, align="left", dx=6, dy=3, fontSize=10).transform_filter("!datum.late")
    late = low.mark_text(color=INK, align="right", dx=-6, dy=3, fontSize=10).transform_filter("datum.late")
    texts = [side.encode(y="low:Q", text="text:N") for side in (label, late)]
    header = alt.Header(labelOrient="top", labelAnchor="start", labelFontSize=11, labelPadding=3, labelColor=INK)
    strip = alt.Row("strip:N", title=None, sort=list(series), header=header)
    return themed(alt.layer(band, mean, dot, *texts).facet(row=strip, spacing=6))


def themed(chart: Chart) -> Chart:
    """The look that all pictures share: no frame, thin grid, text and lines in the palette's colours."""
    return (
        chart.configure(background="#ffffff00", font="Liberation Sans, Arial, sans-serif", padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=INK,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor=MUTED,
            tickColor=MUTED,
            labelFontSize=LABEL_PX,
            titleFontSize=TITLE_PX,
        )
        .configure_legend(
            orient="top",
            labelColor=INK,
            titleColor=MUTED,
            titleFontWeight="normal",
            titleOrient="left",
            columnPadding=14,
        )
        .configure_header(labelColor=INK, titleColor=INK)
    )


def _codec_colour(codecs: Sequence[str]) -> alt.Color:
    return alt.Color(
        "codec:N",
        title=None,
        scale=alt.Scale(domain=list(codecs), range=[CODECS[i % len(CODECS)] for i in range(len(codecs))]),
    )


def spread(colours: Sequence[str], count: int) -> list[str]:
    """`count` colours from first to last of a sequence."""
    return [colours[round(i * (len(colours) - 1) / max(1, count - 1))] for i in range(count)]


def _plane(points: pd.DataFrame) -> tuple[alt.X, alt.Y]:
    """The axes of the bitrate-quality plane over these points, with room at the ends."""
    low, high = float(points["bitrate_kbps"].min()), float(points["bitrate_kbps"].max())
    bottom = float(points["quality"].min())
    x = alt.X(
        "bitrate_kbps:Q",
        title="bitrate in kbit/s (logarithmic)",
        scale=alt.Scale(type="log", domain=[low / 1.15, high * 1.15], nice=False),
        axis=alt.Axis(values=_ticks(low / 1.15, high * 1.15), format=",~g", labelOverlap="greedy"),
    )
    y = alt.Y("quality:Q", title="VMAF", scale=alt.Scale(domain=[max(0.0, bottom - 3), 100], nice=False))
    return x, y


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between the limits."""
    steps = (digit * 10.0**power for power in range(-3, 8) for digit in (1, 2, 5))
    return [step for step in steps if low <= step <= high]


def _marked(points: pd.DataFrame, rungs: Sequence[dict], fixed: Sequence[dict]) -> pd.DataFrame:
    """The hull's points, the rungs and the fixed rungs, told apart by `kind`."""
    study = points[points["allocation"] == ANY_HEIGHT].sort_values(["codec", "bitrate_kbps"], kind="stable")
    ladder = pd.DataFrame(list(rungs), columns=[*_PLACE, "quality"])
    anchor = pd.DataFrame(list(fixed), columns=[*_PLACE, "quality"])
    return pd.concat(
        [
            _records(points[points["on_hull"]], KINDS[0], [""] * int(points["on_hull"].sum())),
            _records(study, KINDS[3], [""] * len(study)),
            _records(ladder, "ladder", [", rung"] * len(ladder)),
            _records(anchor, "fixed ladder", [", fixed ladder"] * len(anchor)),
        ],
        ignore_index=True,
    )


_PLACE = ["codec", "variant", "height", "rate", "crf", "bitrate_kbps"]


def _records(points: pd.DataFrame, kind: str, more: Sequence[str]) -> pd.DataFrame:
    table = points.reindex(columns=[*_PLACE, "quality"]).assign(kind=kind)
    table["short"] = [f"{height}p" for height in table["height"]]
    says = [_says(row["variant"], row) for row in table.to_dict("records")]
    table["text"] = [said + end for said, end in zip(says, more, strict=True)]
    return table


def _says(name: str, point: dict) -> str:
    place = f"{name}, {point['height']}p, {turned(point).told(point['crf'])}"
    return f"{place}: {point['bitrate_kbps']:,.0f} kbit/s, VMAF {point['quality']:.2f}"


def _steps(shots: pd.DataFrame, values: Sequence[float]) -> pd.DataFrame:
    """A value per shot as the corners of a step line: each at its shot's start, the last one again at the end."""
    if not len(shots):
        return pd.DataFrame({"time_s": [], "value": []})
    times = [*shots["start_s"], float(shots["end_s"].iloc[-1])]
    return pd.DataFrame({"time_s": times, "value": [*values, values[-1]]})


def _binned(frames: pd.DataFrame) -> pd.DataFrame:
    """Frames in at most BINS bins of equal count: `time_s` of the first, `low`, `mean` and `high` of `vmaf`."""
    size = -(-len(frames) // BINS)
    bins = frames.reset_index(drop=True).groupby(lambda row: row // size)
    return bins.agg(time_s=("time_s", "first"), low=("vmaf", "min"), mean=("vmaf", "mean"), high=("vmaf", "max"))
