"""The curve of a simulation as a picture: hours and busy cores over nodes."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from ..report.palette import CODECS, GRID, INK, MUTED


def picture(rows: Sequence[Mapping[str, Any]], *, width: int = 360, height: int = 260) -> alt.TopLevelMixin:
    """Hours over nodes, both on logarithmic scales, and the share of core seconds spent on work, side by side.

    Parameters
    ----------
    rows : of a simulation; each may name its `setting`.
    """
    data = pd.DataFrame(
        [
            {
                "nodes": row["nodes"],
                "hours": row["hours"],
                "busy": row["utilisation_pct"],
                "line": f"{row['titles']:,} titles{', ' + row['setting'] if 'setting' in row else ''}",
            }
            for row in rows
        ]
    )
    names = list(dict.fromkeys(data["line"]))
    colour = alt.Color(
        "line:N", scale=alt.Scale(domain=names, range=CODECS[: len(names)]), legend=alt.Legend(title=None)
    )
    nodes = alt.X("nodes:Q", scale=alt.Scale(type="log"), title="nodes", axis=alt.Axis(format="~d"))
    base = alt.Chart(data).properties(width=width, height=height)
    hours = base.mark_line(point=True).encode(
        nodes, alt.Y("hours:Q", scale=alt.Scale(type="log"), title="hours", axis=alt.Axis(format="~g")), colour
    )
    busy = base.mark_line(point=True).encode(
        nodes, alt.Y("busy:Q", scale=alt.Scale(domain=[0, 100]), title="core time spent on work, %"), colour
    )
    return (
        alt.hconcat(hours, busy)
        .configure(background="white", padding=14)
        .configure_view(stroke=None)
        .configure_axis(gridColor=GRID, labelColor=MUTED, titleColor=INK, domainColor=GRID, tickColor=GRID)
        .configure_legend(orient="bottom", labelColor=INK)
    )
