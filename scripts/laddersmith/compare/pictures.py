"""The pictures of the pages: quality over bitrate by variant, and what settings cost and gain."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ..report.palette import CODECS, FIXED, INK
from ..report.plots import AXIS_PX, themed
from ..report.words import turned


def rate_curves(title: Mapping[str, Any], *, width: int, height: int = 300) -> alt.TopLevelMixin:
    """Every variant's curve of one title of `compare.json`."""
    rows = [
        {"variant": one["variant"], **{key: point[key] for key in ("bitrate_kbps", "quality")}}
        | {"text": f"{one['variant']}, {point['height']}p {turned(one).told(point['crf'])}, "
                   f"{point['bitrate_kbps']:,.0f} kbit/s, "
                   f"VMAF {point['quality']:.2f}"}
        for one in title["variants"]
        for point in one["curve"]
    ]  # fmt: skip
    names = [one["variant"] for one in title["variants"]]
    base = alt.Chart(alt.Data(values=rows), width=width - AXIS_PX, height=height).encode(
        x=alt.X("bitrate_kbps:Q", title="bitrate in kbit/s (logarithmic)", scale=alt.Scale(type="log", nice=False)),
        y=alt.Y("quality:Q", title="VMAF", scale=alt.Scale(zero=False)),
        color=alt.Color("variant:N", title=None, scale=_colours(names), legend=_legend(width)),
    )
    dots = base.mark_point(filled=True, size=34, opacity=1, ariaRoleDescription="described").encode(
        description="text:N", shape=alt.Shape("variant:N", title=None, scale=alt.Scale(domain=names))
    )
    return themed(base.mark_line(strokeWidth=1.6) + dots)


def costs_and_gains(
    rows: Sequence[Mapping[str, Any]], *, taken: str | None, joined: bool, width: int, height: int = 280
) -> alt.TopLevelMixin:
    """BD-rate over CPU time, a dot and a name each; the chosen one ringed.

    Parameters
    ----------
    rows : entries with `name`, `cpu_s_per_s` and `bd_rate_pct`; those without a BD-rate are left out.
    taken : the name that gets the ring. joined : whether a line runs through the dots.
    """
    data = [
        {key: row[key] for key in ("name", "cpu_s_per_s", "bd_rate_pct")}
        | {"text": f"{row['name']}: {row['cpu_s_per_s']:.3g} CPU s per s, BD-rate {row['bd_rate_pct']:+.1f} %"}
        | {"taken": row["name"] == taken}
        for row in rows
        if row["bd_rate_pct"] is not None
    ]
    base = alt.Chart(alt.Data(values=data), width=width - AXIS_PX, height=height).encode(
        x=alt.X(
            "cpu_s_per_s:Q",
            title="CPU seconds per second of video (logarithmic)",
            scale=alt.Scale(type="log", nice=False, padding=48),
            axis=alt.Axis(format="~g", labelOverlap="greedy"),
        ),
        y=alt.Y("bd_rate_pct:Q", title="BD-rate, %", scale=alt.Scale(zero=True, padding=14)),
    )
    line = base.mark_line(color=CODECS[0], strokeWidth=1, strokeOpacity=0.4)
    dots = base.mark_point(filled=True, size=46, color=CODECS[0], opacity=1, ariaRoleDescription="described")
    ring = base.transform_filter("datum.taken").mark_point(
        filled=False, size=170, strokeWidth=2, color=FIXED, opacity=1
    )
    names = base.mark_text(align="left", dx=8, dy=-7, fontSize=11, color=INK).encode(text="name:N")
    drawn = dots.encode(description="text:N") + ring + names
    return themed(line + drawn if joined else drawn)


def _colours(names: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[CODECS[place % len(CODECS)] for place in range(len(names))])


def _legend(width: int) -> alt.Legend:
    return alt.Legend(columns=max(1, width // 150), labelLimit=140)
