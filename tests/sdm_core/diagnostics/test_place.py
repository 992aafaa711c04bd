"""Diagnostics by hand, over imputations, and at their limits.  All data here are made up."""

import json
import math

import numpy as np
import pytest

from sdm_core import InputError
from sdm_core.diagnostics import (
    PlaceEffects,
    diagnose,
    egger,
    excess_significance,
    forest,
    funnel,
    grade,
    heterogeneity,
    influence,
)
from sdm_core.diagnostics.excess import poisson_binomial

EFFECTS = np.array([[0.2, 0.4, 0.6], [0.4, 0.4, 0.6]])
VARIANCES = np.full((2, 3), 0.04)


@pytest.fixture
def place():
    return PlaceEffects.of(EFFECTS, VARIANCES, ["a", "b", "c"], [20, 30, 40])


@pytest.fixture
def many():
    rng = np.random.default_rng(3)
    variances = np.tile(rng.uniform(0.02, 0.2, 12), (5, 1))
    effects = 0.5 + np.sqrt(variances) * rng.standard_normal(12) + 0.05 * rng.standard_normal((5, 12))
    return PlaceEffects.of(effects, variances, subjects=np.full(12, 100))


def test_a_dataset_has_its_mean_and_rubin_variance(place):
    plot = forest(place)
    assert plot.effects == pytest.approx([0.3, 0.4, 0.6])
    # mean variance 0.04; between imputations of a: variance of (0.2, 0.4) = 0.02, times 1 + 1/2.
    assert plot.variances == pytest.approx([0.04 + 1.5 * 0.02, 0.04, 0.04])
    assert plot.upper - plot.effects == pytest.approx(1.959963984540054 * np.sqrt(plot.variances))


def test_equal_variances_share_the_weight(place):
    assert forest(place).weights == pytest.approx([100 / 3] * 3)


def test_the_pooled_effect_follows_rubins_rules_by_hand(place):
    # No heterogeneity in either imputation: means 0.4 and 0.4667, each with variance 0.04 / 3.
    plot = forest(place)
    between = np.var([0.4, 1.4 / 3], ddof=1)
    assert plot.estimate == pytest.approx((0.4 + 1.4 / 3) / 2)
    assert plot.variance == pytest.approx(0.04 / 3 + 1.5 * between)


def test_the_prediction_interval_has_k_minus_2_degrees_of_freedom(place):
    plot = forest(place)
    # t of one degree of freedom at 0.975 is 12.706; tau2 is 0.
    assert plot.prediction_upper - plot.estimate == pytest.approx(12.706204736 * math.sqrt(plot.variance))


def test_two_datasets_have_no_prediction_interval():
    assert forest(PlaceEffects.of([0.1, 0.5], [0.1, 0.1])).prediction_lower is None


def test_intervals_of_heterogeneity_hold_their_estimate(many):
    found = heterogeneity(many, estimator="PM")
    assert found.tau2_lower <= found.tau2 <= found.tau2_upper
    assert found.i2_lower <= found.i2 <= found.i2_upper <= 100


def test_one_dataset_has_no_heterogeneity():
    found = heterogeneity(PlaceEffects.of([0.3], [0.1]))
    assert (found.tau2, found.i2, found.q, found.df, found.p) == (0, 0, 0, 0, 1)


def test_bias_tests_with_few_datasets_need_an_explicit_override_that_is_recorded(place):
    place = PlaceEffects.of(EFFECTS, VARIANCES * [1, 2, 3])
    for question in (egger, excess_significance):
        with pytest.raises(InputError, match="needs 10 datasets, there are 3"):
            question(place)
        assert question(place, allow_few=True).few_datasets_allowed
        with pytest.raises(InputError, match="cannot be answered with 2"):
            question(PlaceEffects.of([0.1, 0.2], [0.1, 0.2]), allow_few=True)


def test_enough_datasets_need_no_override(many):
    assert not egger(many).few_datasets_allowed
    assert not excess_significance(many).few_datasets_allowed


def test_egger_refuses_datasets_of_one_size(place):
    with pytest.raises(InputError, match="all standard errors are the same"):
        egger(place, allow_few=True)


