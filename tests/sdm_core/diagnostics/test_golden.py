"""Diagnostics against metafor 3.8.1 and metansue 2.6 (numbers of R in the reference data)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sdm_core import InputError
from sdm_core.diagnostics import PlaceEffects, egger, excess_significance, forest, funnel, heterogeneity, influence
from sdm_core.diagnostics.classical import fail_safe, linear_egger, rank_correlation, trim_and_fill
from sdm_core.effects import hedges_j
from sdm_core.effects.hedges import g_variance
from sdm_core.pooling.univariate import fit, pool

GOLDEN = Path(__file__).parents[3].parent / "shared" / "data" / "golden"
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference data are not beside the project"),
]


def close(value):
    return pytest.approx(np.array(value, dtype=float), rel=1e-8, abs=1e-8)


def sets(file: str) -> list:
    path = GOLDEN / f"golden_{file}.json"
    data = json.loads(path.read_text())["datasets"] if path.exists() else {}
    return [pytest.param(values, id=name) for name, values in data.items()]


def known_cases() -> list:
    path = GOLDEN / "golden_metansue.json"
    cases = json.loads(path.read_text())["cases"] if path.exists() else {}
    return [pytest.param(case, id=name) for name, case in cases.items() if not case["unknown_index"]]


MADE, REAL = sets("metafor"), sets("metafor_real")


def place_of(data: dict) -> PlaceEffects:
    return PlaceEffects.of(data["yi"], data["vi"])


@pytest.mark.parametrize("data", MADE)
@pytest.mark.parametrize("estimator", ["REML", "DL"])
def test_eggers_regression_is_that_of_metafor(data, estimator):
    expected = data["egger"][f"rma_{estimator}"]
    ours = egger(place_of(data), estimator=estimator, allow_few=True)
    assert [ours.z, ours.p] == close([expected["stat"], expected["pval"]])
    assert [ours.limit, ours.slope, ours.limit_se, ours.slope_se] == close([*expected["coef"], *expected["se"]])
    limits = [ours.limit, ours.limit_lower, ours.limit_upper]
    assert limits == close([expected[key] for key in ("limit_est", "limit_ci_lb", "limit_ci_ub")])


@pytest.mark.parametrize("data", REAL)
def test_eggers_regression_is_that_of_metafor_on_published_data(data):
    ours = egger(place_of(data), allow_few=True)
    assert [ours.z, ours.p] == close([data["egger_rma_REML"]["z"], data["egger_rma_REML"]["p"]])


def left_out() -> list:
    """Every data set with each estimator that metafor was asked for."""
    return [
        pytest.param(case.values[0], estimator, id=f"{case.id}-{estimator}")
        for case in MADE + REAL
        for estimator in ("REML", "DL")
        if f"leave1out_{estimator}" in case.values[0]
    ]


@pytest.mark.parametrize(("data", "estimator"), left_out())
def test_leaving_each_dataset_out_gives_the_numbers_of_metafor(data, estimator):
    expected = data[f"leave1out_{estimator}"]
    ours = influence(place_of(data), estimator=estimator)
    names = {"estimate": "estimate", "se": "se", "zval": "z", "pval": "p", "Q": "q", "tau2": "tau2", "I2": "i2",
             "H2": "h2"}  # fmt: skip
    for theirs, values in expected.items():
        assert getattr(ours, names[theirs]) == close(values), theirs


def arrays(data: dict) -> tuple[np.ndarray, np.ndarray]:
    return np.array(data["yi"], float), np.array(data["vi"], float)


@pytest.mark.parametrize("data", MADE)
def test_eggers_least_squares_are_those_of_metafor(data):
    ours, expected = linear_egger(*arrays(data)), data["egger"]["lm"]
    assert [ours.t, ours.p, ours.df] == close([expected[key] for key in ("stat", "pval", "df")])
    assert [ours.limit, ours.slope, ours.limit_se, ours.slope_se] == close([*expected["coef"], *expected["se"]])
    limits = [ours.limit, ours.limit_lower, ours.limit_upper]
    assert limits == close([expected[key] for key in ("limit_est", "limit_ci_lb", "limit_ci_ub")])


@pytest.mark.parametrize("data", REAL)
def test_eggers_least_squares_are_those_of_metafor_on_published_data(data):
    ours, expected = linear_egger(*arrays(data)), data["egger_lm"]
    assert [ours.t, ours.df, ours.p] == close([expected[key] for key in ("t", "df", "p")])
    assert [ours.limit, ours.slope] == close(expected["coef"])


@pytest.mark.parametrize("data", MADE)
def test_the_rank_correlation_and_fail_safe_numbers_are_those_of_metafor(data):
    ours = rank_correlation(*arrays(data))
    assert [ours.tau, ours.p] == close([data["begg"]["tau"], data["begg"]["pval"]])
    numbers = fail_safe(*arrays(data))
    assert [numbers.rosenthal, numbers.orwin] == [data["fsn_rosenthal"], data["fsn_orwin"]]


@pytest.mark.parametrize("data", MADE)
@pytest.mark.parametrize("estimator", ["L0", "R0", "Q0"])
def test_trim_and_fill_is_that_of_metafor(data, estimator):
    expected = data["trimfill"].get(estimator)
    if expected is None:  # metafor has no number either
        with pytest.raises(InputError, match="Q0 is not defined"):
            trim_and_fill(*arrays(data), estimator=estimator)
        return
    ours = trim_and_fill(*arrays(data), estimator=estimator)
    assert [ours.missing, ours.side] == [expected["k0"], expected["side"]]
    # metafor fits the filled data with its own tolerance of 1e-5.
    theirs = [expected[key] for key in ("estimate", "se", "tau2")]
    assert [ours.estimate, ours.se, ours.tau2] == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("data", REAL)
def test_trim_and_fill_is_that_of_metafor_on_published_data(data):
    ours, expected = trim_and_fill(*arrays(data)), data["trimfill_L0"]
    assert [ours.missing, ours.side] == [expected["k0"], expected["side"]]
    assert [ours.estimate, ours.se] == pytest.approx([expected["estimate"], expected["se"]], abs=1e-5)


@pytest.mark.parametrize("data", MADE)
def test_influence_is_that_of_metafor(data):
    ours, expected = influence(place_of(data), estimator="REML"), data["influence"]
    assert ours.cook_distance == close(expected["cook_d"])
    assert ours.hat == close(expected["hat"])
    assert forest(place_of(data), estimator="REML").weights == close(expected["weight"])


@pytest.mark.parametrize("data", MADE)
def test_excess_significance_is_that_of_metafor(data):
    ours = excess_significance(place_of(data), allow_few=True)
    expected = data["tes"]["chi2"]
    assert [ours.datasets, ours.observed] == [expected["k"], expected["O"]]
    theirs = [expected[key] for key in ("E", "OEratio", "theta", "X2", "pval")]
    assert [ours.expected, ours.ratio, ours.theta, ours.chi2, ours.chi2_p] == close(theirs)
    assert ours.power == close(expected["power"])
    assert ours.binomial_p == close(data["tes"]["binom"]["pval"])
    assert ours.p == close(data["tes"]["exact"]["pval"])


@pytest.mark.parametrize("data", REAL)
def test_excess_significance_is_that_of_metafor_on_published_data(data):
    ours, expected = excess_significance(place_of(data), allow_few=True), data["tes_chi2"]
    assert ours.observed == expected["O"]
    theirs = [expected[key] for key in ("E", "theta", "X2", "p")]
    assert [ours.expected, ours.theta, ours.chi2, ours.chi2_p] == close(theirs)


@pytest.mark.parametrize("data", MADE)
def test_heterogeneity_and_prediction_interval_are_those_of_metafor(data):
    place, expected = place_of(data), data["fit"]["REML"]
    ours = heterogeneity(place, estimator="REML")
    theirs = [expected[key] for key in ("tau2", "I2", "H2", "QE", "QEp")]
    assert [ours.tau2, ours.i2, ours.h2, ours.q, ours.p] == close(theirs)
    # R's root finder stopped 1.2e-4 from the ends of the profile.
    assert [ours.tau2_lower, ours.tau2_upper] == pytest.approx(data["tau2_profile_ci"], abs=2e-4)
    plot = forest(place, estimator="REML", prediction_df=math.inf)
    assert [plot.prediction_lower, plot.prediction_upper] == close(data["pred_int_REML"])


@pytest.mark.parametrize("data", MADE)
def test_the_forest_has_the_pooled_effect_of_metafor(data):
    for estimator, knapp_hartung, key in [("FE", False, "FE"), ("HE", False, "HE"), ("REML", True, "REML_knha")]:
        ours = forest(place_of(data), estimator=estimator, knapp_hartung=knapp_hartung)
        expected = data["fit"][key]
        theirs = [expected[name] for name in ("beta", "zval", "pval", "ci_lb", "ci_ub")]
        assert [ours.estimate, ours.z, ours.p, ours.estimate_lower, ours.estimate_upper] == close(theirs)
    assert funnel(place_of(data), estimator="HE").estimate == close(data["fit"]["HE"]["beta"])


def metansue_place(case: dict) -> PlaceEffects:
    """Effects of a case without unknowns, with the variances of its sample sizes."""
    aux = case["aux"]
    y, n1, n2 = np.array(case["y"], dtype=float), np.array(aux.get("n1", aux.get("n"))), np.array(aux.get("n2", 0))
    assert hedges_j(aux["df"]) == close(aux["j"])
    return PlaceEffects.of(y, g_variance(y, n1, n2))


# metansue ends its iterations when tau2 moves less than this, which leaves errors of that size in its numbers.
METANSUE_TOLERANCE = 1e-6


@pytest.mark.parametrize("case", known_cases())
def test_known_effects_give_the_model_of_metansue(case):
    place, design = metansue_place(case), np.array(case["model"]["matrix"], dtype=float)
    fits = fit(place.effects, place.variances, design, estimator="REML", tolerance=METANSUE_TOLERANCE)
    pooled, model, spread = pool(fits), case["model"], case["heterogeneity"]
    assert pooled.estimate == close(np.ravel(model["coef"]))
    assert pooled.cov == close(model["cov"])
    theirs = [spread[key] for key in ("tau2", "h2", "i2", "qe", "df", "p.value")]
    assert [pooled.tau2, pooled.h2, pooled.i2 / 100, pooled.q, pooled.df, pooled.q_p] == close(theirs)


@pytest.mark.parametrize("case", [c for c in known_cases() if "metabias" in c.values[0]])
def test_known_effects_give_the_metabias_of_metansue(case):
    ours, expected = egger(metansue_place(case), tolerance=METANSUE_TOLERANCE), case["metabias"]
    assert [ours.z, ours.p] == close([expected["statistic"], expected["p.value"]])
