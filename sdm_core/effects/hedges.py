"""Hedges' g, its exact small-sample correction and its variance.

One-sample (also paired): g = J t / sqrt(n), m = n - 1.  Two-sample: g = J t sqrt(1/n1 + 1/n2), m = n1 + n2 - 2.
Correlation: Fisher's z = atanh(r) = asinh(t / sqrt(m)), m = n - 2, variance 1 / (n - 3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sdm_core.studies import StudyTable

Array = NDArray[np.float64]


def hedges_j(df: ArrayLike) -> Array:
    """Exact correction J(m) = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)), Hedges 1981; 0 for m = 1."""
    m = np.asarray(df, dtype=np.float64)
    return np.asarray(np.exp(special.gammaln(m / 2) - 0.5 * np.log(m / 2) - special.gammaln((m - 1) / 2)))


def hedges_g(t: ArrayLike, n1: ArrayLike, n2: ArrayLike = 0) -> Array:
    """g of a t value; `n2` = 0 means one sample."""
    n1, n2 = np.asarray(n1, dtype=np.float64), np.asarray(n2, dtype=np.float64)
    return np.asarray(np.asarray(t) * hedges_j(_df(n1, n2)) * np.sqrt(_inverse_n(n1, n2)))


def g_variance(g: ArrayLike, n1: ArrayLike, n2: ArrayLike = 0) -> Array:
    """Sampling variance 1/n1 (+ 1/n2) + [1 - (m - 2) / (m J^2)] g^2; needs m > 2."""
    n1, n2 = np.asarray(n1, dtype=np.float64), np.asarray(n2, dtype=np.float64)
    return np.asarray(_inverse_n(n1, n2) + _variance_slope(_df(n1, n2)) * np.asarray(g) ** 2)


def _df(n1: Array, n2: Array) -> Array:
    return np.where(n2 > 0, n1 + n2 - 2, n1 - 1)


def _inverse_n(n1: Array, n2: Array) -> Array:
    return 1 / n1 + np.divide(1.0, n2, out=np.zeros(np.broadcast(n1, n2).shape), where=n2 > 0)


def _variance_slope(df: Array) -> Array:
    return np.asarray(1 - (df - 2) / (df * hedges_j(df) ** 2))


@dataclass(frozen=True)
class EffectScale:
    """How t becomes an effect and an effect its variance, study by study.

    Attributes
    ----------
    factor : ndarray of shape (n_studies,)
        effect = factor t; for correlations sqrt(df), effect = asinh(t / factor).
    base, slope : ndarray of shape (n_studies,)
        variance = base + slope effect^2.
    correlation : ndarray of shape (n_studies,), bool
    df : ndarray of shape (n_studies,)
        Degrees of freedom of t.
    """

    factor: Array
    base: Array
    slope: Array
    correlation: NDArray[np.bool_]
    df: Array

    @classmethod
    def of(cls, studies: StudyTable) -> "EffectScale":
        """The scale of every study of a table."""
        n1, n2 = studies.n1.astype(np.float64), studies.n2.astype(np.float64)
        correlation = np.array([design == "correlation" for design in studies.design])
        return cls(
            factor=np.where(correlation, np.sqrt(studies.df), hedges_g(1.0, n1, n2)),
            base=np.where(correlation, 1 / np.maximum(n1 - 3, 1), _inverse_n(n1, n2)),
            slope=np.where(correlation, 0.0, _variance_slope(_df(n1, n2))),
            correlation=correlation,
            df=studies.df.astype(np.float64),
        )

    def effect(self, study: int, t: ArrayLike) -> Array:
        """Effects of t values of one study."""
        t = np.asarray(t, dtype=np.float64)
        factor = self.factor[study]
        return np.asarray(np.arcsinh(t / factor) if self.correlation[study] else factor * t)

    def t(self, study: int, effect: ArrayLike) -> Array:
        """t values of effects of one study."""
        effect = np.asarray(effect, dtype=np.float64)
        factor = self.factor[study]
        return np.asarray(np.sinh(effect) * factor if self.correlation[study] else effect / factor)

    def variance(self, study: int, effect: ArrayLike) -> Array:
        """Sampling variances of effects of one study."""
        return np.asarray(self.base[study] + self.slope[study] * np.asarray(effect, dtype=np.float64) ** 2)
