"""Whatever the numbers: what is estimated and imputed stays finite and between its bounds; drawn at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdm_core.effects import EffectScale
from sdm_core.imputation import impute, most_likely, most_likely_linear, truncations
from sdm_core.imputation.likelihood import LARGEST_TAU2
from sdm_core.studies import StudyTable

SIZES = st.sampled_from([4, 5, 10, 30, 1000, 10**6])
THRESHOLDS = st.sampled_from([0.5, 1.7, 3.1, 20.0, 100.0])
PEAKS = st.sampled_from([-1000.0, -20.0, -3.5, 0.0, 1e-6, 3.5, 20.0, 1000.0])
KERNELS = st.sampled_from([0.0, 1e-6, 0.5, 0.999999, 1.0])
DESIGNS = st.sampled_from(["one_sample", "two_sample", "correlation"])
STUDIES = st.lists(st.tuples(SIZES, DESIGNS, THRESHOLDS, PEAKS, KERNELS), min_size=1, max_size=6)


def bounds_of(drawn):
    """One voxel's bounds (n_studies, 1) as the formula of the kernel gives them, and the scale of the effects."""
    rows = [
        {"study": f"s{i}", "n1": n, "n2": n if design == "two_sample" else "", "design": design, "t_thr": threshold}
        for i, (n, design, threshold, _, _) in enumerate(drawn)
    ]
    scale = EffectScale.of(StudyTable.from_rows(rows))
    lower, upper = np.empty((2, len(drawn), 1), dtype=np.float32)
    for i, (_, _, threshold, peak, kernel) in enumerate(drawn):
        lower[i] = scale.effect(i, -threshold + kernel * (peak + threshold))
        upper[i] = scale.effect(i, threshold + kernel * (peak - threshold))
    return np.minimum(lower, upper), upper, scale


def assert_imputed_between_bounds(lower, upper, scale, mean, tau2, field):
    voxel, values = np.zeros(1, dtype=np.int64), np.full((1, 1, 1), field, dtype=np.float32)
    for i in range(len(lower)):
        below, inside, effects, variances = np.empty((4, 1))
        base, slope = scale.base[i], scale.slope[i]
        truncations(lower[i], upper[i], mean, tau2, base, slope, below, inside)
        impute(values, voxel, lower[i], upper[i], mean, tau2, base, slope, below, inside, effects, variances)
        assert lower[i, 0] <= effects[0] <= upper[i, 0]
        assert 0 < variances[0] < np.inf


@settings(max_examples=300, deadline=None)
@given(drawn=STUDIES, discards=st.integers(0, 3), field=st.sampled_from([-9.0, -2.0, 0.0, 0.3, 9.0]))
def test_the_likely_mean_and_the_imputed_effects_lie_between_the_bounds(drawn, discards, field):
    lower, upper, scale = bounds_of(drawn)
    mean, tau2 = np.empty(1), np.empty(1)
    most_likely(lower, upper, scale.base, scale.slope, discards, mean, tau2)
    assert min(lower.min(), 0) <= mean[0] <= max(upper.max(), 0)
    assert 0 <= tau2[0] <= LARGEST_TAU2
    assert_imputed_between_bounds(lower, upper, scale, mean, tau2, field)


@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(st.tuples(SIZES, DESIGNS, THRESHOLDS, PEAKS, KERNELS), min_size=4, max_size=7),
       discards=st.integers(0, 2), covariate=st.sampled_from([1.0, 1e-4, 1e4]))  # fmt: skip
def test_the_likely_coefficients_of_a_regression_are_finite(drawn, discards, covariate):
    lower, upper, scale = bounds_of(drawn)
    x = covariate * (np.arange(len(drawn)) - (len(drawn) - 1) / 2)
    design = np.column_stack([np.ones(len(drawn)), x])
    coefficients, tau2 = np.empty((2, 1)), np.empty(1)
    most_likely_linear(
        lower, upper, scale.base, scale.slope, design, np.array([0.0, 1.0]), discards, coefficients, tau2
    )
    assert np.isfinite(coefficients).all()
    assert 0 <= tau2[0] <= LARGEST_TAU2
    for i, expected in enumerate(design @ coefficients):
        own = slice(i, i + 1)
        part = EffectScale(scale.factor[own], scale.base[own], scale.slope[own], scale.correlation[own], scale.df[own])
        assert_imputed_between_bounds(lower[own], upper[own], part, expected, tau2, 0.4)


@pytest.mark.parametrize("n_studies", [2, 7])
def test_identical_studies_have_no_variance_between_them(n_studies):
    lower, upper, scale = bounds_of([(20, "one_sample", 3.1, 4.0, 0.9)] * n_studies)
    mean, tau2 = np.empty(1), np.empty(1)
    most_likely(lower, upper, scale.base, scale.slope, 1, mean, tau2)
    assert lower[0, 0] <= mean[0] <= upper[0, 0]
    assert tau2[0] == pytest.approx(0, abs=1e-3)
