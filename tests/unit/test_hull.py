import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from laddersmith.hull import bd_rate, convex_hull, pareto_front

points = st.integers(1, 40).flatmap(
    lambda n: st.tuples(arrays(float, n, elements=st.floats(1, 1e5)), arrays(float, n, elements=st.floats(0, 100)))
)


@given(points, st.floats(1e-6, 1e3))
def test_whatever_a_bit_costs_the_best_point_is_on_the_hull(cloud, price):
    rate, quality = cloud
    worth = quality - price * rate
    kept = convex_hull(rate, quality)
    # Rounding only: the same float64 sums, compared at their own scale.
    assert worth[kept].max() >= worth.max() - 1e-9 * max(1.0, abs(worth).max())


@given(points)
def test_along_the_hull_quality_rises_ever_more_slowly(cloud):
    rate, quality = (x[convex_hull(*cloud)] for x in cloud)
    slopes = np.diff(quality) / np.diff(rate)
    assert (np.diff(rate) > 0).all()
    assert (slopes > 0).all()
    assert (np.diff(slopes) <= 1e-9 * abs(slopes[:-1])).all()


@given(points)
def test_the_front_is_what_no_point_beats_and_holds_the_hull(cloud):
    rate, quality = cloud
    front = pareto_front(rate, quality)
    beaten = [
        any(
            (rate[j] <= rate[i] and quality[j] >= quality[i]) and (rate[j] < rate[i] or quality[j] > quality[i])
            for j in range(len(rate))
        )
        for i in range(len(rate))
    ]
    assert not any(beaten[i] for i in front)
    coordinates = {(rate[i], quality[i]) for i in front}
    assert coordinates == {(rate[i], quality[i]) for i in range(len(rate)) if not beaten[i]}
    assert {(rate[i], quality[i]) for i in convex_hull(rate, quality)} <= coordinates


@pytest.mark.parametrize("rate", [[1.0, np.nan], [1.0, 0.0], [1.0, -2.0], [1.0]])
@pytest.mark.parametrize("function", [convex_hull, pareto_front])
def test_points_that_cannot_be_are_refused(function, rate):
    with pytest.raises(ValueError, match=r"every point needs|two lists of one length"):
        function(rate, [1.0, 2.0])


@given(st.floats(0.2, 5), st.lists(st.integers(20, 95), min_size=4, max_size=8, unique=True))
def test_a_curve_that_costs_a_constant_factor_has_that_bd_rate(factor, qualities):
    quality = np.sort(np.array(qualities, float))
    rate = 100 * 1.07 ** (quality - 20)
    # pchip of equally shifted log rates: the difference is constant, up to float64 rounding.
    assert bd_rate(rate, quality, rate * factor, quality) == pytest.approx(100 * (factor - 1), abs=1e-6)


def test_points_that_another_beats_do_not_disturb_a_bd_rate():
    rate, quality = np.array([100, 200, 400, 800.0]), np.array([50, 70, 85, 93.0])
    noisy_rate, noisy_quality = np.append(rate, 500.0), np.append(quality, 60.0)
    assert bd_rate(rate, quality, noisy_rate, noisy_quality) == pytest.approx(0, abs=1e-9)


def test_curves_without_a_bd_rate_say_why():
    rate = [100.0, 200.0]
    with pytest.raises(ValueError, match="share no range of quality"):
        bd_rate(rate, [10, 20], rate, [30, 40])
    with pytest.raises(ValueError, match=r"test curve has 1 rising point"):
        bd_rate(rate, [10, 20], rate, [30, 30])
