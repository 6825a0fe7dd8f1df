"""What is learned of a made-up world whose rate and quality are known."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith import tables
from laddersmith.errors import ModelError, TableError
from laddersmith.learn import rate_quality
from laddersmith.learn.rate_quality import CRFS, covariance, fit_prior, observations, squares
from laddersmith.search.prior import TERMS, Prior, rate_unevenness, stretched, terms
from laddersmith.search.surface import Measured, Surface, kernel_of
from search_world import CODECS, DISPLAY, FRAMES, HEIGHTS, SCALES, Shot, World, a_prior, exhaustive, shares, subject

NO_POINT = tables.empty(tables.EXHAUSTIVE)


@pytest.fixture(scope="module")
def table():
    return exhaustive()


@pytest.fixture(scope="module")
def learned(table) -> Prior:
    return fit_prior(observations(table))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_covariance_learned_is_the_one_searched_with(seed, count):
    """To 1e-9: both add up the same few exponentials, in another order."""
    random = np.random.default_rng(seed)
    names = {
        key: [str(number) for number in random.integers(0, 3, count)] for key in ("shot", "title", "variant", "codec")
    }
    some = Measured(
        **names,
        features=random.uniform(0, 5, (count, 2)),
        crf=random.uniform(15, 60, count),
        share=random.uniform(0.2, 1, count),
        rate=np.zeros(count),
        quality=np.zeros(count),
    )
    points, size = random.uniform(-2, 2, (count, 2)), np.exp(random.normal(0, 1, 15))
    tasks = [
        [f"{title}/{shot}" for title, shot in zip(some.title, some.shot, strict=True)],
        some.title,
        some.variant,
    ]
    coordinates = [points, some.features * size[12:14]]
    for number, own in enumerate(tasks):
        unit = np.eye(count) * size[9 + number] / np.sqrt(2)
        coordinates.append(unit[[own.index(name) for name in own]])
    where = np.concatenate(coordinates, axis=1)
    kernel = kernel_of(size[:3], size[3:6], size[6:9], where.shape[1] - 2)
    assert covariance(size, squares(points, some)) == pytest.approx(kernel(where), abs=1e-9, rel=1e-9)


def test_a_surface_is_of_the_covariance_learned():
    """One point of another variant, shot and title: the posterior's variance by hand."""
    prior = a_prior()
    field, near = prior.rate, Measured.of(observations(exhaustive().iloc[[0]]))
    both = Measured(
        ["0", *near.shot], ["film", *near.title], ["x264", *near.variant], ["x264", *near.codec],
        np.concatenate([subject().features[None], near.features]), np.array([30.0, near.crf[0]]),
        np.array([1.0, near.share[0]]), np.zeros(2), np.zeros(2),
    )  # fmt: skip
    x = [(crf - SCALES[codec].middle) / SCALES[codec].unit for crf, codec in zip(both.crf, both.codec, strict=True)]
    own = [field.shot, field.title, field.codec]
    size = np.concatenate([field.amplitudes, field.crf_lengths, field.height_lengths, own, field.features])
    found = covariance(size, squares(np.stack([x, np.log2(both.share)], axis=1), both))
    noise = field.noise * rate_unevenness(near.quality[0])
    variance = found[0, 0] - found[0, 1] ** 2 / (found[1, 1] + noise**2)
    surface = Surface(prior, subject(), shares([360]), np.array([30.0]), Measured.of(observations(NO_POINT)), near)
    assert surface.rate_std[0, 0] ** 2 == pytest.approx(variance, rel=1e-9) and found[0, 1] > 0.01


def test_observations_are_in_the_units_of_the_prior(table):
    found = observations(table)
    pixels = DISPLAY[0] * DISPLAY[1]
    assert 2 ** found["rate"].to_numpy() * pixels * FRAMES / 8 == pytest.approx(table["bytes"].to_numpy(float))
    assert found["share"].max() == 1 and sorted(found["share"].unique()) == sorted(shares(HEIGHTS))
    assert found["quality"].equals(table["vmaf_mean"].rename("quality")) and len(Measured.of(found)) == len(table)


