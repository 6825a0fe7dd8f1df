"""The picture of what scoring takes, of `bench_scoring`'s rows."""

from collections.abc import Sequence

import altair as alt

from .palette import HEIGHTS, INK
from .plots import spread, themed
from .svg import svg


def speed(rows: Sequence[dict], threads: int) -> str:
    """Times ffmpeg's filter, per encode, over the encodes of one reference: kernels alone and from files, as SVG.

    Parameters
    ----------
    rows : of the benchmark. threads : cores that either side of an end-to-end run was given.
    """
    panels = {"kernels": "kernels alone, one core", "end to end": f"from files, {threads} cores"}
    data = [
        {"size": f"{row['height']}p"} | {name: row[name] for name in ("part", "encodes", "speedup")}
        for row in rows
        if row["part"] in panels
    ]
    sizes = list(dict.fromkeys(row["size"] for row in data))
    colour = alt.Color(
        "size:N", title=None, sort=sizes, scale=alt.Scale(domain=sizes, range=spread(HEIGHTS, len(sizes)))
    )

    def panel(part: str) -> alt.LayerChart:
        base = alt.Chart(alt.Data(values=[row for row in data if row["part"] == part])).encode(
            x=alt.X("encodes:O", title="encodes of one reference", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("speedup:Q", title="times ffmpeg's libvmaf", scale=alt.Scale(domainMin=0)),
        )
        lines = base.mark_line().encode(color=colour) + base.mark_point(filled=True, size=45).encode(color=colour)
        one = alt.Chart(alt.Data(values=[{"speedup": 1}])).mark_rule(color=INK, strokeDash=[4, 3]).encode(y="speedup:Q")
        return (lines + one).properties(width=330, height=240, title=panels[part])

    return svg(themed(alt.hconcat(*(panel(part) for part in panels))).properties(background="white", padding=14))