def test_egger_finds_the_slope_that_was_put_in():
    errors = np.linspace(0.1, 0.5, 15)
    found = egger(PlaceEffects.of(0.2 + 1.5 * errors, errors**2))
    assert (found.limit, found.slope) == pytest.approx((0.2, 1.5))


def test_disagreeing_imputations_widen_eggers_slope(many):
    one = PlaceEffects.of(many.effects[0], many.variances[0])
    wild = many.effects + np.linspace(-1, 1, 5)[:, None] * np.linspace(-1, 1, 12)
    assert egger(PlaceEffects.of(wild, many.variances)).slope_se > egger(one).slope_se


def test_poisson_binomial_by_hand():
    assert poisson_binomial(np.array([0.5, 0.2])) == pytest.approx([0.4, 0.5, 0.1])


def test_leaving_out_is_the_analysis_of_the_others(many):
    left = influence(many)
    assert left.estimate[4] == pytest.approx(forest(many.without(4)).estimate)
    assert left.hat.sum() == pytest.approx(1)


def test_contours_lie_where_a_dataset_becomes_significant(many):
    plot = funnel(many)
    assert plot.contours["0.95"] == pytest.approx(1.959963984540054)
    assert np.array_equal(plot.p < 0.05, np.abs(plot.effects) > plot.contours["0.95"] * plot.standard_errors)


def graded(effect: float, people: int, scatter: float = 0.0):
    spread = scatter * np.resize([1, -1], 12)
    errors = np.linspace(0.08, 0.12, 12)
    place = PlaceEffects.of(effect + spread, errors**2, subjects=np.full(12, people))
    answers = forest(place), heterogeneity(place), egger(place), excess_significance(place)
    return grade(place, *answers)


def test_evidence_classes_from_convincing_to_none():
    assert graded(0.5, 100).name == "I"
    assert graded(0.5, 100, scatter=0.3).name == "II"
    assert graded(0.11, 100).name == "III"
    assert graded(0.5, 50).name == "IV"
    assert graded(0.01, 100).name == "none"


def test_a_class_prints_every_criterion_with_its_value():
    found = graded(0.5, 100, scatter=0.4)
    assert set(found.met) == set(found.values) == {criterion for rule in found.needed.values() for criterion in rule}
    assert found.met["I2 < 50 %"] is False
    assert found.values["more than 1000 cases"] == 1200


def test_controls_do_not_count_as_cases():
    errors = np.linspace(0.08, 0.12, 12)
    place = PlaceEffects.of(np.full(12, 0.5), errors**2, subjects=np.full(12, 100), cases=np.full(12, 50))
    assert diagnose(place)["evidence"]["name"] == "IV"
    assert diagnose(place)["cases"] == 600


def test_people_of_a_cohort_count_once_towards_a_class():
    errors, cohorts = np.linspace(0.08, 0.12, 12), ["same"] * 3 + [f"own{i}" for i in range(9)]
    place = PlaceEffects.of(np.full(12, 0.5), errors**2, subjects=[90, 100, 110] + [100] * 9, cohorts=cohorts)
    document = diagnose(place)
    assert (document["cases"], document["different_cases"]) == (1200, 1010)
    assert document["evidence"]["values"]["more than 1000 cases"] == 1010
    assert place.without(2).different_cases == 1000
    assert diagnose(place.without(2))["evidence"]["name"] == "IV"


def test_a_criterion_that_could_not_be_judged_is_not_met(place):
    found = grade(place, forest(place), heterogeneity(place), None, None)
    assert found.met["no small-study effect"] is None
    assert found.name != "I"


def test_the_report_is_json_and_says_what_was_not_answered(place):
    report = json.loads(json.dumps(diagnose(place), allow_nan=False))
    assert report["egger"] is None
    assert "needs 10 datasets" in report["not_answered"]["egger"]
    allowed = diagnose(place, allow_few=True)
    assert allowed["excess_significance"]["few_datasets_allowed"]


@pytest.mark.parametrize(
    ("effects", "variances", "message"),
    [([0.1, math.nan], [0.1, 0.1], "dataset 2"), ([0.1], [0.0], "dataset 1"), ([0.1], [0.1, 0.2], "shapes")],
)
def test_unusable_numbers_are_refused_with_their_dataset(effects, variances, message):
    with pytest.raises(InputError, match=message):
        PlaceEffects.of(effects, variances)
