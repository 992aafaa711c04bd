"""Subsets of studies by expansion against each solved from nothing.  Simulated bounds; no real data."""

import numpy as np
import pytest

from sdm_core.imputation import default_discards, most_likely
from sdm_core.imputation.left_out import most_likely_without
from sdm_core.imputation.shifts import TERMS, expand, truncated_at


def bounds(n_studies, n_voxels, seed=0, spread=0.3):
    rng = np.random.default_rng(seed)
    n = rng.integers(15, 60, n_studies)
    effects = rng.normal(0.1, 0.2, n_voxels) + rng.normal(0, spread, (n_studies, n_voxels))
    width = rng.choice([0.0, 0.3, 1.0], (n_studies, n_voxels), p=[0.1, 0.2, 0.7])
    threshold = 3.2 / np.sqrt(n)[:, None]
    lower = np.where(width < 0.5, effects - width / 2, -threshold).astype(np.float32)
    upper = np.where(width < 0.5, effects + width / 2, threshold).astype(np.float32)
    return np.ascontiguousarray(lower), np.ascontiguousarray(upper), 1 / n, 0.5 / n


def each_anew(lower, upper, base, slope, left, discards):
    mean, tau2 = np.empty((2, len(left), lower.shape[1]))
    for r, own in enumerate(left):
        kept = ~np.isin(np.arange(len(base)), own)
        own_bounds = np.ascontiguousarray(lower[kept]), np.ascontiguousarray(upper[kept])
        most_likely(*own_bounds, base[kept], slope[kept], discards[r], mean[r], tau2[r])
    return mean, tau2


@pytest.mark.parametrize(("n_studies", "together"), [(30, 1), (8, 1), (24, 3), (3, 1)])
def test_every_subset_has_the_likelihood_of_an_analysis_of_its_own(n_studies, together):
    data = bounds(n_studies, 150)
    left = np.full((n_studies // together + 1, together), -1)
    left[1:] = np.arange(n_studies).reshape(-1, together)
    discards = np.array([min(default_discards(n), n - 1) for n in n_studies - (left >= 0).sum(axis=1)])
    mean, tau2 = np.empty((2, len(left), 150))
    most_likely_without(*data, left, discards, mean, tau2)
    own_mean, own_tau2 = each_anew(*data, left, discards)
    # Two discards that leave means of the same size on both sides of 0 are a draw.
    draw = np.abs(np.abs(mean) - np.abs(own_mean)) < 5e-4
    assert draw.all()
    assert (np.abs(mean - own_mean) < 5e-4).mean() > 0.999
    assert np.quantile(np.abs(tau2 - own_tau2), 0.99) < 1e-3


def test_studies_that_are_all_known_need_no_likelihood():
    lower, upper, base, slope = bounds(4, 20)
    upper[:3] = lower[:3]
    left = np.array([[-1], [0], [3]])
    mean, tau2 = np.ones((2, 3, 20))
    most_likely_without(lower, upper, base, slope, left, np.array([1, 1, 1]), mean, tau2)
    assert not mean[2].any()
    assert not tau2[2].any()


@pytest.mark.parametrize("limits", [(-0.6, 0.6), (0.5, 0.9), (-0.9, -0.5), (-3.0, 3.0), (0.2, 0.25)])
def test_a_shifted_effect_is_the_one_drawn_from_the_shifted_distribution(limits):
    low, high = (float(np.float32(limit)) for limit in limits)
    field = np.random.default_rng(1).standard_normal(500).astype(np.float32)
    sides = [np.full(500, limit, dtype=np.float32) for limit in limits]
    mean, tau2, base, slope = 0.1, 0.01, 0.04, 0.01
    terms = np.empty((TERMS, 500), dtype=np.float32)
    expand(field, *sides, np.full(500, mean), np.full(500, tau2), base, slope, terms)
    variance = base + slope * mean**2 + tau2
    for m, t in ((0.02, 0.0), (-0.02, 0.003), (0.05, -0.005)):
        q = slope * ((mean + m) ** 2 - mean**2) + t
        shifted = np.clip(np.array([1, m, q, m * m, m * q, q * q]) @ terms.astype(float), low, high)
        drawn = np.array([truncated_at(float(z), low, high, mean + m, variance + q) for z in field])
        moved = np.abs(drawn - terms[0]).max()
        assert np.abs(shifted - drawn).max() < 0.08 * moved + 1e-6
        assert abs((shifted - drawn).mean()) < 2e-4
