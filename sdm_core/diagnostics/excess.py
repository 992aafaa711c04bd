"""Are there more significant datasets than their power allows (Ioannidis and Trikalinos 2007)?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdm_core.pooling.univariate import fit, pool, quantile, two_sided_p

from .place import PlaceEffects, check_enough

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExcessSignificance:
    """Observed and expected numbers of significant datasets.

    Attributes
    ----------
    observed : int
        Mean over imputations, rounded half up; `observed_mean` is not rounded.
    expected : float
        Sum of the powers.
    ratio : float
    theta : float
        The effect taken as true.
    power : ndarray of shape (k,)
        Mean over imputations.
    p : float
        Upper tail of the Poisson-binomial distribution of the powers: that many significant datasets or more.
    chi2, chi2_p, binomial_p : float
        The original chi-square statistic with its one-sided p, and the binomial tail; for comparison.
    alpha : float
        Two-sided level at which a dataset counts as significant.
    datasets : int
    few_datasets_allowed : bool
    """

    observed: int
    observed_mean: float
    expected: float
    ratio: float
    theta: float
    power: Array
    p: float
    chi2: float
    chi2_p: float
    binomial_p: float
    alpha: float
    datasets: int
    few_datasets_allowed: bool


def excess_significance(
    place: PlaceEffects, *, theta: float | None = None, alpha: float = 0.05, allow_few: bool = False
) -> ExcessSignificance:
    """Test for an excess of significant datasets.

    Parameters
    ----------
    theta : float, optional
        True effect; the common-effect estimate, which small datasets move least, if left out.
    alpha : float

    Raises
    ------
    InputError
        With fewer than 10 datasets and `allow_few` False; with fewer than 3.

    Notes
    -----
    Power is that of a two-sided z test with the dataset's own variance, as in the R package metafor.
    """
    few = check_enough(place, "the test of excess significance", allow_few=allow_few)
    if theta is None:
        theta = float(pool(fit(place.effects, place.variances, estimator="FE")).estimate[0])
    errors, critical, k = np.sqrt(place.variances), quantile(1 - alpha / 2), len(place)
    power = (special.ndtr(theta / errors - critical) + special.ndtr(-theta / errors - critical)).mean(axis=0)
    significant = (two_sided_p(place.effects / errors) <= alpha).sum(axis=1).mean()
    observed, expected = math.floor(significant + 0.5), float(power.sum())
    chi2 = (observed - expected) ** 2 * (1 / expected + 1 / (k - expected)) if 0 < expected < k else math.nan
    half = float(special.chdtrc(1, chi2)) / 2
    return ExcessSignificance(
        observed=observed,
        observed_mean=float(significant),
        expected=expected,
        ratio=observed / expected,
        theta=theta,
        power=power,
        p=float(poisson_binomial(power)[observed:].sum()),
        chi2=chi2,
        chi2_p=half if observed > expected else 1 - half,
        binomial_p=float(special.bdtrc(observed - 1, k, expected / k)) if observed else 1.0,
        alpha=alpha,
        datasets=k,
        few_datasets_allowed=few,
    )


def poisson_binomial(probabilities: Array) -> Array:
    """Probability of 0, 1, ..., k successes in k independent trials with these probabilities, shape (k + 1,)."""
    mass = np.ones(1)
    for probability in probabilities:
        mass = np.convolve(mass, [1 - probability, probability])
    return mass
