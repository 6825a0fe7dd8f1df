"""Every operation on vectors against the same one of NumPy, lane by lane."""

import numpy as np
import pytest
from laddersmith.quality.features import vectors
from laddersmith.quality.features.vectors import LANES
from numba import njit

RNG = np.random.default_rng(16)


@njit
def combined(a, b, c, out):
    one, two, three = vectors.load(a, 0, 3), vectors.load(b, 0, 0), vectors.load(c, 0, 0)
    vectors.store(out, 0, 0, one + two)
    vectors.store(out, 1, 0, one - two)
    vectors.store(out, 2, 0, one * two)
    vectors.store(out, 3, 0, vectors.fused(one, two, three))
    vectors.store(out, 4, 0, vectors.magnitude(one))
    vectors.store(out, 5, 0, vectors.maximum(one, two))
    vectors.store(out, 6, 0, vectors.minimum(one, two))
    vectors.store(out, 7, 0, vectors.where_reaches(one, two, three, vectors.splat(7)))
    vectors.store(out, 8, 0, vectors.towards(one, two))
    vectors.store(out, 9, 0, vectors.earlier(one, two))
    vectors.store(out, 10, 0, vectors.later(one, two))
    vectors.store_split(out, 11, 12, 4, one)
    return vectors.total(one)


def test_operations_lane_by_lane():
    a, b, c = (RNG.normal(size=(1, LANES + 3)).astype(np.float32) for _ in range(3))
    out = np.zeros((13, LANES), np.float32)
    total = combined(a, b, c, out)
    x, y, z = a[0, 3:], b[0, :LANES], c[0, :LANES]
    assert (out[0] == x + y).all() and (out[1] == x - y).all() and (out[2] == x * y).all()
    assert np.allclose(out[3], x * y + z, rtol=0, atol=1e-6)  # one rounding fewer
    assert (out[4] == abs(x)).all() and (out[5] == np.maximum(x, y)).all() and (out[6] == np.minimum(x, y)).all()
    assert (out[7] == np.where(x >= y, z, 7)).all()
    assert (out[8] == x * np.sign(y)).all()
    assert (out[9] == np.r_[x[-1], y[:-1]]).all() and (out[10] == np.r_[x[1:], y[0]]).all()
    assert (out[11, 4:12] == x[::2]).all() and (out[12, 4:12] == x[1::2]).all()
    assert (out[11:, :4] == 0).all() and (out[11:, 12:] == 0).all()
    assert total == pytest.approx(x.sum(), abs=1e-5)  # sixteen float32 in another order


@njit
def pairs(samples, first, wide, out):
    vectors.prefetch(samples, first + 10**9)
    even, odd = vectors.load_word_pairs(samples, first) if wide else vectors.load_byte_pairs(samples, first)
    vectors.store(out, 0, 0, even)
    vectors.store(out, 1, 0, odd)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pairs_of_samples_from_any_byte_on(kind):
    samples = RNG.integers(0, np.iinfo(kind).max, 2 * LANES, endpoint=True).astype(kind)
    out = np.zeros((2, LANES), np.float32)
    pairs(np.r_[np.zeros(3, np.uint8), samples.view(np.uint8)], 3, kind == np.uint16, out)
    assert (out[0] == samples[::2]).all() and (out[1] == samples[1::2]).all()
