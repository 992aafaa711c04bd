"""How much the effects of the datasets differ beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from sdm_core.pooling.univariate import Array, fit, pool, tau2_where_q_is

from .place import PlaceEffects


@dataclass(frozen=True)
class Heterogeneity:
    """Between-dataset variance and its companions.

    Attributes
    ----------
    tau2, tau2_lower, tau2_upper : float
    i2, i2_lower, i2_upper : float, per cent
    h2 : float
    q : float
        Cochran's Q, pooled through an F statistic.
    df : int
    p : float
        Upper chi-square tail of Q.
    level : float
        Of the intervals.
    """

    tau2: float
    tau2_lower: float
    tau2_upper: float
    i2: float
    i2_lower: float
    i2_upper: float
    h2: float
    q: float
    df: int
    p: float
    level: float


def heterogeneity(place: PlaceEffects, *, estimator: str = "DL", level: float = 0.95) -> Heterogeneity:
    """Heterogeneity of a place; all zero (H2 one, p one) for a single dataset.

    Notes
    -----
    Intervals are Q profiles (Viechtbauer 2007): all tau2 whose weighted sum of squares is no surprise to chi-square.
    I2 follows from tau2.  Over imputations the ends are averaged on the scale of the square root, as SDM-PSI
    averages tau and the root of I2; they do not widen with what the imputations disagree about.
    """
    fits = fit(place.effects, place.variances, estimator=estimator)
    pooled = pool(fits)
    if fits.df:
        ends = [_profile_end(place, fits.df, probability) for probability in (0.5 - level / 2, 0.5 + level / 2)]
        i2_ends = [100 * end / (end + fits.typical_variance) for end in ends]
    else:
        ends = i2_ends = [np.zeros(1), np.zeros(1)]
    return Heterogeneity(
        tau2=pooled.tau2,
        tau2_lower=_root_mean(ends[0]),
        tau2_upper=_root_mean(ends[1]),
        i2=pooled.i2,
        i2_lower=_root_mean(i2_ends[0]),
        i2_upper=_root_mean(i2_ends[1]),
        h2=pooled.h2,
        q=pooled.q,
        df=fits.df,
        p=pooled.q_p,
        level=level,
    )


def _profile_end(place: PlaceEffects, df: int, probability: float) -> Array:
    """tau2 of each imputation at which Q has fallen to where chi-square has `probability` above it."""
    target = float(special.chdtri(df, probability))
    return tau2_where_q_is(target, place.effects, place.variances, np.ones((len(place), 1)))


def _root_mean(values: Array) -> float:
    return float(np.sqrt(values).mean() ** 2)
