"""Most likely coefficients: against the mean model, group by group, and a general optimiser.  Simulated bounds."""

import numpy as np
import pytest
from scipy import optimize, stats

from sdm_core.imputation import most_likely, most_likely_linear

N, VOXELS = 14, 40
BASE, SLOPE = np.linspace(0.03, 0.09, N), np.full(N, 0.012)
GROUP = np.repeat([0.0, 1.0], N // 2)


@pytest.fixture(scope="module")
def bounds():
    rng = np.random.default_rng(5)
    effect = 0.3 + 0.4 * GROUP[:, None] + 0.3 * rng.standard_normal((N, VOXELS))
    width = rng.uniform(0.2, 0.8, (N, VOXELS)) * (rng.random((N, VOXELS)) < 0.8)
    return (effect - width).astype(np.float32), (effect + width).astype(np.float32)


def solve(bounds, design, contrast, n_discards):
    design = np.ascontiguousarray(design, dtype=float)
    coefficients, tau2 = np.empty((design.shape[1], VOXELS)), np.empty(VOXELS)
    contrast = np.asarray(contrast, dtype=float)
    most_likely_linear(*bounds, BASE, SLOPE, design, contrast, n_discards, coefficients, tau2)
    return coefficients, tau2


def solve_mean(lower, upper, base, slope, n_discards):
    mean, tau2 = np.empty(VOXELS), np.empty(VOXELS)
    most_likely(lower, upper, base, slope, n_discards, mean, tau2)
    return mean, tau2


@pytest.mark.parametrize("n_discards", [0, 1, 3])
def test_a_model_of_the_intercept_alone_is_the_mean_model(bounds, n_discards):
    coefficients, tau2 = solve(bounds, np.ones((N, 1)), [1], n_discards)
    mean, mean_tau2 = solve_mean(*bounds, BASE, SLOPE, n_discards)
    assert coefficients[0] == pytest.approx(mean, abs=1e-6)
    assert tau2 == pytest.approx(mean_tau2, abs=1e-3)


def test_two_groups_have_each_their_own_mean(bounds):
    coefficients, _ = solve(bounds, np.column_stack([1 - GROUP, GROUP]), [1, 0], 0)
    for group in (0, 1):
        own = group == GROUP
        mean, _ = solve_mean(*(np.ascontiguousarray(side[own]) for side in bounds), BASE[own], SLOPE[own], 0)
        assert coefficients[group] == pytest.approx(mean, abs=1e-6)


def test_the_coefficients_are_those_a_general_optimiser_finds(bounds):
    covariate = np.linspace(-40, 60, N)
    design = np.column_stack([np.ones(N), GROUP, covariate])
    coefficients, _ = solve(bounds, design, [0, 1, 0], 0)
    lower, upper = (side.astype(float) for side in bounds)

    def loss(beta, v):
        low, high = lower[:, v], upper[:, v]
        mean = design @ beta
        s_low, s_high = (np.sqrt(BASE + SLOPE * side**2) for side in (low, high))
        known = high - low < 1e-6
        inside = stats.norm.cdf((high - mean) / s_high) - stats.norm.cdf((low - mean) / s_low)
        return np.where(known, 0.5 * ((low - mean) / s_low) ** 2, -np.log(np.maximum(inside, 1e-300))).sum()

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20000, "maxfev": 20000}
    for v in range(5):
        start = coefficients[:, v] + 0.01
        best = optimize.minimize(loss, start, args=(v,), method="Nelder-Mead", options=options)
        assert loss(coefficients[:, v], v) <= best.fun + 1e-9


def test_the_unit_of_a_covariate_does_not_matter(bounds):
    covariate = np.linspace(-1, 1, N)
    one, tau2 = solve(bounds, np.column_stack([np.ones(N), covariate]), [0, 1], 2)
    other, other_tau2 = solve(bounds, np.column_stack([np.ones(N), 1e4 * covariate]), [0, 1], 2)
    assert other[1] * 1e4 == pytest.approx(one[1], rel=1e-6)
    assert other_tau2 == pytest.approx(tau2, abs=1e-6)


def test_discards_bring_the_contrast_closer_to_zero(bounds):
    design = np.column_stack([np.ones(N), GROUP - 0.5])
    sizes = [np.abs(solve(bounds, design, [0, 1], n)[0][1]) for n in (0, 1, 2)]
    assert (sizes[1] <= sizes[0] + 1e-9).all()
    assert sizes[2].mean() < sizes[1].mean() < sizes[0].mean()


def test_the_last_study_of_a_group_is_never_discarded(bounds):
    alone = np.zeros(N)
    alone[3] = 1
    coefficients, tau2 = solve(bounds, np.column_stack([np.ones(N), alone]), [0, 1], 4)
    assert np.isfinite(coefficients).all()
    assert np.isfinite(tau2).all()
    assert (coefficients[1] != 0).all()


def test_changing_the_sign_of_all_effects_changes_the_sign_of_the_coefficients(bounds):
    design = np.column_stack([np.ones(N), GROUP])
    coefficients, tau2 = solve(bounds, design, [0, 1], 2)
    mirrored, mirrored_tau2 = solve((-bounds[1], -bounds[0]), design, [0, 1], 2)
    assert mirrored == pytest.approx(-coefficients, abs=1e-6)
    assert mirrored_tau2 == pytest.approx(tau2, abs=1e-6)


def test_where_every_study_is_known_nothing_is_estimated(bounds):
    coefficients, tau2 = solve((bounds[0], bounds[0]), np.column_stack([np.ones(N), GROUP]), [0, 1], 1)
    assert not coefficients.any()
    assert not tau2.any()


def test_studies_that_found_nothing_have_coefficients_of_zero():
    edge = np.full((N, VOXELS), 0.6, dtype=np.float32)
    coefficients, _ = solve((-edge, edge), np.column_stack([np.ones(N), GROUP]), [0, 1], 1)
    assert np.abs(coefficients).max() < 1e-9


def test_bounds_far_apart_from_each_other_stay_finite():
    rng = np.random.default_rng(1)
    centre = rng.choice([-40.0, 0.0, 40.0], (N, VOXELS))
    bounds = (centre - 0.01).astype(np.float32), (centre + 0.01).astype(np.float32)
    coefficients, tau2 = solve(bounds, np.column_stack([np.ones(N), GROUP]), [0, 1], 2)
    assert np.isfinite(coefficients).all()
    assert np.isfinite(tau2).all()
