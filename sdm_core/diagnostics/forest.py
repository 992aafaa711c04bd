"""Forest data: each dataset, the pooled effect, and where the effect of a new dataset may lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.pooling.univariate import fit, pool, quantile

from .place import PlaceEffects

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forest:
    """What a forest plot shows.

    Attributes
    ----------
    names : tuple of str
    effects, variances, lower, upper : ndarray of shape (k,)
        Mean over imputations, Rubin variance, and the interval of the given level.
    weights : ndarray of shape (k,), per cent
    estimate, variance, z, p, estimate_lower, estimate_upper : float
        Pooled effect; p is two-sided, z refers to the normal distribution (t for Knapp and Hartung).
    prediction_lower, prediction_upper : float or None
        Where the effect of a new dataset may lie; None where its distribution has no degree of freedom.
    level : float
    """

    names: tuple[str, ...]
    effects: Array
    variances: Array
    lower: Array
    upper: Array
    weights: Array
    estimate: float
    variance: float
    z: float
    p: float
    estimate_lower: float
    estimate_upper: float
    prediction_lower: float | None
    prediction_upper: float | None
    level: float


def forest(
    place: PlaceEffects,
    *,
    estimator: str = "DL",
    knapp_hartung: bool = False,
    level: float = 0.95,
    prediction_df: float | None = None,
) -> Forest:
    """Forest data of a place.

    Parameters
    ----------
    estimator : str
        Of tau2; see `sdm_core.pooling.univariate.fit`.
    knapp_hartung : bool
    level : float
        Of all intervals.
    prediction_df : float, optional
        Degrees of freedom of the prediction interval; k - 2 (Higgins et al. 2009) if left out, `math.inf` for the
        normal distribution.
    """
    fits = fit(place.effects, place.variances, estimator=estimator, knapp_hartung=knapp_hartung)
    pooled = pool(fits)
    variances = place.rubin_variances
    reach = quantile(0.5 + level / 2, math.inf) * np.sqrt(variances)
    estimate, variance = float(pooled.estimate[0]), float(pooled.cov[0, 0])
    lower, upper = pooled.interval(level)[0]
    df = len(place) - 2 if prediction_df is None else prediction_df
    spread = quantile(0.5 + level / 2, df) * math.sqrt(pooled.tau2 + variance) if df > 0 else None
    return Forest(
        names=place.names,
        effects=place.means,
        variances=variances,
        lower=place.means - reach,
        upper=place.means + reach,
        weights=100 * fits.leverages.mean(axis=0),
        estimate=estimate,
        variance=variance,
        z=float(pooled.z[0]),
        p=float(pooled.p[0]),
        estimate_lower=float(lower),
        estimate_upper=float(upper),
        prediction_lower=None if spread is None else estimate - spread,
        prediction_upper=None if spread is None else estimate + spread,
        level=level,
    )
