"""Rubin's rules over imputations."""

import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sdm_core.pooling import RubinPool, meta_analyse
from sdm_core.pooling.rubin import pool_q

LISTING = Path(__file__).parents[4] / "shared/data/voxel_listing/extract_34_4_52.txt.gz"


def test_estimate_and_variance_follow_rubins_rules():
    rng = np.random.default_rng(5)
    y, v = rng.normal(0.3, 0.3, (6, 4, 3)), rng.uniform(0.05, 0.2, (6, 4, 3))
    result = meta_analyse(y, v, np.ones((4, 1)), [1])
    single = [meta_analyse(y[j : j + 1], v[j : j + 1], np.ones((4, 1)), [1]) for j in range(6)]
    estimates = np.array([s.estimate for s in single])
    within = np.mean([s.variance for s in single], axis=0)
    assert result.estimate == pytest.approx(estimates.mean(axis=0))
    assert result.variance == pytest.approx(within + (1 + 1 / 6) * estimates.var(axis=0, ddof=1))
    assert result.tau2 == pytest.approx(np.mean([np.sqrt(s.tau2) for s in single], axis=0) ** 2)
    assert result.i2 == pytest.approx(np.mean([np.sqrt(s.i2) for s in single], axis=0) ** 2)
    assert result.h2 == pytest.approx(1 / (1 - result.i2 / 100))


def test_identical_imputations_change_nothing():
    y, v = np.array([[0.1], [0.9], [0.3]]), np.full((3, 1), 0.05)
    once, often = (meta_analyse(np.stack([y] * m), np.stack([v] * m), np.ones((3, 1)), [1]) for m in (1, 7))
    for name in ("estimate", "variance", "z", "tau2", "i2", "q"):
        assert getattr(often, name) == pytest.approx(getattr(once, name), rel=1e-12)


def test_pooled_q_has_the_f_probability_of_its_definition():
    mean_q, r, df, m = np.array([30.0, 90.0, 5.0]), np.array([0.1, 0.4, 2.0]), 20, 50
    f = (mean_q / df - (m + 1) / (m - 1) * r) / (1 + r)
    df2 = (m - 1) / df ** (3 / m) * (1 + 1 / r) ** 2
    expected = np.where(f > 0, stats.chi2.isf(stats.f.sf(np.maximum(f, 0), df, df2), df), 0)
    assert pool_q(mean_q, r, df, m) == pytest.approx(expected)
    assert expected[2] == 0


def test_blocks_of_voxels_give_the_same_bytes_as_the_whole():
    rng = np.random.default_rng(2)
    y, v = rng.normal(size=(4, 5, 9)), rng.uniform(0.1, 1, (4, 5, 9))
    pool = RubinPool(np.ones((5, 1)), [1], "DL", 9)
    for j in range(4):
        for block in (slice(0, 4), slice(4, 9)):
            pool.add(y[j][:, block], v[j][:, block], block, count=j + 1)
    whole, pieces = meta_analyse(y, v, np.ones((5, 1)), [1]), pool.pooled()
    assert all(getattr(whole, n).tobytes() == getattr(pieces, n).tobytes() for n in ("estimate", "variance", "q"))


@settings(max_examples=30)
@given(
    st.integers(2, 6), st.integers(1, 5), st.floats(0.01, 2), st.floats(-3, 3), st.integers(0, 1000)
)  # fmt: skip
def test_every_map_is_finite_and_the_estimate_lies_among_the_effects(n_studies, m, variance, centre, seed):
    y = np.random.default_rng(seed).normal(centre, 1, (m, n_studies, 4))
    result = meta_analyse(y, np.full(y.shape, variance), np.ones((n_studies, 1)), [1])
    assert all(np.isfinite(getattr(result, n)).all() for n in ("estimate", "variance", "z", "tau2", "h2", "i2", "q"))
    assert (result.estimate >= y.min(axis=(0, 1)) - 1e-9).all()
    assert (result.estimate <= y.max(axis=(0, 1)) + 1e-9).all()
    assert (result.variance > 0).all()


@pytest.mark.reference
@pytest.mark.skipif(not LISTING.exists(), reason=f"the published voxel listing is not at {LISTING}")
def test_a_published_voxel_reproduces_to_its_printed_digits():
    imputed = defaultdict(list)
    with gzip.open(LISTING, "rt") as lines:
        for line in lines:
            name, _, number = line.split("\t")[0].rpartition("_I")
            if len(number) == 5 and number.isdigit():
                imputed[name].append([float(x) for x in line.split("\t")[1:3]])
    y, v = np.array(list(imputed.values())).transpose(2, 1, 0)[..., None]
    group = np.where(["_adults" in name for name in imputed], 1.0, -1.0)
    result = meta_analyse(y, v, np.c_[np.ones(len(imputed)), group], [0, 1])
    # (34, 4, 52) of guochun-yang/Cognitive_Control_Developmental_Trajectory; inputs have six decimals.
    assert result.estimate[0] == pytest.approx(-0.003211, abs=6e-7)
    assert result.variance[0] == pytest.approx(0.000597, abs=6e-7)
    assert result.z[0] == pytest.approx(-0.131442, abs=2e-6)
    assert result.tau2[0] == pytest.approx(0.003329, abs=6e-7)
    assert result.h2[0] == pytest.approx(1.081229, abs=6e-7)
    assert result.i2[0] == pytest.approx(7.512618, abs=1e-5)
    assert result.q[0] == pytest.approx(114.167793, rel=7e-5)


def test_the_short_way_for_a_plain_mean_is_the_long_way_for_any_model():
    rng = np.random.default_rng(3)
    effects, variances = rng.normal(0.2, 0.4, (6, 7, 50)), rng.uniform(0.01, 0.2, (6, 7, 50))
    short = meta_analyse(effects, variances, np.ones((7, 1)), [1.0])
    long = meta_analyse(effects, variances, np.full((7, 1), 2.0), [2.0])
    for name in ("estimate", "variance", "z", "tau2", "h2", "i2", "q"):
        assert getattr(short, name) == pytest.approx(getattr(long, name), rel=1e-9, abs=1e-12)
