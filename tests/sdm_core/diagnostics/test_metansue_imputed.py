"""The whole chain of one place against metansue 2.6 where effects are imputed: within 3 Monte Carlo standard errors.

metansue draws from 500 bins between the bounds with the normal density times the variance at the drawn value; the
core draws from the plain truncated normal distribution, as the published method says.  With metansue's density every
number must agree; with our own the shift must stay small beside what another seed of R changes.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sdm_core.diagnostics import PlaceEffects, egger
from sdm_core.effects import hedges_j
from sdm_core.imputation import default_discards, most_likely, most_likely_linear
from sdm_core.pooling.univariate import fit, pool

GOLDEN = Path(__file__).parents[3].parent / "shared" / "data" / "golden" / "golden_metansue.json"
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not GOLDEN.exists(), reason="the reference data are not beside the project"),
]
RUNS, IMPUTATIONS, METANSUE_TOLERANCE = 20, 500, 1e-6


def cases() -> list:
    found = json.loads(GOLDEN.read_text())["cases"] if GOLDEN.exists() else {}
    return [pytest.param(case, id=name) for name, case in found.items() if case["unknown_index"]]


class Chain:
    """Likelihood, imputation and pooling of one case."""

    def __init__(self, case: dict) -> None:
        aux = case["aux"]
        n1, n2 = np.array(aux.get("n1", aux.get("n")), float), np.array(aux.get("n2", np.inf), float)
        df = np.array(aux["df"], float)
        self.base, self.slope = 1 / n1 + 1 / n2, 1 - (df - 2) / (df * hedges_j(df) ** 2)
        self.y = np.array([np.nan if value == "NA" else value for value in case["y"]], float)
        self.unknown = np.isnan(self.y)
        self.lower = np.where(self.unknown, case["y_lo"], self.y)
        self.upper = np.where(self.unknown, case["y_up"], self.y)
        self.design = np.array(case["model"]["matrix"], float)
        self.mean, self.tau2 = self._most_likely(np.array(case["hypothesis_in"] or [1.0], float))

    def _most_likely(self, contrast):
        k, columns = self.design.shape
        bounds = [side.astype(np.float32)[:, None] for side in (self.lower, self.upper)]
        tau2, coefficients = np.empty(1), np.empty((columns, 1))
        if columns == 1:
            most_likely(*bounds, self.base, self.slope, default_discards(k), coefficients[0], tau2)
        else:
            contrast = contrast if contrast.size == columns else np.eye(columns)[-1]
            options = self.base, self.slope, self.design, contrast, default_discards(k)
            most_likely_linear(*bounds, *options, coefficients, tau2)
        return (self.design @ coefficients)[:, 0], tau2[0]

    def impute(self, rng, *, as_metansue: bool):
        effects = np.tile(np.where(self.unknown, 0, self.y), (IMPUTATIONS, 1))
        for i in np.flatnonzero(self.unknown):
            low, high, mean = self.lower[i], self.upper[i], self.mean[i]
            sigma = np.sqrt(self.base[i] + self.slope[i] * mean**2 + self.tau2)
            if as_metansue:
                bins = np.linspace(low, high, 500)
                weights = stats.norm.pdf(bins, mean, sigma) * (self.base[i] + self.slope[i] * bins**2 + self.tau2)
                effects[:, i] = rng.choice(bins, IMPUTATIONS, p=weights / weights.sum())
            else:
                inside = stats.norm.cdf([(low - mean) / sigma, (high - mean) / sigma])
                effects[:, i] = mean + sigma * stats.norm.ppf(rng.uniform(*inside, IMPUTATIONS))
        return effects, self.base + self.slope * effects**2

    def numbers(self, rng, *, as_metansue: bool) -> list[float]:
        effects, variances = self.impute(rng, as_metansue=as_metansue)
        pooled = pool(fit(effects, variances, self.design, estimator="REML", tolerance=METANSUE_TOLERANCE))
        return [pooled.estimate[-1], pooled.z[-1], pooled.tau2, pooled.i2 / 100, pooled.q]


def repeated(case: dict, *, as_metansue: bool) -> np.ndarray:
    rng, chain = np.random.default_rng(1), Chain(case)
    return np.array([chain.numbers(rng, as_metansue=as_metansue) for _ in range(RUNS)])


@pytest.mark.parametrize("case", cases())
def test_with_metansues_density_all_numbers_agree_within_3_standard_errors(case):
    ours, theirs = repeated(case, as_metansue=True), case["mc20"]
    assert theirs["columns"] == ["hyp_coef", "hyp_z", "tau2", "i2", "qe"]
    error = np.sqrt((np.square(theirs["sd"]) + ours.var(axis=0, ddof=1)) / RUNS)
    assert (np.abs(ours.mean(axis=0) - theirs["mean"]) < 3 * error).all()


@pytest.mark.parametrize("case", cases())
def test_with_our_own_density_numbers_move_less_than_three_seeds_of_metansue(case):
    ours, theirs = repeated(case, as_metansue=False), case["mc20"]
    assert (np.abs(ours.mean(axis=0) - theirs["mean"]) < 3 * np.array(theirs["sd"])).all()


@pytest.mark.parametrize("case", [case for case in cases() if "metabias" in case.values[0]])
def test_the_test_of_bias_agrees_with_metansue_within_3_standard_errors(case):
    rng, chain = np.random.default_rng(2), Chain(case)
    places = [PlaceEffects.of(*chain.impute(rng, as_metansue=True)) for _ in range(5)]
    z = np.array([egger(place, tolerance=METANSUE_TOLERANCE).z for place in places])
    # metansue's number is one draw, ours the mean of five.
    assert abs(z.mean() - case["metabias"]["statistic"]) < 3 * z.std(ddof=1) * np.sqrt(1 + 1 / 5)
