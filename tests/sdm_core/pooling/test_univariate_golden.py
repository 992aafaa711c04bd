"""The models of one place against metafor 3.8.1 and metansue 2.6 (numbers of R in the reference data)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sdm_core.pooling.univariate import Fit, Pooled, Weighted, fit, pool, quantile, tau2_where_q_is

GOLDEN = Path(__file__).parents[3].parent / "shared" / "data" / "golden"
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference data are not beside the project"),
]
CLOSE = {"rel": 1e-8, "abs": 1e-8}


def golden(name: str, key: str) -> dict:
    path = GOLDEN / f"golden_{name}.json"
    return json.loads(path.read_text())[key] if path.exists() else {}


def cases(kind: str) -> list[tuple]:
    found = []
    for file in ("metafor", "metafor_real"):
        for name, data in golden(file, "datasets").items():
            covariate = data.get("x") or data.get("moderator", {}).get("x")
            found += [
                pytest.param(data, method, expected, covariate if kind == "metareg" else None, id=f"{name}-{method}")
                for method, expected in data.get(kind, {}).items()
            ]
    return found


# R's root finder ended Paule-Mandel 1.2e-4 from the root (.Machine$double.eps^0.25), which its other numbers inherit.
PAULE_MANDEL = {"rel": 5e-4, "abs": 5e-4}


def compare(expected: dict, fitted: Fit, pooled: Pooled) -> int:
    """Compare every number that R printed of a model; the number of numbers compared."""
    close = PAULE_MANDEL if expected["method"] == "PM" else CLOSE
    q_p, (omnibus, omnibus_p) = pooled.q_p, pooled.omnibus(slice(1, None) if len(pooled.estimate) > 1 else slice(None))
    interval = pooled.interval()
    ours = {
        "k": fitted.leverages.shape[1],
        "p": len(pooled.estimate),
        "tau2": fitted.tau2[0],
        "se_tau2": fitted.tau2_se[0],
        "I2": fitted.i2[0],
        "H2": fitted.h2[0],
        "QE": fitted.q[0],
        "QEp": q_p,
        "beta": pooled.estimate,
        "se": pooled.se,
        "zval": pooled.z,
        "pval": pooled.p,
        "ci_lb": interval[:, 0],
        "ci_ub": interval[:, 1],
        "vt": fitted.typical_variance[0],
        "loglik_REMLorML": fitted.log_likelihood[0],
        "QM": omnibus,
        "QMp": omnibus_p,
        "vcov": pooled.cov,
    }
    count = 0
    for name, value in expected.items():
        if name == "method":
            continue
        if value is None:
            assert math.isnan(ours[name]), name
            continue
        value = np.array(value, dtype=float)
        assert np.asarray(ours[name]).reshape(value.shape) == pytest.approx(value, **close), name
        count += value.size
    return count


@pytest.mark.parametrize(("data", "method", "expected", "covariate"), cases("fit") + cases("metareg"))
def test_every_number_of_a_model_is_that_of_metafor(data, method, expected, covariate):
    estimator, _, knapp_hartung = method.partition("_")
    design = None if covariate is None else np.column_stack([np.ones(len(covariate)), covariate])
    fitted = fit(data["yi"], data["vi"], design, estimator=estimator, knapp_hartung=bool(knapp_hartung))
    assert compare(expected, fitted, pool(fitted)) >= 11


@pytest.mark.parametrize("data", [pytest.param(d, id=n) for n, d in golden("metafor", "datasets").items()])
def test_paule_mandel_makes_q_its_degrees_of_freedom_and_has_the_standard_error_of_metafor(data):
    y, v, x = np.atleast_2d(data["yi"]), np.atleast_2d(data["vi"]), np.ones((len(data["yi"]), 1))
    ours = fit(y, v, estimator="PM")
    if ours.tau2[0] > 0:
        assert Weighted.of(y, v, x, ours.tau2).squares(1)[0] == pytest.approx(ours.df, rel=1e-10)
    expected = data["fit"]["PM"]
    theirs = Weighted.of(y, v, x, np.array([expected["tau2"]]))
    assert y.size * math.sqrt(2 / ours.df) / theirs.weights.sum() == pytest.approx(expected["se_tau2"], **CLOSE)
    assert theirs.beta[0] == pytest.approx(expected["beta"], **CLOSE)


@pytest.mark.parametrize("data", [pytest.param(d, id=n) for n, d in golden("metafor", "datasets").items()])
def test_the_profile_interval_of_tau2_is_that_of_metafor(data):
    y, v = np.atleast_2d(data["yi"]), np.atleast_2d(data["vi"])
    ours = [
        tau2_where_q_is(float(stats.chi2.ppf(level, y.size - 1)), y, v, np.ones((y.size, 1)))[0]
        for level in (0.975, 0.025)
    ]
    # R's uniroot stopped at 1e-4 here (.Machine$double.eps^0.25), except where the interval begins at 0.
    assert ours == pytest.approx(data["tau2_profile_ci"], abs=2e-4)


@pytest.mark.parametrize("data", [pytest.param(d, id=n) for n, d in golden("metafor", "datasets").items()])
def test_the_prediction_interval_is_that_of_metafor(data):
    pooled = pool(fit(data["yi"], data["vi"]))
    reach = quantile(0.975) * math.sqrt(pooled.tau2 + pooled.cov[0, 0])
    expected = pytest.approx(data["pred_int_REML"], **CLOSE)
    assert [pooled.estimate[0] - reach, pooled.estimate[0] + reach] == expected
