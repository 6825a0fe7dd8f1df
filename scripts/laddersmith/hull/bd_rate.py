"""Bjontegaard's delta rate: the mean difference in bitrate between two rate-quality curves at equal quality."""

import warnings

from numpy.typing import ArrayLike

from .envelope import checked_points, pareto_front

MIN_POINTS = 2


def bd_rate(
    anchor_kbps: ArrayLike,
    anchor_quality: ArrayLike,
    test_kbps: ArrayLike,
    test_quality: ArrayLike,
    *,
    method: str = "pchip",
) -> float:
    """Percent of bitrate that `test` needs more (positive) or less (negative) than `anchor` at equal quality.

    The mean of the difference of log bitrate over the qualities that both curves reach. Points that another
    point of the same curve beats are left out first, so that both curves rise.

    Parameters
    ----------
    anchor_kbps, test_kbps : (n,), (m,) kbit/s, positive, finite, in any order.
    anchor_quality, test_quality : (n,), (m,) quality, finite.
    method : "pchip", "akima" or "cubic", as the `bjontegaard` package has them.

    Raises
    ------
    ValueError
        If a point is not finite, a curve keeps fewer than two points, or the curves share no quality.

    Source: G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; piecewise
    interpolation as in VCEG-AI11 and JVET-N1010. Computed by the `bjontegaard` package (Herglotz et al., 2022).
    """
    from bjontegaard import bd_rate as reference

    curves = []
    for name, rate, quality in (("anchor", anchor_kbps, anchor_quality), ("test", test_kbps, test_quality)):
        rate, quality = checked_points(rate, quality)
        front = pareto_front(rate, quality)
        if len(front) < MIN_POINTS:
            raise ValueError(f"the {name} curve has {len(front)} rising point(s); a BD-rate needs {MIN_POINTS}")
        curves += [rate[front], quality[front]]
    low, high = max(curves[1][0], curves[3][0]), min(curves[1][-1], curves[3][-1])
    if low >= high:
        raise ValueError("the two curves share no range of quality, so they have no BD-rate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of small overlaps; the overlap is checked above
        return float(reference(*curves, method=method, require_matching_points=False, min_overlap=0))
