"""The picture of what searches lose and cost, of `bench_search`'s rows."""

from collections.abc import Sequence

import altair as alt

from .palette import CODECS
from .plots import themed
from .svg import svg


def searches(rows: Sequence[dict]) -> str:
    """Choice loss and rung excess over the share of encodes, a point for each strategy, with its interval, as SVG.

    Parameters
    ----------
    rows : "mean over clips" of the benchmark.
    """
    losses = {"choice_loss_pct": "choice loss, percent of bitrate", "rung_excess_mean_pct": "rung excess, percent"}
    names = [row["strategy"] for row in rows]
    colour = alt.Color("strategy:N", title=None, sort=names, scale=alt.Scale(domain=names, range=CODECS[: len(names)]))

    def panel(loss: str) -> alt.LayerChart:
        values = [
            {"strategy": row["strategy"], "share": row["encodes_share_pct"], "loss": row[loss]}
            | {
                f"{end}": row[loss] + sign * row.get(f"{loss}_plus_minus", 0)
                for end, sign in (("low", -1), ("high", 1))
            }
            for row in rows
        ]
        base = alt.Chart(alt.Data(values=values)).encode(
            x=alt.X("share:Q", title="percent of the exhaustive encodes", scale=alt.Scale(domainMin=0)), color=colour
        )
        bars = base.mark_rule().encode(y=alt.Y("low:Q", title=losses[loss]), y2="high:Q")
        return (bars + base.mark_point(filled=True, size=70, opacity=1).encode(y="loss:Q")).properties(
            width=330, height=240
        )

    return svg(themed(alt.hconcat(*(panel(loss) for loss in losses))).properties(background="white", padding=14))
