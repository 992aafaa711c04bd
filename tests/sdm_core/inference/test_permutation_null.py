"""Which permutations are drawn, and what p follows from their maxima."""

import numpy as np
import pytest
from scipy import stats

from sdm_core import StudyTable
from sdm_core.effects import EffectScale, groups_of
from sdm_core.inference import BLOCK, Assignments, GammaTail, StudyAssignments, corrected_p, null_summary


def groups(*rows):
    studies = StudyTable.from_rows({"study": f"s{i}", "t_thr": 3, **row} for i, row in enumerate(rows))
    return groups_of(studies, EffectScale.of(studies))


MIXED = ({"n1": 12}, {"n1": 8, "n2": 10}, {"n1": 15, "design": "correlation"})


def test_the_first_permutation_is_the_data_as_they_are():
    own = groups(*MIXED)
    weights, shares = Assignments.of(own, 1, 100).block(0)
    assert (weights[0] == np.concatenate([group.weights for group in own])).all()
    assert shares[0] == pytest.approx([1, 1, 1])
    assert np.abs(shares[1:]).max() < 1


def test_flips_keep_size_exchanges_keep_groups_and_shuffles_keep_values():
    weights, _ = Assignments.of(groups(*MIXED), 1, 100).block(1)
    first, _ = Assignments.of(groups(*MIXED), 1, 100).block(0)
    assert (np.abs(weights[:, :12]) == np.abs(first[0, :12])).all()
    for part in (slice(12, 30), slice(30, None)):
        assert (np.sort(weights[:, part]) == np.sort(first[0, part])).all()
        assert len(np.unique(weights[:, part], axis=0)) == BLOCK


def test_a_block_depends_on_seed_and_number_only():
    own = groups(*MIXED)
    block = Assignments.of(own, 1, 64).block(3)
    assert (block[0] == Assignments.of(own, 1, 5000).block(3)[0]).all()
    assert (block[0] != Assignments.of(own, 2, 64).block(3)[0]).any()
    assert (block[0] != Assignments.of(own, 1, 64).block(2)[0]).any()


def test_where_all_flips_fit_each_is_taken_once():
    own = groups({"n1": 4}, {"n1": 4})
    for asked, count, exact in ((1000, 256, True), (256, 256, True), (255, 255, False)):
        assignments = Assignments.of(own, 1, asked)
        assert (assignments.count, assignments.exact) == (count, exact)
    assignments = Assignments.of(own, 1, 256)
    signs = np.vstack([assignments.block(number)[0] for number in range(assignments.n_blocks)]) > 0
    assert len(np.unique(signs, axis=0)) == 256
    assert signs[0].all()


def test_studies_are_ordered_anew_in_every_permutation_but_the_first():
    orders = np.vstack([StudyAssignments.of(20, 4, 1000).block(number) for number in range(3)])
    assert (orders[0] == np.arange(20)).all()
    assert (np.sort(orders, axis=1) == np.arange(20)).all()
    assert len(np.unique(orders, axis=0)) == len(orders)
    assert np.abs(orders[1:].mean(axis=0) - 9.5).max() < 4 * 5.77 / np.sqrt(95)


def test_where_all_orders_of_the_studies_fit_each_is_taken_once():
    for asked, count, exact in ((200, 120, True), (119, 119, False)):
        assignments = StudyAssignments.of(5, 1, asked)
        assert (assignments.count, assignments.exact) == (count, exact)
    assignments = StudyAssignments.of(5, 1, 120)
    orders = np.vstack([assignments.block(number) for number in range(assignments.n_blocks)])
    assert len(np.unique(orders[:120], axis=0)) == 120
    assert (orders[0] == np.arange(5)).all()
    assert assignments.others(3) == slice(0, 24)


def test_flips_are_fair():
    assignments = Assignments.of(groups({"n1": 30}), 3, 1000)
    shares = np.concatenate([assignments.block(number)[1][:, 0] for number in range(1, 30)])
    assert abs(shares.mean()) < 4 * np.sqrt(1 / 30 / shares.size)
    assert shares.var() == pytest.approx(1 / 30, rel=0.15)


def test_p_counts_the_data_themselves_and_ties():
    maxima = np.array([5.0, 1, 2, 3])
    assert corrected_p([5, 3, 2.5, 0.5, 0, -1], maxima) == pytest.approx([1 / 4, 2 / 4, 2 / 4, 1, 1, 1])
    assert corrected_p([3 * (1 + 1e-7)], maxima) == pytest.approx([2 / 4])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_gamma_tail_is_pearsons_third_distribution_of_the_same_moments(sign):
    maxima = 20 + sign * np.random.default_rng(2).gamma(4, 1.5, 2001)
    gamma, others = GammaTail.of(maxima), maxima[1:]
    expected = stats.pearson3(stats.skew(others), others.mean(), others.std(ddof=1))
    places = np.linspace(12, 36, 30)
    assert gamma.p(places) == pytest.approx(expected.sf(places), abs=1e-12)
    for p in (0.5, 0.05, 0.001):
        assert gamma.threshold(p) == pytest.approx(expected.isf(p))
    assert gamma.p([0, -1]).tolist() == [1, 1]


def test_symmetric_maxima_have_a_normal_tail_and_few_or_equal_ones_none():
    rising = np.linspace(-1, 1, 201)
    symmetric = GammaTail.of(np.concatenate([[9], 4 + rising]))
    assert symmetric.p([4.5]) == pytest.approx(stats.norm.sf(0.5, scale=rising.std(ddof=1)))
    assert GammaTail.of(np.arange(99.0)) is None
    assert GammaTail.of(np.full(500, 3.0)) is None


def test_the_gamma_tail_of_a_skewed_null_is_close_to_counting():
    maxima = np.random.default_rng(7).gumbel(3.8, 0.3, 5001)
    places = np.quantile(maxima, [0.5, 0.9, 0.95, 0.99])
    assert GammaTail.of(maxima).p(places) == pytest.approx(corrected_p(places, maxima), rel=0.15)


def test_what_lies_above_the_threshold_is_significant_and_nothing_else():
    maxima = np.random.default_rng(3).permutation(np.arange(1.0, 201.0))
    threshold = null_summary(maxima, 0.05)["threshold"]
    p = corrected_p([threshold * 1.001, threshold], maxima)
    assert p[0] <= 0.05 < p[1]
    assert null_summary(maxima[:19], 0.05)["threshold"] is None
    assert null_summary(maxima[:1], 0.05)["median"] is None
