"""Rubin's rules over imputations, as SDM-PSI applies them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sdm_core.errors import SdmError

from . import random_effects as model

Array = NDArray[np.float64]
ESTIMATORS = ("DL", "REML")


@dataclass(frozen=True)
class PooledMaps:
    """Pooled results of a contrast; every array has shape (n_voxels,).

    `i2` is in per cent, as SDM-PSI prints it; `z` refers to the normal distribution.
    """

    estimate: Array
    variance: Array
    z: Array
    tau2: Array
    h2: Array
    i2: Array
    q: Array


class RubinPool:
    """Running sums over imputations, so that only one imputation is ever in memory.

    Parameters
    ----------
    design : array of shape (n_studies, n_columns)
    contrast : array of shape (n_columns,)
    estimator : "DL" or "REML"
    n_voxels : int

    Raises
    ------
    SdmError
        When shapes disagree, the estimator is unknown, or the design has no full column rank.
    """

    def __init__(self, design: ArrayLike, contrast: ArrayLike, estimator: str, n_voxels: int) -> None:
        self.design = np.ascontiguousarray(design, dtype=np.float64)
        self.contrast = np.ascontiguousarray(contrast, dtype=np.float64)
        _check_model(self.design, self.contrast, estimator)
        self.reml = estimator == "REML"
        self._plain_mean = not self.reml and bool((self.design == 1).all()) and self.contrast.tolist() == [1.0]
        self.count = 0
        self._sums = np.zeros((n_voxels, model.N_SUMS))

    @classmethod
    def of_mean(cls, sums: Array, n_studies: int, count: int) -> "RubinPool":
        """The pool of a mean whose running sums (n_voxels, N_SUMS) of `count` imputations were made elsewhere."""
        pool = cls(np.ones((n_studies, 1)), np.ones(1), "DL", 0)
        pool._sums, pool.count = sums, count
        return pool

    def add(self, effects: Array, variances: Array, voxels: slice = slice(None), *, count: int | None = None) -> None:
        """Add one imputation: effects and variances of shape (n_studies, n_voxels of `voxels`).

        Blocks of voxels of the same imputation may be added from several threads with `count` given.
        """
        self.count = self.count + 1 if count is None else count
        sums = self._sums[voxels]
        if self._plain_mean:
            model.add_imputation_of_mean(effects, variances, self.count, sums)
        else:
            model.add_imputation(effects, variances, self.design, self.contrast, self.reml, self.count, sums)

    def pooled(self) -> PooledMaps:
        """The pooled maps of the imputations added so far."""
        columns = self._sums.T
        spread = 1.0 + 1.0 / self.count
        between = columns[model.ESTIMATE_SQUARES] / max(self.count - 1, 1)
        variance = columns[model.VARIANCE] + spread * between
        i2 = columns[model.ROOT_I2] ** 2
        estimate = columns[model.ESTIMATE].copy()
        df = self.design.shape[0] - self.design.shape[1]
        root_q_variance = spread * columns[model.ROOT_Q_SQUARES] / max(self.count - 1, 1)
        return PooledMaps(
            estimate=estimate,
            variance=variance,
            z=estimate / np.sqrt(variance),
            tau2=columns[model.TAU] ** 2,
            h2=1.0 / (1.0 - i2),
            i2=100.0 * i2,
            q=pool_q(columns[model.Q].copy(), root_q_variance, df, self.count),
        )


def pool_q(mean_q: Array, relative_increase: Array, df: int, n_imputations: int) -> Array:
    """Pool Cochran's Q over imputations through an F statistic.

    Parameters
    ----------
    mean_q : ndarray of shape (n_voxels,)
    relative_increase : ndarray of shape (n_voxels,)
        (1 + 1/m) times the variance of the square root of Q over the m imputations.

    Notes
    -----
    F = (mean(Q) / df - (m + 1) / (m - 1) r) / (1 + r) with df and (m - 1) / df^(3/m) (1 + 1/r)^2 degrees of freedom;
    the pooled Q is the chi-square quantile of the same probability, taken on the tail that keeps its digits.
    """
    pooled = mean_q.copy()
    varies = (relative_increase > 1e-12) & (df > 0) & (n_imputations > 1)
    if not varies.any():
        return pooled
    r = relative_increase[varies]
    m = n_imputations
    f = (mean_q[varies] / df - (m + 1) / (m - 1) * r) / (1 + r)
    df2 = (m - 1) / df ** (3 / m) * (1 + 1 / r) ** 2
    lower, upper = special.fdtr(df, df2, np.maximum(f, 0)), special.fdtrc(df, df2, np.maximum(f, 0))
    below = 2.0 * special.gammaincinv(df / 2, lower)
    pooled[varies] = np.where(f <= 0, 0.0, np.where(upper < 0.5, special.chdtri(df, upper), below))
    return pooled


def meta_analyse(
    effects: ArrayLike, variances: ArrayLike, design: ArrayLike, contrast: ArrayLike, estimator: str = "DL"
) -> PooledMaps:
    """Meta-analyse every imputation at every voxel and pool by Rubin's rules.

    Parameters
    ----------
    effects, variances : array of shape (n_imputations, n_studies, n_voxels)
    design : array of shape (n_studies, n_columns)
    contrast : array of shape (n_columns,)
        One hypothesis: a row that multiplies the coefficients.
    estimator : "DL" (DerSimonian-Laird, what SDM-PSI's images use) or "REML"

    Returns
    -------
    PooledMaps
        Arrays of shape (n_voxels,).

    Raises
    ------
    SdmError
        When shapes disagree, variances are not positive, the estimator is unknown, or the design is rank-deficient.

    References
    ----------
    DerSimonian and Laird 1986; Rubin 1987; Albajes-Eizagirre et al. 2019 (SMMR 28:3741).
    """
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if y.ndim != 3 or y.shape != v.shape or y.shape[0] == 0:
        raise SdmError(
            "Effects and variances need the same shape (imputations, studies, voxels) with at least one imputation; "
            f"they have {y.shape} and {v.shape}."
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise SdmError("Effects must be finite numbers and variances positive ones.")
    pool = RubinPool(design, contrast, estimator, y.shape[2])
    if pool.design.shape[0] != y.shape[1]:
        raise SdmError(f"The design has {pool.design.shape[0]} rows for {y.shape[1]} studies.")
    for imputed_effects, imputed_variances in zip(y, v, strict=True):
        pool.add(imputed_effects, imputed_variances)
    return pool.pooled()


def random_effects_mean(effects: ArrayLike, variances: ArrayLike, estimator: str = "REML") -> float:
    """Random-effects mean of a handful of studies, effects and variances of shape (n_studies,)."""
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    pooled = meta_analyse(y[None, :, None], v[None, :, None], np.ones((y.size, 1)), [1.0], estimator)
    return float(pooled.estimate[0])


def _check_model(design: Array, contrast: Array, estimator: str) -> None:
    if estimator not in ESTIMATORS:
        raise SdmError(f"Unknown estimator {estimator!r}; use one of {', '.join(ESTIMATORS)}.")
    if design.ndim != 2 or contrast.shape != design.shape[1:]:
        raise SdmError(f"A design of shape {design.shape} does not go with a contrast of shape {contrast.shape}.")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise SdmError("The columns of the design depend on each other; remove a covariate that repeats another.")
