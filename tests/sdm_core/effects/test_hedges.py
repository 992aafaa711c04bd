"""Hedges' correction, g and its variance."""

import numpy as np
import pytest
from scipy import stats

from sdm_core.effects import EffectScale, g_variance, hedges_g, hedges_j
from sdm_core.studies import StudyTable


def test_the_exact_correction_agrees_with_r():
    # R 4.2.2, exp(lgamma(df/2) - lgamma((df-1)/2)) * sqrt(2/df)
    df = [2, 3, 5, 7, 10, 14, 20, 100, 200]
    expected = [0.564189583547756, 0.723601254558268, 0.840748682459689, 0.888202907672751, 0.922745608053087,
                0.94528772930681, 0.961944533740748, 0.992478054981403, 0.996244522479169]  # fmt: skip
    assert hedges_j(df) == pytest.approx(expected, rel=1e-12)


def test_one_and_two_sample_g_agree_with_published_numbers():
    # t, n and g of metansue's and metafor's example data
    assert hedges_g(3.4, 40) == pytest.approx(0.527171040909738)
    assert hedges_g([2.9, 4.4], [23, 34], [23, 40]) == pytest.approx([0.840489373259123, 1.01562376120835])


def test_g_variance_is_the_unbiased_variance_of_simulated_g():
    rng, n, d = np.random.default_rng(3), 12, 0.8
    x = rng.normal(d, 1, (400_000, n))
    g = hedges_g(x.mean(axis=1) / x.std(axis=1, ddof=1) * np.sqrt(n), n)
    assert g.mean() == pytest.approx(d, abs=0.003)
    assert g_variance(g, n).mean() == pytest.approx(g.var(), rel=0.01)
    assert g_variance(0.0, 10, 15) == pytest.approx(1 / 10 + 1 / 15)


def test_the_scale_of_a_table_serves_every_design():
    studies = StudyTable.from_rows(
        [
            {"study": "one", "n1": 20, "t_thr": 3},
            {"study": "two", "n1": 20, "n2": 25, "t_thr": 3},
            {"study": "cor", "n1": 30, "t_thr": 3, "design": "correlation", "no_peaks": True},
        ]
    )
    scale = EffectScale.of(studies)
    assert scale.effect(0, 3.0) == pytest.approx(hedges_g(3.0, 20))
    assert scale.effect(1, 3.0) == pytest.approx(hedges_g(3.0, 20, 25))
    r = 3.0 / np.sqrt(28 + 9)
    assert scale.effect(2, 3.0) == pytest.approx(np.arctanh(r))
    assert scale.variance(0, 0.7) == pytest.approx(g_variance(0.7, 20))
    assert scale.variance(1, 0.7) == pytest.approx(g_variance(0.7, 20, 25))
    assert scale.variance(2, 0.7) == pytest.approx(1 / 27)
    for study in range(3):
        assert scale.t(study, scale.effect(study, -2.5)) == pytest.approx(-2.5)


def test_g_of_a_threshold_stays_in_proportion_to_t():
    n = np.array([8, 11, 40])
    t = stats.t.isf(0.001, n - 1)
    assert hedges_g(t, n) / t == pytest.approx(hedges_j(n - 1) / np.sqrt(n))
