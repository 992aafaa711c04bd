"""Random-effects models at one place: every common estimator of tau2, all imputations at once, in plain numpy.

The voxel-wise models are in `random_effects`; this module serves the few places that a person looks at, and is what
was compared with R.

Notes
-----
With W = diag(1 / (v + tau2)) and P = W - W X (X'WX)^-1 X'W: Q = y'P0 y for tau2 = 0, the typical variance is
(k - p) / tr P0, H2 = 1 + tau2 / typical and I2 = 1 - 1 / H2 (Higgins and Thompson 2002).  The common-effect model has
no tau2; its H2 is Q / (k - p).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from sdm_core.errors import SdmError

from .rubin import pool_q

Array = NDArray[np.float64]

ESTIMATORS: Final = ("FE", "DL", "REML", "ML", "PM", "HE")
ITERATIONS: Final = 5000
TOLERANCE: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Weighted:
    """The weighted least-squares fit of m imputations of k studies for a given tau2.

    Attributes
    ----------
    weights, residuals : ndarray of shape (m, k)
    cov : ndarray of shape (m, p, p)
        (X'WX)^-1.
    beta : ndarray of shape (m, p)
    """

    design: Array
    weights: Array
    cov: Array
    beta: Array
    residuals: Array

    @classmethod
    def of(cls, y: Array, v: Array, design: Array, tau2: Array) -> Weighted:
        """Fit effects y and variances v of shape (m, k) for tau2 of shape (m,)."""
        weights = 1 / (v + tau2[:, None])
        cov: Array = np.asarray(np.linalg.inv(_gram(design, weights)), dtype=np.float64)
        beta = np.einsum("mab,mb->ma", cov, (weights * y) @ design)
        return cls(design, weights, cov, beta, y - beta @ design.T)

    def squares(self, power: int) -> Array:
        """Sum of w^power times the squared residual: y'Py for power 1, y'PPy for power 2."""
        return np.asarray((self.weights**power * self.residuals**2).sum(axis=1))

    @property
    def trace_p(self) -> Array:
        """tr P, shape (m,)."""
        product = self.cov @ _gram(self.design, self.weights**2)
        return np.asarray(self.weights.sum(axis=1) - np.trace(product, axis1=1, axis2=2))

    @property
    def trace_pp(self) -> Array:
        """tr PP, shape (m,)."""
        second, third = (self.cov @ _gram(self.design, self.weights**power) for power in (2, 3))
        traces = np.trace(second @ second, axis1=1, axis2=2) - 2 * np.trace(third, axis1=1, axis2=2)
        return np.asarray((self.weights**2).sum(axis=1) + traces)

    @property
    def leverages(self) -> Array:
        """Diagonal of the hat matrix, shape (m, k)."""
        return np.asarray(np.einsum("ka,mab,kb->mk", self.design, self.cov, self.design) * self.weights)


@dataclass(frozen=True, eq=False)
class Fit:
    """One model per imputation.

    Attributes
    ----------
    tau2, tau2_se, q, typical_variance, h2, i2 : ndarray of shape (m,)
        `i2` in per cent; `tau2_se` is NaN for the common-effect model.
    beta : ndarray of shape (m, p)
    cov : ndarray of shape (m, p, p)
    log_likelihood : ndarray of shape (m,)
        Restricted for REML.
    leverages : ndarray of shape (m, k)
    df : int
        k - p.
    reference_df : float
        Degrees of freedom of the tests of coefficients: infinite for the normal distribution.
    """

    tau2: Array
    tau2_se: Array
    beta: Array
    cov: Array
    q: Array
    typical_variance: Array
    h2: Array
    i2: Array
    log_likelihood: Array
    leverages: Array
    df: int
    reference_df: float


@dataclass(frozen=True, eq=False)
class Pooled:
    """The models of all imputations, pooled by Rubin's rules.

    Attributes
    ----------
    estimate, se, z, p : ndarray of shape (p,)
        p is two-sided.
    cov : ndarray of shape (p, p)
    tau2, i2, h2, q, q_p : float
        `i2` in per cent.
    df : int
    reference_df : float
    """

    estimate: Array
    cov: Array
    tau2: float
    i2: float
    h2: float
    q: float
    q_p: float
    df: int
    reference_df: float

    @property
    def se(self) -> Array:
        """Standard errors."""
        return np.asarray(np.sqrt(np.diag(self.cov)))

    @property
    def z(self) -> Array:
        """Estimates in standard errors; t values for Knapp and Hartung's test."""
        return self.estimate / self.se

    @property
    def p(self) -> Array:
        """Two-sided p values."""
        return two_sided_p(self.z, self.reference_df)

    def interval(self, level: float = 0.95) -> Array:
        """Confidence intervals, shape (p, 2)."""
        reach = quantile(0.5 + level / 2, self.reference_df) * self.se
        return np.column_stack([self.estimate - reach, self.estimate + reach])

    def omnibus(self, columns: slice = slice(1, None)) -> tuple[float, float]:
        """Chi-square statistic that the coefficients of `columns` are all 0, and its p (F, if so asked of the fit)."""
        beta, cov = self.estimate[columns], self.cov[columns, columns]
        statistic = float(beta @ np.linalg.solve(cov, beta))
        if math.isinf(self.reference_df):
            return statistic, float(special.chdtrc(beta.size, statistic))
        return statistic / beta.size, float(special.fdtrc(beta.size, self.reference_df, statistic / beta.size))


def fit(
    effects: ArrayLike,
    variances: ArrayLike,
    design: ArrayLike | None = None,
    *,
    estimator: str = "REML",
    knapp_hartung: bool = False,
    tolerance: float = TOLERANCE,
) -> Fit:
    """Fit the model of every imputation.

    Parameters
    ----------
    effects, variances : array of shape (m, k) or (k,)
    design : array of shape (k, p), optional
        A mean, if left out.
    estimator : {"FE", "DL", "REML", "ML", "PM", "HE"}
        Common effect (no tau2), DerSimonian-Laird, restricted and full maximum likelihood, Paule-Mandel, Hedges.
    knapp_hartung : bool
        Scale the covariance by the weighted residuals and refer to t (Knapp and Hartung 2003).
    tolerance : float
        Change of tau2 that ends an iteration.

    Raises
    ------
    SdmError
        When shapes disagree, values are not finite, variances are not positive, the estimator is unknown, or the
        design has no full column rank.
    """
    y, v = (np.atleast_2d(np.asarray(values, dtype=np.float64)) for values in (effects, variances))
    x = np.ones((y.shape[1], 1)) if design is None else np.asarray(design, dtype=np.float64)
    _check(y, v, x, estimator)
    df = x.shape[0] - x.shape[1]
    common = Weighted.of(y, v, x, np.zeros(len(y)))
    tau2 = tau2_of(y, v, x, estimator, tolerance=tolerance) if df else np.zeros(len(y))
    weighted = Weighted.of(y, v, x, tau2)
    q, typical, h2, i2 = _heterogeneity(common, tau2, df, estimator)
    scale = weighted.squares(1) / df if knapp_hartung and df else np.ones(len(y))
    return Fit(
        tau2=tau2,
        tau2_se=_tau2_se(common, weighted, v, tau2, df, estimator),
        beta=weighted.beta,
        cov=weighted.cov * scale[:, None, None],
        q=q,
        typical_variance=typical,
        h2=h2,
        i2=i2,
        log_likelihood=_log_likelihood(weighted, restricted=estimator == "REML"),
        leverages=weighted.leverages,
        df=df,
        reference_df=float(df) if knapp_hartung else math.inf,
    )


def pool(fits: Fit) -> Pooled:
    """Pool by Rubin's rules, as SDM-PSI does: tau and the root of I2 are averaged, Q goes through an F statistic."""
    m = len(fits.tau2)
    spread = 1 + 1 / m
    deviations = fits.beta - fits.beta.mean(axis=0)
    between = deviations.T @ deviations / max(m - 1, 1)
    i2 = float(np.sqrt(fits.i2 / 100).mean() ** 2)
    root_q_variance = spread * np.sqrt(fits.q).var(ddof=1) if m > 1 else 0.0
    q = float(pool_q(np.array([fits.q.mean()]), np.array([root_q_variance]), fits.df, m)[0])
    return Pooled(
        estimate=fits.beta.mean(axis=0),
        cov=fits.cov.mean(axis=0) + spread * between,
        tau2=float(np.sqrt(fits.tau2).mean() ** 2),
        i2=100 * i2,
        h2=1 / (1 - i2),
        q=q,
        q_p=float(special.chdtrc(fits.df, q)) if fits.df else 1.0,
        df=fits.df,
        reference_df=fits.reference_df,
    )


def tau2_of(y: Array, v: Array, design: Array, estimator: str, *, tolerance: float = TOLERANCE) -> Array:
    """Between-study variance of each imputation, shape (m,); y and v of shape (m, k), k above the columns."""
    nothing = np.zeros(len(y))
    df = design.shape[0] - design.shape[1]
    if estimator == "FE":
        return nothing
    if estimator == "DL":
        common = Weighted.of(y, v, design, nothing)
        return np.asarray(np.maximum(0, (common.squares(1) - df) / common.trace_p))
    if estimator == "HE":
        equal = Weighted.of(y, np.ones_like(v), design, nothing)
        return np.asarray(np.maximum(0, (equal.squares(1) - (v * (1 - equal.leverages)).sum(axis=1)) / df))
    if estimator == "PM":
        return tau2_where_q_is(float(df), y, v, design)
    return _maximum_likelihood(y, v, design, restricted=estimator == "REML", tolerance=tolerance)


def tau2_where_q_is(target: float, y: Array, v: Array, design: Array) -> Array:
    """The tau2 at which the weighted residual sum of squares falls to `target`, 0 where it begins below, shape (m,).

    The sum is convex and falls, so Newton's steps from 0 approach the root from one side.
    """
    tau2 = np.zeros(len(y))
    for _ in range(ITERATIONS):
        weighted = Weighted.of(y, v, design, tau2)
        excess = weighted.squares(1) - target
        step = np.where(excess > 0, excess / np.maximum(weighted.squares(2), 1e-300), 0)
        tau2 = tau2 + step
        if np.all(step <= TOLERANCE * (1 + tau2)):
            break
    return tau2


def quantile(probability: float, df: float = math.inf) -> float:
    """Quantile of t, or of the normal distribution for infinite df."""
    return float(special.ndtri(probability) if math.isinf(df) else stats.t.ppf(probability, df))


def two_sided_p(z: ArrayLike, df: float = math.inf) -> Array:
    """Two-sided p of z, or of t for finite df."""
    size = np.abs(z)
    return np.asarray(2 * (special.ndtr(-size) if math.isinf(df) else stats.t.sf(size, df)))


def _maximum_likelihood(y: Array, v: Array, design: Array, *, restricted: bool, tolerance: float) -> Array:
    """Fisher scoring, started at max(0, var(y) - mean(v)); a step that would leap over the optimum is halved."""
    tau2 = np.maximum(0, y.var(axis=1, ddof=1) - v.mean(axis=1))
    earlier, damping = np.zeros(len(y)), np.ones(len(y))
    for _ in range(ITERATIONS):
        weighted = Weighted.of(y, v, design, tau2)
        expected = weighted.trace_p if restricted else weighted.weights.sum(axis=1)
        information = weighted.trace_pp if restricted else (weighted.weights**2).sum(axis=1)
        step = (weighted.squares(2) - expected) / information
        damping = np.where((step * earlier < 0) & (np.abs(step) > 0.9 * np.abs(earlier)), damping / 2, damping)
        following = np.maximum(0, tau2 + damping * step)
        change, earlier = np.abs(following - tau2), step
        tau2 = following
        if np.all(change <= tolerance):
            break
    return np.asarray(tau2)


def _heterogeneity(common: Weighted, tau2: Array, df: int, estimator: str) -> tuple[Array, Array, Array, Array]:
    """Q, typical variance, H2 and I2; trivial where no degree of freedom is left."""
    m = len(tau2)
    if not df:
        return np.zeros(m), np.full(m, np.nan), np.ones(m), np.zeros(m)
    q, typical = np.maximum(0, common.squares(1)), df / common.trace_p
    h2 = q / df if estimator == "FE" else 1 + tau2 / typical
    return q, typical, h2, 100 * np.maximum(0, 1 - 1 / np.maximum(h2, 1e-300))


def _tau2_se(common: Weighted, weighted: Weighted, v: Array, tau2: Array, df: int, estimator: str) -> Array:
    """Standard error of tau2: Viechtbauer 2007, Statistics in Medicine 26:37, and its method of moments."""
    if estimator == "FE" or not df:
        return np.full(len(tau2), np.nan)
    if estimator == "ML":
        return np.asarray(np.sqrt(2 / (weighted.weights**2).sum(axis=1)))
    if estimator == "REML":
        return np.asarray(np.sqrt(2 / weighted.trace_pp))
    if estimator == "PM":
        return np.asarray(len(common.design) * math.sqrt(2 / df) / weighted.weights.sum(axis=1))
    if estimator == "DL":
        trace = common.trace_p
        return np.asarray(np.sqrt(2 * df + 4 * tau2 * trace + 2 * tau2**2 * common.trace_pp) / trace)
    x = common.design
    residual_maker = np.eye(len(x)) - x @ np.linalg.solve(x.T @ x, x.T)
    first = np.einsum("ij,mj,ji,mi->m", residual_maker, v, residual_maker, v)
    second = (np.diag(residual_maker) * v).sum(axis=1)
    return np.asarray(np.sqrt(2 * first + 4 * tau2 * second + 2 * tau2**2 * df) / df)


def _log_likelihood(weighted: Weighted, *, restricted: bool) -> Array:
    k, columns = weighted.design.shape
    value = 0.5 * (np.log(weighted.weights).sum(axis=1) - weighted.squares(1))
    if not restricted:
        return np.asarray(value - k / 2 * math.log(2 * math.pi))
    own = np.linalg.slogdet(weighted.design.T @ weighted.design)[1] + np.linalg.slogdet(weighted.cov)[1]
    return np.asarray(value + 0.5 * own - (k - columns) / 2 * math.log(2 * math.pi))


def _gram(design: Array, weights: Array) -> Array:
    """X'WX of each imputation, shape (m, p, p)."""
    return np.asarray(np.einsum("ka,mk,kb->mab", design, weights, design))


def _check(y: Array, v: Array, x: Array, estimator: str) -> None:
    if estimator not in ESTIMATORS:
        raise SdmError(f"Unknown estimator {estimator!r}; use one of {', '.join(ESTIMATORS)}.")
    if y.shape != v.shape or y.ndim != 2 or x.shape[:1] != y.shape[1:] or 0 in y.shape:
        raise SdmError(f"Effects {y.shape}, variances {v.shape} and design {x.shape} do not go together.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise SdmError("Effects must be finite numbers and variances positive ones.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise SdmError("The columns of the design depend on each other; remove a covariate that repeats another.")