def test_the_mean_is_the_worlds(learned):
    """Three shots tell the slopes; of the level their own differences leave a doubt: half of what they are apart."""
    x, s = (grid.ravel() for grid in np.meshgrid(np.linspace(-1.3, 1.3, 9), np.log2(shares(HEIGHTS))))
    for codec, (dearer, _) in list(CODECS.items())[:3]:
        mean = terms(x, s) @ learned.rate.mean[codec]
        truth = -2.8 + dearer - 1.6 * x + 1.2 * s + 0.1 * x * x
        assert mean - truth == pytest.approx(np.full(len(x), np.mean(mean - truth)), abs=0.1)
        assert abs(np.mean(mean - truth)) < 0.5
        assert learned.quality.mean[codec].shape == (TERMS,)
    assert learned.scales == dict(sorted(SCALES.items()))


def test_a_codec_that_is_new_gets_its_scale_from_its_qualities(table):
    """CRFs of 64 to 192 for 16 to 48: the middle and the unit four times those of the world's."""
    every = observations(table[table["codec"] == "x264"])
    new = every.assign(codec="vp9", variant="vp9", crf=4 * every["crf"])
    usual = new.loc[new["quality"].between(30, 97), "crf"]
    scale = rate_quality._scale(new)
    assert scale.middle - 1.5 * scale.unit == pytest.approx(usual.min())
    assert scale.middle + 1.5 * scale.unit == pytest.approx(usual.max())
    with pytest.raises(ModelError, match="vp9 has no two CRFs with qualities from 30 to 97"):
        rate_quality._scale(new.assign(quality=99.0))


def test_the_noise_is_the_worlds(learned):
    """0.003 and 0.02 are drawn; 144 points tell a spread to 6 %, at five times that."""
    assert learned.rate.noise == pytest.approx(0.003, rel=0.3)
    assert learned.quality.noise == pytest.approx(0.02, rel=0.3)


def test_learning_is_repeatable(table, learned):
    assert fit_prior(observations(table)).to_json() == learned.to_json()


def test_what_was_learned_foretells_another_shot(learned):
    """Well, and about as well as it says: errors are of the size of its standard deviations."""
    world, crfs = World({0: Shot(-0.1, 0.2)}, seed=77), np.arange(18, 43.0)
    own = world.measured([(360, 22.0), (360, 36.0), (270, 30.0), (180, 38.0), (136, 34.0)])
    surface = Surface(learned, subject(), shares(HEIGHTS), crfs, own)
    truth = np.array([[world.value(0, "x264", height, crf) for crf in crfs] for height in HEIGHTS])
    free = ~surface.measured
    assert np.abs(surface.quality - truth[..., 1])[free].mean() < 1
    assert np.abs(surface.rate - truth[..., 0])[free].mean() < 0.05
    uneven = learned.rate.noise * rate_unevenness(truth[..., 1])
    off = ((surface.rate - truth[..., 0]) / np.hypot(surface.rate_std, uneven))[free]
    assert 0.2 < np.sqrt((off**2).mean()) < 2
    assert np.isfinite(stretched(surface.quality)).all()


def test_a_few_of_every_height_are_learned_from(table):
    every = observations(table)
    some = rate_quality._thinned(every)
    assert (some.groupby(["title", "shot", "codec", "share"]).size() == CRFS).all()
    assert some.groupby("codec")["crf"].nunique().min() > 2 * CRFS  # not the same at every height
    few = every[every["crf"] == 30]
    assert len(rate_quality._thinned(few).drop_duplicates()) == len(few)


def test_the_command_writes_the_prior(table, learned, tmp_path, monkeypatch):
    tables.write(tmp_path / "exhaustive.parquet", table, tables.EXHAUSTIVE)
    asked = [str(tmp_path / name) for name in ("exhaustive.parquet", "model.json")]
    monkeypatch.setattr(sys, "argv", ["rate_quality", *asked])
    rate_quality.main()
    assert Prior.from_json(json.loads((tmp_path / "model.json").read_text())).to_json() == learned.to_json()
    tables.write(tmp_path / "exhaustive.parquet", tables.empty(tables.SHOTS), tables.SHOTS)
    with pytest.raises(TableError, match=r"exhaustive\.parquet: exhaustive table lacks clip"):
        rate_quality.main()
