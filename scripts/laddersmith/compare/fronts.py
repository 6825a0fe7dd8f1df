"""The Pareto set of a table of points, as JSON, as rows for a terminal, and as a picture."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ..encode.codecs.knobs import AVERAGE, KBPS, TWO_PASS
from ..errors import TableError
from ..hull import AXES, knees, pareto_set
from ..report.palette import CODECS, FIXED, HEIGHTS, INK, MUTED
from ..report.plots import themed

SCHEMA = "laddersmith/pareto/1"
# What tells a point from another, if there.
NAMES = ["title", "shot", "variant", "codec", "preset", "height", "rate", "crf"]
DRAWN = 2000  # of the points that others beat; more would only make the file large
TITLES = {
    "bitrate_kbps": "bitrate in kbit/s (logarithmic)",
    "encode_cpu_s": "CPU seconds of the encode (logarithmic)",
    "quality": "quality",
}


def pareto_facts(table: pd.DataFrame, axes: Sequence[str], by: Sequence[str] = ()) -> dict[str, Any]:
    """`pareto.json`: the points that no other of their group beats over `axes`, and which of them are knees.

    Parameters
    ----------
    table : points, with the columns `axes`, `by` and any of NAMES.
    axes : one to three names of `hull.AXES`.
    by : columns whose values make a group each; none: all points are one.

    Raises
    ------
    TableError
        If a column is missing or a value cannot be.
    """
    for name in (*axes, *by):
        if name not in table:
            raise TableError(f"no column {name}; the table has {', '.join(map(str, table.columns))}")
    columns = [name for name in dict.fromkeys([*by, *NAMES]) if name in table and name not in axes]
    groups = [group for _, group in table.groupby(list(by), sort=True)] if by else [table]
    front: list[dict[str, Any]] = []
    for group in groups:
        points = {name: group[name].to_numpy() for name in axes}
        try:
            kept, best = pareto_set(points), set(knees(points).tolist()) if len(axes) > 1 else set()
        except (ValueError, TypeError) as error:
            raise TableError(str(error)) from error
        rows = group.iloc[kept][[*columns, *axes]].astype(object)
        records = rows.where(rows.notna(), None).to_dict("records")
        front += [
            {str(key): value for key, value in row.items()} | {"knee": int(place) in best}
            for place, row in zip(kept, records, strict=True)
        ]
    return {
        "schema": SCHEMA,
        "axes": [{"name": name, "better": "more" if AXES[name] > 0 else "less"} for name in axes],
        "by": list(by),
        "points": len(table),
        "front": front,
    }


def pareto_picture(
    table: pd.DataFrame, facts: dict[str, Any], *, width: int = 900, height: int = 420
) -> alt.TopLevelMixin:
    """All points in grey, the set in colour, its knees ringed.

    Two axes are the plane's; of three, `quality` and the first of the others are, and the third is the colour. One axis
    is drawn against itself. Of the points some DRAWN are drawn at most, every so many.

    Parameters
    ----------
    table, facts : as given to and by `pareto_facts`, without groups.
    """
    axes = [axis["name"] for axis in facts["axes"]]
    across = next((name for name in axes if name != "quality"), axes[0])
    up = "quality" if "quality" in axes and across != "quality" else next((n for n in axes if n != across), across)
    colour = next((name for name in axes if name not in (across, up)), None)
    step = max(1, len(table) // DRAWN)
    shown = table.iloc[::step][list(axes)].assign(kind="beaten", text="")
    rows = pd.DataFrame(facts["front"])
    rows["text"] = [_says(row, axes) for row in facts["front"]]
    front = rows[[*axes, "text", "knee"]].assign(kind=np.where(rows["knee"], "knee", "not beaten"))
    data = pd.concat([shown, front], ignore_index=True)
    base = alt.Chart(data, width=width - 70, height=height).encode(x=_axis(alt.X, across), y=_axis(alt.Y, up))
    dots = base.transform_filter("datum.kind === 'beaten'").mark_point(
        filled=True, size=14, color=MUTED, opacity=0.35, stroke=None
    )
    of_front = base.transform_filter("datum.kind !== 'beaten'")
    marks = of_front.mark_point(filled=True, size=46, opacity=1, color=CODECS[0], ariaRoleDescription="described")
    scale = alt.Scale(type="log", range=[HEIGHTS[0], HEIGHTS[-1]])
    shade = (
        {"color": alt.Color(f"{colour}:Q", title=TITLES[colour], scale=scale, legend=alt.Legend(titleLimit=400))}
        if colour
        else {}
    )
    layers = [dots, marks.encode(description="text:N", **shade)]
    if len(axes) == 2:
        layers.insert(1, of_front.mark_line(color=CODECS[0], strokeWidth=1.2))
    rings = base.transform_filter("datum.kind === 'knee'").mark_point(
        filled=False, size=170, strokeWidth=2, color=FIXED, opacity=1
    )
    names = base.transform_filter("datum.kind === 'knee'").mark_text(align="left", dx=11, dy=4, color=INK, fontSize=11)
    return themed(alt.layer(*layers, rings, names.encode(text="text:N")))


def _axis(channel: Any, name: str) -> Any:
    kind: Any = "linear" if name == "quality" else "log"
    axis = alt.Axis(format=",~f", labelOverlap="greedy")
    return channel(
        f"{name}:Q", title=TITLES[name], scale=alt.Scale(type=kind, zero=False, nice=False, padding=12), axis=axis
    )


def _says(row: dict[str, Any], axes: Sequence[str]) -> str:
    """A point in words."""
    words = {"variant": "{}", "preset": "{}", "height": "{}p"}
    who = [words[name].format(row[name]) for name in words if row.get(name) is not None]
    if row.get("crf") is not None:
        who.append(KBPS.told(row["crf"]) if row.get("rate") in (AVERAGE, TWO_PASS) else f"CRF {row['crf']}")
    units = {"bitrate_kbps": "{:,.0f} kbit/s", "encode_cpu_s": "{:.3g} CPU s", "quality": "{:.2f}"}
    return ", ".join([*([" ".join(who)] if who else []), *(units[name].format(row[name]) for name in axes)])
