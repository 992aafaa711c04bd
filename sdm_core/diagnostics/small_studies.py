"""Do smaller datasets find larger effects?  Egger's regression and the data of a funnel plot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import InputError, Problem
from sdm_core.pooling.univariate import TOLERANCE, Pooled, fit, pool, quantile, two_sided_p

from .place import PlaceEffects, check_enough

Array = NDArray[np.float64]

CONTOUR_LEVELS: Final = (0.90, 0.95, 0.99)
SAME_ERROR: Final = 1e-9
"""Standard errors closer together than this, relative to their size, are one."""


@dataclass(frozen=True)
class Egger:
    """Regression of the effects on their standard errors.

    Attributes
    ----------
    slope, slope_se, z, p : float
        Effect per unit of standard error; p two-sided, normal.
    limit, limit_se, limit_lower, limit_upper : float
        Effect of an endlessly large dataset, with its 95 % interval.
    datasets : int
    few_datasets_allowed : bool
        Fewer than 10 datasets, asked for explicitly.
    """

    slope: float
    slope_se: float
    z: float
    p: float
    limit: float
    limit_se: float
    limit_lower: float
    limit_upper: float
    datasets: int
    few_datasets_allowed: bool


def egger(
    place: PlaceEffects, *, estimator: str = "REML", allow_few: bool = False, tolerance: float = TOLERANCE
) -> Egger:
    """Test the funnel's asymmetry as metansue's metabias does.

    Per imputation a random-effects regression on the root of the imputed variances; pooled by Rubin's rules.

    Raises
    ------
    InputError
        With fewer than 10 datasets and `allow_few` False; with fewer than 3; if all standard errors are the same.
    """
    few = check_enough(place, "Egger's test", allow_few=allow_few)
    if np.ptp(np.sqrt(place.variances), axis=1).min() <= SAME_ERROR * math.sqrt(place.variances.max()):
        raise InputError([Problem("Egger's test", "all standard errors are the same", "It needs different ones.")])
    fits = [
        fit(y, v, np.column_stack([np.ones(len(place)), np.sqrt(v)]), estimator=estimator, tolerance=tolerance)
        for y, v in zip(place.effects, place.variances, strict=True)
    ]
    beta = np.concatenate([one.beta for one in fits])
    cov = np.concatenate([one.cov for one in fits])
    return _egger(*_rubin(beta, cov), datasets=len(place), few=few)


def _rubin(beta: Array, cov: Array) -> tuple[Array, Array]:
    """Coefficients (m, p) and covariances (m, p, p) pooled."""
    m = len(beta)
    deviations = beta - beta.mean(axis=0)
    return beta.mean(axis=0), cov.mean(axis=0) + (1 + 1 / m) * deviations.T @ deviations / max(m - 1, 1)


def _egger(beta: Array, cov: Array, *, datasets: int, few: bool) -> Egger:
    (limit, slope), (limit_se, slope_se) = beta, np.sqrt(np.diag(cov))
    reach = quantile(0.975) * limit_se
    return Egger(
        slope=float(slope),
        slope_se=float(slope_se),
        z=float(slope / slope_se),
        p=float(two_sided_p(slope / slope_se)),
        limit=float(limit),
        limit_se=float(limit_se),
        limit_lower=float(limit - reach),
        limit_upper=float(limit + reach),
        datasets=datasets,
        few_datasets_allowed=few,
    )


@dataclass(frozen=True, eq=False)
class Funnel:
    """Data of a funnel plot.

    Attributes
    ----------
    names : tuple of str
    effects, standard_errors, p : ndarray of shape (k,)
        Mean over imputations, root of the Rubin variance, two-sided p against 0.
    estimate : float
        The pooled effect.
    contours : dict
        For each level, effect per unit of standard error at which a dataset becomes significant against 0.
    largest_se : float
        Where the contours may end.
    """

    names: tuple[str, ...]
    effects: Array
    standard_errors: Array
    p: Array
    estimate: float
    contours: dict[str, float]
    largest_se: float


def funnel(place: PlaceEffects, *, estimator: str = "DL") -> Funnel:
    """Effects against their standard errors, with contours of significance (Peters et al. 2008)."""
    pooled: Pooled = pool(fit(place.effects, place.variances, estimator=estimator))
    errors = np.sqrt(place.rubin_variances)
    return Funnel(
        names=place.names,
        effects=place.means,
        standard_errors=errors,
        p=two_sided_p(place.means / errors),
        estimate=float(pooled.estimate[0]),
        contours={f"{level:g}": quantile(0.5 + level / 2) for level in CONTOUR_LEVELS},
        largest_se=float(errors.max()),
    )
