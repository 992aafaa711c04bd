"""Older tests of small-study effects, for comparison with reviews that report them.

They know no imputations: each dataset enters with its mean effect and Rubin variance.  None of them says more than
Egger's regression and the funnel; fail-safe numbers say nothing of how large unpublished effects are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from sdm_core.errors import InputError, Problem
from sdm_core.pooling.univariate import fit, quantile, two_sided_p

from .place import PlaceEffects, check_enough

Array = NDArray[np.float64]
Estimator = Literal["L0", "R0", "Q0"]

ONE_SIDED_ALPHA: Final = 0.05
MOST_ROUNDS: Final = 100


@dataclass(frozen=True)
class LinearEgger:
    """Weighted least-squares regression of the effects on their standard errors (Egger et al. 1997).

    Attributes
    ----------
    slope, slope_se, t, p : float
        p two-sided, by t with `df` degrees of freedom.
    limit, limit_se, limit_lower, limit_upper : float
        Effect of an endlessly large dataset, with its 95 % interval.
    df : int
    """

    slope: float
    slope_se: float
    t: float
    p: float
    limit: float
    limit_se: float
    limit_lower: float
    limit_upper: float
    df: int


@dataclass(frozen=True)
class RankCorrelation:
    """Kendall's correlation of standardised effects with their variances (Begg and Mazumdar 1994), p two-sided."""

    tau: float
    p: float


@dataclass(frozen=True)
class TrimAndFill:
    """Datasets that seem missing, and the pooled effect with their mirror images (Duval and Tweedie 2000).

    Attributes
    ----------
    estimator : {"L0", "R0", "Q0"}
    missing : int
    side : {"left", "right"}
        Where they are missing.
    estimate, se, p, tau2 : float
        Random effects with the datasets filled in.
    """

    estimator: str
    missing: int
    side: str
    estimate: float
    se: float
    p: float
    tau2: float


@dataclass(frozen=True)
class FailSafe:
    """Datasets without any effect that would change the conclusion.

    Attributes
    ----------
    rosenthal : int
        To bring the combined one-sided p above 0.05 (Rosenthal 1979).
    orwin : int
        To halve the unweighted mean effect (Orwin 1983).
    """

    rosenthal: int
    orwin: int


@dataclass(frozen=True)
class Classical:
    """All of them, of one place."""

    linear_egger: LinearEgger
    rank_correlation: RankCorrelation
    trim_and_fill: TrimAndFill
    fail_safe: FailSafe
    datasets: int
    few_datasets_allowed: bool


def classical(place: PlaceEffects, *, estimator: str = "REML", allow_few: bool = False) -> Classical:
    """The older tests of a place.

    Parameters
    ----------
    estimator : str
        Of tau2, in trim and fill.

    Raises
    ------
    InputError
        With fewer than 10 datasets and `allow_few` False; with fewer than 3.
    """
    few = check_enough(place, "the classical tests of bias", allow_few=allow_few)
    y, v = place.means, place.rubin_variances
    return Classical(
        linear_egger(y, v),
        rank_correlation(y, v),
        trim_and_fill(y, v, method=estimator),
        fail_safe(y, v),
        len(place),
        few,
    )


def linear_egger(y: Array, v: Array) -> LinearEgger:
    """Egger's regression by weighted least squares; effects and variances of shape (k,), k from 3."""
    design, df = np.column_stack([np.ones_like(y), np.sqrt(v)]), y.size - 2
    cov = np.linalg.pinv((design.T / v) @ design)
    beta = cov @ (design.T @ (y / v))
    errors = np.sqrt(np.diag(cov) * ((y - design @ beta) ** 2 / v).sum() / df)
    limit, slope = map(float, beta)
    t, reach = slope / float(errors[1]), quantile(0.975, df) * float(errors[0])
    p = float(two_sided_p(t, df))
    return LinearEgger(slope, float(errors[1]), t, p, limit, float(errors[0]), limit - reach, limit + reach, df)


def rank_correlation(y: Array, v: Array) -> RankCorrelation:
    """Begg and Mazumdar's test; effects and variances of shape (k,)."""
    weight = (1 / v).sum()
    standardised = (y - (y / v).sum() / weight) / np.sqrt(v - 1 / weight)
    tied = len(np.unique(v)) < v.size or len(np.unique(standardised)) < y.size
    found = stats.kendalltau(standardised, v, method="asymptotic" if tied else "exact")
    return RankCorrelation(float(found.statistic), float(found.pvalue))


def trim_and_fill(y: Array, v: Array, *, estimator: Estimator = "L0", method: str = "REML") -> TrimAndFill:
    """Trim and fill; effects and variances of shape (k,).

    Parameters
    ----------
    estimator : {"L0", "R0", "Q0"}
        Of the number of missing datasets.
    method : str
        Estimator of tau2.

    Raises
    ------
    InputError
        Where Q0 is not defined.

    Notes
    -----
    They are missing on the left where effects grow with their standard errors.
    """
    design = np.column_stack([np.ones_like(y), np.sqrt(v)])
    slope = fit(y, v, design, estimator=method).beta[0, 1]
    sign = -1.0 if slope < 0 else 1.0
    order = np.argsort(sign * y, kind="stable")
    y, v = sign * y[order], v[order]
    missing, before, k = 0, -1, y.size
    for _ in range(MOST_ROUNDS):
        if missing == before:
            break
        before = missing
        centre = float(fit(y[: k - missing], v[: k - missing], estimator=method).beta[0, 0])
        missing = min(_missing(y - centre, estimator), k - 2)
    beyond = y[k - missing :]
    filled = fit(np.concatenate([y, 2 * centre - beyond]), np.concatenate([v, v[k - missing :]]), estimator=method)
    estimate, se = sign * float(filled.beta[0, 0]), math.sqrt(filled.cov[0, 0, 0])
    side = "right" if sign < 0 else "left"
    return TrimAndFill(estimator, missing, side, estimate, se, float(two_sided_p(estimate / se)), float(filled.tau2[0]))


def _missing(deviations: Array, estimator: Estimator) -> int:
    """Estimated number of datasets missing on the left of these deviations, in ascending order of effects."""
    k = deviations.size
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(deviations), kind="stable")] = np.arange(1, k + 1)
    above = ranks[deviations > 0].sum()
    if estimator == "R0":
        number = k - ranks[deviations < 0].max(initial=0) - 1
    elif estimator == "L0":
        number = (4 * above - k * (k + 1)) / (2 * k - 1)
    elif (under_root := 2 * k**2 - 4 * above + 0.25) >= 0:
        number = k - 0.5 - math.sqrt(under_root)
    else:
        raise InputError([Problem("trim and fill", "Q0 is not defined for these effects", "Take L0 or R0.")])
    return max(0, round(float(number)))


def fail_safe(y: Array, v: Array) -> FailSafe:
    """Rosenthal's and Orwin's numbers; effects and variances of shape (k,)."""
    total = float((y / np.sqrt(v)).sum())
    needed = (total / float(special.ndtri(1 - ONE_SIDED_ALPHA))) ** 2 - y.size
    return FailSafe(max(0, math.ceil(needed)), y.size)
