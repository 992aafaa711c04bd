"""The most likely mean and tau2, against scipy's optimisers and by reasoning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from sdm_core.imputation import default_discards, most_likely


def fit(lower, upper, n=20.0, n_discards=0):
    """Mean and tau2 of voxels with bounds of shape (n_studies, n_voxels)."""
    lower, upper = (np.asarray(x, dtype=np.float32).reshape(len(x), -1) for x in (lower, upper))
    base = np.full(len(lower), 1 / n)
    mean, tau2 = np.empty(lower.shape[1]), np.empty(lower.shape[1])
    most_likely(lower, upper, base, np.full(len(lower), 0.03), n_discards, mean, tau2)
    return mean, tau2


def loss(mean, tau2, lower, upper, n=20.0):
    """Minus the log-likelihood of one voxel, its tails on the log scale."""
    s_low, s_high = (np.sqrt(1 / n + 0.03 * x**2 + tau2) for x in (lower, upper))
    known = upper - lower < 1e-6
    a, b = (lower - mean) / s_low, (upper - mean) / s_high
    near, far = np.where(a > 0, -a, b), np.where(a > 0, -b, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_interval = special.log_ndtr(near) + np.log1p(-np.exp(special.log_ndtr(far) - special.log_ndtr(near)))
    return -np.where(known, stats.norm.logpdf(lower, mean, s_low), log_interval).sum()


def random_bounds(seed, n_studies=8, n_voxels=12):
    rng = np.random.default_rng(seed)
    kernel = rng.uniform(0, 1, (n_studies, n_voxels)) * (rng.random((n_studies, n_voxels)) < 0.6)
    kernel[rng.random(kernel.shape) < 0.15] = 1
    peak, t = rng.normal(0.5, 0.6, kernel.shape), rng.uniform(0.4, 0.8, (n_studies, 1))
    return (np.float32(-t + kernel * (peak + t)), np.float32(t + kernel * (peak - t)))


@pytest.mark.parametrize("seed", range(3))
def test_mean_and_tau2_agree_with_a_general_optimiser(seed):
    lower, upper = random_bounds(seed)
    mean, tau2 = fit(lower, upper)
    for v in range(lower.shape[1]):
        low, high = lower[:, v].astype(float), upper[:, v].astype(float)
        best = optimize.minimize_scalar(
            loss, args=(0.0, low, high), bounds=(low.min(), high.max()), method="bounded", options={"xatol": 1e-9}
        )
        assert mean[v] == pytest.approx(best.x, abs=1e-5)
        grid = np.concatenate([[0], np.geomspace(1e-4, 25, 400)])
        losses = [loss(mean[v], x, low, high) for x in grid]
        assert loss(mean[v], tau2[v], low, high) <= min(losses) + 1e-4


def test_known_studies_alone_are_left_to_the_meta_analysis():
    y = [0.2, 0.4, 0.9]
    assert [float(x[0]) for x in fit(y, y)] == [0.0, 0.0]


def test_a_single_study_has_mean_zero():
    mean, tau2 = fit([0.3], [0.9])
    assert (mean[0], tau2[0]) == (0, 0)


def test_studies_that_found_nothing_have_mean_zero():
    mean, tau2 = fit([[-0.6]] * 5, [[0.6]] * 5, n_discards=1)
    assert mean[0] == pytest.approx(0, abs=1e-7)
    assert tau2[0] == 0


def test_a_discard_removes_the_study_that_carries_the_effect():
    lower, upper = [-0.5, -0.5, -0.5, -0.5, 1.5], [0.5, 0.5, 0.5, 0.5, 1.5]
    without = fit(lower, upper, n_discards=0)[0][0]
    assert without > 0.1
    assert fit(lower, upper, n_discards=1)[0][0] == pytest.approx(fit(lower[:4], upper[:4])[0][0], abs=1e-6)


def test_discards_are_those_of_an_exhaustive_search():
    lower, upper = random_bounds(7, n_studies=6, n_voxels=20)
    mean, _ = fit(lower, upper, n_discards=1)
    without = np.array([fit(np.delete(lower, i, 0), np.delete(upper, i, 0))[0] for i in range(6)])
    censored = (upper - lower >= 1e-6).any(axis=0)
    # A voxel may lose its only censored study, which the likelihood still solves but `fit` of the rest leaves out.
    rest_censored = [(np.delete(upper - lower, i, 0) >= 1e-6).any(axis=0) for i in range(6)]
    usable = censored & np.all(rest_censored, axis=0)
    assert usable.sum() > 10
    assert np.abs(mean[usable]) == pytest.approx(np.abs(without[:, usable]).min(axis=0), abs=1e-5)


@pytest.mark.parametrize(
    ("n_studies", "count"), [(2, 1), (30, 1), (31, 2), (59, 2), (60, 3), (77, 3), (80, 4), (94, 4)]
)
def test_the_number_of_discards_follows_the_number_of_studies(n_studies, count):
    assert default_discards(n_studies) == count


bounds = st.tuples(st.floats(-8, 8), st.one_of(st.just(0.0), st.floats(1e-5, 8)))


@settings(max_examples=150)
@given(st.lists(bounds, min_size=1, max_size=7), st.integers(4, 500), st.integers(0, 3))
def test_extreme_bounds_give_a_finite_mean_inside_them(pairs, n, n_discards):
    lower = np.array([p[0] for p in pairs], dtype=np.float32)
    upper = lower + np.array([p[1] for p in pairs], dtype=np.float32)
    mean, tau2 = fit(lower, upper, float(n), n_discards)
    assert min(lower.min(), 0) - 1e-6 <= mean[0] <= max(upper.max(), 0) + 1e-6
    assert 0 <= tau2[0] <= 25


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_changing_the_sign_of_all_effects_changes_the_sign_of_the_mean(seed):
    lower, upper = random_bounds(seed, n_voxels=3)
    (mean, tau2), (mirrored, mirrored_tau2) = fit(lower, upper), fit(-upper, -lower)
    assert mirrored == pytest.approx(-mean, abs=1e-6)
    assert mirrored_tau2 == pytest.approx(tau2, rel=1e-2, abs=1e-4)
