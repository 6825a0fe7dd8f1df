"""What is expected of a shot before and after measuring it, and how sure that is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith.errors import ModelError
from laddersmith.search.doubt import TARGETS, doubt, rate_at
from laddersmith.search.prior import MARGIN, Prior, load_prior, slope, stretched, unstretched
from laddersmith.search.surface import KNOWN, Measured, Subject, Surface
from search_world import HEIGHTS, SCALES, Shot, World, a_prior, measured, shares, subject

CRFS = np.arange(15, 46.0)
NOTHING = measured([])
SOME = [(360, 18.0), (360, 36.0), (270, 30.0), (180, 40.0), (136, 34.0)]
FIELDS = ("rate", "quality", "rate_std", "quality_std", "smooth_rate", "smooth_quality", "uneven")


def surface_of(own: Measured, crfs: np.ndarray = CRFS, heights: list[int] = HEIGHTS, **more) -> Surface:
    about = {"subject": subject(), "prior": a_prior()} | more
    return Surface(about.pop("prior"), about.pop("subject"), shares(heights), crfs, own, **about)


def sound(surface: Surface) -> None:
    """Finite, in range and falling."""
    shape = len(surface.shares), len(surface.crfs)
    for name in FIELDS:
        values = getattr(surface, name)
        assert values.shape == shape and np.isfinite(values).all(), name
    for values in (surface.quality, surface.smooth_quality):
        assert (values >= 0).all() and (values <= 100).all()
    for values in (surface.smooth_rate, surface.smooth_quality):
        assert (np.diff(values, axis=1) <= 1e-9).all()
    for values in (surface.rate_std, surface.quality_std, surface.uneven):
        assert (values >= 0).all()


# 1e-9 of quality: the logarithm's and the exponential's rounding, times the range.
@given(st.floats(0, 100))
def test_stretching_is_undone(quality):
    assert unstretched(stretched(quality)) == pytest.approx(quality, abs=1e-9)


@given(st.floats(-700, 700), st.floats(-1e6, 1e6))
def test_no_prediction_leaves_the_range(value, quality):
    assert 0 <= unstretched(value) <= 100
    assert stretched(quality) == stretched(min(max(quality, 0), 100))


@given(st.floats(0.01, 99.99))
def test_the_slope_is_that_of_stretching(quality):
    step = 1e-5
    risen = float(stretched(quality + step) - stretched(quality - step)) / (2 * step)
    assert slope(quality) == pytest.approx(risen, rel=1e-5)


def test_stretching_is_even_about_the_middle_and_ends():
    assert stretched(50) == 0
    assert stretched(100) == pytest.approx(-stretched(0)) == pytest.approx(np.log((100 + MARGIN) / MARGIN))


def test_a_prior_is_kept_in_json():
    prior = a_prior()
    again = Prior.from_json(json.loads(json.dumps(prior.to_json())))
    assert again.to_json() == prior.to_json()
    one, other = (surface_of(World().measured(SOME), prior=each) for each in (prior, again))
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


def test_a_prior_of_another_schema_is_refused():
    fields = a_prior().to_json() | {"schema": "laddersmith/rate_quality/0"}
    with pytest.raises(ModelError, match="has schema 'laddersmith/rate_quality/0', not 'laddersmith/rate_quality/1'"):
        Prior.from_json(fields)
    with pytest.raises(ModelError, match="has schema None"):
        Prior.from_json({})


def test_the_registered_prior_serves_every_codec():
    prior = load_prior()
    for codec in (*prior.scales, "vp9"):
        surface = surface_of(NOTHING, prior=prior, subject=subject(codec), crfs=np.arange(20, 61.0))
        sound(surface)
        for values in (surface.rate, surface.quality):
            assert (values[:, 0] > values[:, -1]).all()


def test_measured_points_are_what_was_measured():
    world = World()
    surface = surface_of(world.measured(SOME))
    sound(surface)
    for height, crf in SOME:
        place = HEIGHTS.index(height), int(crf - CRFS[0])
        assert surface.measured[place] and surface.rate_std[place] == surface.quality_std[place] == 0
        assert (surface.rate[place], surface.quality[place]) == world.value(0, "x264", height, crf)
    assert surface.measured.sum() == len(SOME)


def test_points_off_the_grid_count_and_are_not_on_it():
    surface = surface_of(World().measured([(360, 20.5), (270, 99.0)]))
    sound(surface)
    assert not surface.measured.any()
    assert surface.rate_std[0, 5] < surface_of(NOTHING).rate_std[0, 5] / 4


def test_more_measurements_make_surer_and_truer():
    world = World({0: Shot(0.6, 0.8)})
    truth = np.array([[world.value(0, "x264", height, crf) for crf in CRFS] for height in HEIGHTS])
    errors, spreads = [], []
    for count in (0, 2, 5):
        surface = surface_of(world.measured(SOME[:count]))
        errors.append(np.abs(surface.quality - truth[..., 1]).mean())
        spreads.append(surface.quality_std.mean())
        assert (surface.rate_std <= surface_of(NOTHING).rate_std + 1e-9).all()
    assert errors[0] > 2 * errors[1] > 3 * errors[2] and spreads[0] > spreads[1] > spreads[2]


def test_the_shot_in_another_variant_makes_surer():
    world, prior = World(), a_prior()
    other = world.measured(SOME, "x265")
    alone, told = surface_of(NOTHING, prior=prior), surface_of(NOTHING, prior=prior, known=other)
    sound(told)
    assert (told.rate_std < alone.rate_std).all() and told.rate_std.mean() < 0.8 * alone.rate_std.mean()
    assert told.quality_std.mean() < 0.9 * alone.quality_std.mean()
    stranger = replace(other, title=["other"] * len(SOME), shot=["7"] * len(SOME), features=other.features + 1)
    assert told.rate_std.mean() < surface_of(NOTHING, known=stranger).rate_std.mean() <= alone.rate_std.mean()
    # Nothing of the subject's own counts twice, and nobody else's counts as measured.
    own = world.measured(SOME[:2])
    one, both = surface_of(own), surface_of(own, known=own)
    assert all(np.array_equal(getattr(one, name), getattr(both, name)) for name in FIELDS)
    assert not told.measured.any()


def test_the_nearest_are_taken_notice_of():
    """What is farther than KNOWN nearer ones changes nothing."""
    world = World()
    near = world.measured([(height, crf) for height in HEIGHTS for crf in np.arange(16, 40, 2.0)], "x265")
    assert len(near) == KNOWN
    far = replace(
        world.measured(SOME), shot=["3"] * len(SOME), title=["other"] * len(SOME), rate=np.full(len(SOME), 9.0)
    )
    joined = Measured(
        **{name: [*getattr(far, name), *getattr(near, name)] for name in ("shot", "title", "variant", "codec")},
        **{
            name: np.concatenate([getattr(far, name), getattr(near, name)])
            for name in ("features", "crf", "share", "rate", "quality")
        },
    )
    one, both = surface_of(NOTHING, known=near), surface_of(NOTHING, known=joined)
    assert all(np.array_equal(getattr(one, name), getattr(both, name)) for name in FIELDS)


def test_an_unknown_codec_is_widely_unsure_and_learns():
    unknown = Subject("0", "film", "vp9", "vp9", subject().features)
    surface = surface_of(NOTHING, subject=unknown)
    sound(surface)
    assert (surface.rate_std > 0.6).all()  # the broad component's amplitude alone
    world = World()
    learned = surface_of(world.measured(SOME, "vp9"), subject=unknown)
    sound(learned)
    assert learned.rate_std.mean() < surface.rate_std.mean() / 4
    told = surface_of(NOTHING, subject=unknown, known=world.measured(SOME))
    assert (told.rate_std < surface.rate_std).all() and (told.rate_std > learned.rate_std).mean() > 0.9


def test_a_shot_that_is_uneven_is_held_to_be():
    places = [(height, crf) for height in HEIGHTS for crf in (20.0, 24.0, 25.0, 26.0, 32.0, 38.0)]
    calm, rough = (surface_of(World({0: Shot(uneven=times)}).measured(places)) for times in (1, 6))
    assert rough.uneven.mean() > 2 * calm.uneven.mean()
    assert (calm.uneven >= a_prior().rate.noise).all()


HARD_CASES = {
    "100 on many": [(360, crf, 1 - crf / 10, 100.0) for crf in CRFS[:-3]] + [(360, 45.0, -4, 97)],
    "0 on many": [(height, crf, -crf / 10 - 2, 0.0) for height in HEIGHTS for crf in CRFS[::3]],
    "100 everywhere": [(height, crf, -2.0, 100.0) for height in HEIGHTS for crf in CRFS[::4]],
    "both": [(360, crf, -crf / 10, 100.0 if crf < 30 else 0.0) for crf in CRFS],
    "rising": [(360, crf, -3 + crf / 50, 60 + crf / 2) for crf in CRFS[::5]],
    "a zigzag": [(180, crf, -3 + (crf % 2) / 2, 50 + 9 * (crf % 2)) for crf in CRFS],
    "side by side": [(360, crf, -crf / 10, 120 - 2 * crf) for crf in (30.0, 31.0, 32.0)],
    "one": [(136, 45.0, -9.0, 3.0)],
    "the same twice": [(360, 30.0, -3.0, 80.0), (360, 30.0, -3.01, 80.1)],
    "absurd": [(360, 30.0, 40.0, 0.0), (180, 20.0, -40.0, 100.0)],
}


@pytest.mark.parametrize("rows", HARD_CASES.values(), ids=HARD_CASES.keys())
def test_hard_cases(rows):
    surface = surface_of(measured(rows))
    sound(surface)
    rate, quality = surface.samples(5, noise=True)
    assert np.isfinite(rate).all() and (quality >= 0).all() and (quality <= 100).all()
    found = doubt(surface)
    assert 0 <= found.loss <= 1 and found.by_quality.shape == (TARGETS,)


@pytest.mark.parametrize("heights", [[360], [136], HEIGHTS])
@pytest.mark.parametrize("crfs", [[30.0], [30.0, 31.0], [20.5, 21.0, 21.5, 22.0]])
def test_small_grids(crfs, heights):
    for own in (NOTHING, World().measured([(heights[0], crfs[0])])):
        surface = surface_of(own, np.array(crfs), heights)
        sound(surface)
        assert surface.measured.sum() == len(own)
        assert np.isfinite(doubt(surface).loss)
        assert len(heights) > 1 or doubt(surface).loss < 0.01  # there is nothing to choose from


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(HEIGHTS), st.sampled_from(list(CRFS)), st.floats(-12, 3), st.floats(0, 100)),
        min_size=1,
        max_size=14,
        unique_by=lambda row: row[:2],
    )
)
def test_whatever_was_measured_is_met(rows):
    surface = surface_of(measured(rows))
    sound(surface)
    assert surface.measured.sum() == len(rows)
    for height, crf, rate, quality in rows:
        place = HEIGHTS.index(height), int(crf - CRFS[0])
        assert (surface.rate[place], surface.quality[place]) == (rate, quality)
    assert 0 <= doubt(surface).loss <= 1


def test_samples_agree_with_mean_and_spread():
    crfs, count = np.arange(24, 37, 2.0), 4000
    surface = surface_of(World().measured([(360, 24.0), (270, 36.0)]), crfs)
    rate, quality = surface.samples(count, 1)
    assert rate.shape == quality.shape == (count, len(HEIGHTS), len(crfs))
    free = ~surface.measured
    value, spread = stretched(quality), surface.quality_std * slope(surface.quality)
    # Five standard errors: of a mean 1 / sqrt(n) of the spread, of a spread 1 / sqrt(2 n) of itself.
    inside = free & (np.abs(stretched(surface.smooth_quality)) + 4 * spread < stretched(100))  # none is cut off
    assert inside.sum() > 8
    for drawn, mean, std, places in (
        (rate, surface.smooth_rate, surface.rate_std, free),
        (value, stretched(surface.smooth_quality), spread, inside),
    ):
        assert (np.abs(drawn.mean(axis=0) - mean)[places] < (5 * std / np.sqrt(count))[places]).all()
        assert drawn.std(axis=0)[places] == pytest.approx(std[places], rel=5 / np.sqrt(2 * count))


def test_samples_are_repeatable_by_seed():
    surface = surface_of(World().measured(SOME))
    one, same, other = (surface.samples(3, seed) for seed in (4, 4, 5))
    assert all(map(np.array_equal, one, same)) and not np.array_equal(one[0], other[0])


def test_noise_is_that_of_measurements():
    surface, count = surface_of(World().measured(SOME)), 4000
    smooth, rough = surface.samples(count, 2), surface.samples(count, 2, noise=True)
    for values, own in zip(rough, (surface.rate, surface.quality), strict=True):
        assert (values[:, surface.measured] == own[surface.measured]).all()
    assert (smooth[0][:, surface.measured].std(axis=0) > 0).all()
    # The noise is drawn after the smooth surfaces, so that the difference is the noise alone: at quality 100 of the
    # prior's size, and 1 + (100 - Q) / 20 times as much at others.
    free = ~surface.measured
    difference = (rough[0] - smooth[0])[:, free] / (1 + (100 - smooth[1][:, free]) / 20)
    assert difference.std(axis=0) == pytest.approx(0.003, rel=5 / np.sqrt(2 * count))


# Shots whose best score is high, less than what a ladder asks for, and less than what a loss is counted from.
@pytest.mark.parametrize("hard", [-14, -6, 0, 3, 6, 14])
@pytest.mark.parametrize("lowest", [15.0, 30.0])
def test_when_all_is_measured_nothing_is_in_doubt(hard, lowest):
    world, crfs = World({0: Shot(hard=hard)}), np.arange(lowest, 46.0)
    some = surface_of(world.measured([(360, 45.0), (180, lowest)]), crfs)
    every = surface_of(world.measured([(height, crf) for height in HEIGHTS for crf in crfs]), crfs)
    before, after = doubt(some).loss, doubt(every).loss
    assert after < 1e-3  # of the bitrate; the surface is no surer of the smooth one than encodes are even
    assert before > 3 * after or hard < 0  # of an easy shot one measurement told all: every height has every quality


def test_doubt_falls_with_measurements():
    world = World()
    places = [(height, crf) for crf in CRFS[::5] for height in HEIGHTS]
    losses = [doubt(surface_of(world.measured(places[:count]))).loss for count in (0, 12, 28)]
    assert losses[0] > losses[1] > losses[2] and losses[0] > 0.05 and losses[2] < 0.005


def test_a_height_that_others_better_everywhere_is_not_chosen():
    world = World()
    rows = [(height, crf, *world.value(0, "x264", height, crf)) for height in HEIGHTS for crf in CRFS[::4]]
    dear = [(h, crf, rate + (3 if h == 270 else 0), quality) for h, crf, rate, quality in rows]
    found = doubt(surface_of(measured(dear)))
    assert 1 not in found.chosen and found.loss < 0.01
    assert (found.chosen != found.rival).all() and (np.diff(found.quality) >= 0).all()


def test_the_rate_of_a_quality():
    rate, quality = np.array([[3.0, 2.0, 1.0], [2.0, 1.5, 1.0]]), np.array([[90.0, 80.0, 60.0], [70.0, 71.0, 40.0]])
    found = rate_at(rate, quality, np.array([30.0, 70.0, 85.0, 95.0]))
    assert found[0].tolist() == [1, 1.5, 2.5, np.inf]
    assert found[1, 0] == 1 and 1 < found[1, 1] < 1.5 and np.isinf(found[1, 2:]).all()


def test_a_knob_of_another_range_gives_no_nonsense():
    """Some encoders count from 0 to 255: far out the prior's cubics mean nothing, but stay numbers."""
    crfs = np.arange(0, 256.0, 5)
    for prior in (a_prior(), load_prior()):
        for own in (NOTHING, measured([(360, 100.0, -2.5, 92.0), (180, 180.0, -6.0, 40.0)], "av1_amf")):
            surface = surface_of(own, crfs, prior=prior, subject=subject("av1_amf"))
            sound(surface)
            assert np.isfinite(np.exp2(surface.rate)).all() and np.isfinite(doubt(surface).loss)


def test_scales_are_the_codecs_own():
    """The same distance from the middle is the same to the prior."""
    one, other = (
        surface_of(NOTHING, subject=subject(codec), crfs=SCALES[codec].middle + SCALES[codec].unit * np.linspace(-1, 1))
        for codec in ("x264", "svtav1")
    )
    assert one.rate == pytest.approx(other.rate, abs=1e-9)
