"""Means drawn from their likelihood, against the likelihood integrated by numpy.  Simulated bounds; no real data."""

import numpy as np
import pytest
from scipy import stats

from sdm_core.imputation import KNOTS, draw_mean, mean_deviations, most_likely


def bounds(n_voxels, seed=0):
    """Ten studies of which some are known, some bounded on one side of 0, most silent."""
    rng = np.random.default_rng(seed)
    n = rng.integers(15, 60, 10)
    effects = rng.normal(0.3, 0.3, (10, n_voxels))
    kind = rng.choice(3, (10, n_voxels), p=[0.1, 0.3, 0.6])
    limit = 3.2 / np.sqrt(n)[:, None]
    lower = np.select([kind == 0, kind == 1], [effects, effects - 0.2], -limit).astype(np.float32)
    upper = np.select([kind == 0, kind == 1], [effects, effects + 0.2], limit).astype(np.float32)
    return lower, upper, 1 / n, 0.5 / n


def found(data, n_discards=0):
    n_voxels = data[0].shape[1]
    mean, tau2, deviations = np.empty(n_voxels), np.empty(n_voxels), np.empty((KNOTS.size, n_voxels))
    most_likely(*data, n_discards, mean, tau2)
    mean_deviations(*data, mean, tau2, deviations)
    return mean, tau2, deviations


def likelihood(mu, tau2, lower, upper, base, slope):
    """Of every mean mu at one voxel."""
    low_sd, high_sd = (np.sqrt(base + slope * side.astype(float) ** 2 + tau2)[:, None] for side in (lower, upper))
    low, high = lower[:, None].astype(float), upper[:, None].astype(float)
    inside = np.log(stats.norm.cdf((high - mu) / high_sd) - stats.norm.cdf((low - mu) / low_sd) + 1e-300)
    logarithm = np.where(high - low < 1e-6, stats.norm.logpdf((low + high) / 2, mu, low_sd), inside).sum(axis=0)
    return np.exp(logarithm - logarithm.max())


def test_the_quantiles_of_the_draws_are_those_of_the_likelihood():
    data = bounds(12)
    _, tau2, deviations = found(data)
    mu = np.linspace(-3, 3, 20001)
    for voxel in range(12):
        own = likelihood(mu, tau2[voxel], data[0][:, voxel], data[1][:, voxel], *data[2:])
        share = np.cumsum(own) / own.sum()
        spread = np.sqrt((own * (mu - (own * mu).sum() / own.sum()) ** 2).sum() / own.sum())
        for k in (4, 6, 8, 10, 12):
            expected = mu[np.searchsorted(share, stats.norm.cdf(KNOTS[k]))]
            # The most likely mean is found without tau2, so that the draws lie around another centre.
            assert deviations[k, voxel] - deviations[8, voxel] == pytest.approx(
                expected - mu[np.searchsorted(share, 0.5)], abs=0.03 * spread
            )


def test_a_field_of_standard_normal_numbers_draws_the_likelihood():
    data = bounds(1, seed=3)
    mean, tau2, deviations = found(data)
    many = 20000
    field = np.random.default_rng(1).standard_normal((1, 1, many)).astype(np.float32)
    drawn = np.empty(many)
    draw_mean(field, np.arange(many), np.full(many, mean[0]), np.repeat(deviations, many, axis=1), drawn)
    mu = np.linspace(-3, 3, 20001)
    own = likelihood(mu, tau2[0], data[0][:, 0], data[1][:, 0], *data[2:])
    centre = (own * mu).sum() / own.sum()
    spread = np.sqrt((own * (mu - centre) ** 2).sum() / own.sum())
    assert drawn.std() == pytest.approx(spread, rel=0.03)


def test_the_opposite_bounds_have_the_opposite_draws():
    lower, upper, base, slope = bounds(20, seed=5)
    deviations, mirrored = found((lower, upper, base, slope))[2], found((-upper, -lower, base, slope))[2]
    assert mirrored[::-1] == pytest.approx(-deviations, abs=1e-6)


def test_discards_move_the_draws_and_leave_their_spread():
    data = bounds(20, seed=7)
    mean, tau2, deviations = found(data)
    about_another = np.empty_like(deviations)
    mean_deviations(*data, 0.5 * mean, tau2, about_another)
    assert about_another == pytest.approx(deviations, abs=1e-4)


def test_where_every_study_is_known_nothing_is_drawn():
    lower, _, base, slope = bounds(5)
    assert not found((lower, lower, base, slope))[2].any()
