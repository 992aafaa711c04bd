"""Random-effects model of one voxel: y = X beta + u + e, Var(u) = tau2, Var(e) = v.

Notes
-----
With W = diag(1 / (v + tau2)) and P = W - W X (X'WX)^-1 X'W, everything needed is a sum over studies:
tr P = sum w - tr(S A2) and tr PP = sum w^2 - 2 tr(S A3) + tr(S A2 S A2), where S = (X'WX)^-1 and Ak = X' W^k X.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

REML_ITERATIONS = 200
REML_TOLERANCE = 1e-12
# Rows of the running sums over imputations, one column a voxel.
ESTIMATE, ESTIMATE_SQUARES, VARIANCE, TAU, ROOT_I2, Q, ROOT_Q, ROOT_Q_SQUARES, N_SUMS = range(9)

Array = NDArray[np.float64]


@compiled
def _invert(matrix: Array, inverse: Array) -> None:
    """Gauss-Jordan inverse of a small symmetric positive definite matrix (destroyed)."""
    size = matrix.shape[0]
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 1.0 if i == j else 0.0
    for i in range(size):
        pivot = 1.0 / matrix[i, i]
        for j in range(size):
            matrix[i, j] *= pivot
            inverse[i, j] *= pivot
        for k in range(size):
            factor = matrix[k, i]
            if k != i and factor != 0.0:
                for j in range(size):
                    matrix[k, j] -= factor * matrix[i, j]
                    inverse[k, j] -= factor * inverse[i, j]


@compiled
def _gram(design: Array, weights: Array, power: int, out: Array) -> None:
    """out = X' W^power X."""
    for a in range(design.shape[1]):
        for b in range(a + 1):
            total = 0.0
            for i in range(design.shape[0]):
                total += weights[i] ** power * design[i, a] * design[i, b]
            out[a, b] = total
            out[b, a] = total


@compiled
def _trace_of_product(a: Array, b: Array) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            total += a[i, j] * b[j, i]
    return total


@compiled
def _fit_weighted(y: Array, v: Array, tau2: float, design: Array, weights: Array, cov: Array, beta: Array,
                  scratch: Array) -> None:  # fmt: skip
    """Fill weights (K,), cov = (X'WX)^-1 and beta for a given tau2."""
    n_studies, n_columns = design.shape
    for i in range(n_studies):
        weights[i] = 1.0 / (v[i] + tau2)
    _gram(design, weights, 1, scratch)
    _invert(scratch, cov)
    for a in range(n_columns):
        scratch[0, a] = 0.0
        for i in range(n_studies):
            scratch[0, a] += weights[i] * design[i, a] * y[i]
    for a in range(n_columns):
        beta[a] = 0.0
        for b in range(n_columns):
            beta[a] += cov[a, b] * scratch[0, b]


@compiled
def _residual_squares(y: Array, design: Array, weights: Array, beta: Array, power: int) -> float:
    """Sum of w^power (y - X beta)^2: Q for power 1, y'PPy for power 2."""
    total = 0.0
    for i in range(y.shape[0]):
        residual = y[i]
        for a in range(beta.shape[0]):
            residual -= design[i, a] * beta[a]
        total += weights[i] ** power * residual * residual
    return total


@compiled
def _trace_p(design: Array, weights: Array, cov: Array, scratch: Array) -> float:
    total = 0.0
    for i in range(weights.shape[0]):
        total += weights[i]
    _gram(design, weights, 2, scratch)
    return total - _trace_of_product(cov, scratch)


@compiled
def _trace_pp(design: Array, weights: Array, cov: Array, scratch: Array) -> float:
    """tr(PP); leaves A2 behind in `scratch`."""
    total = 0.0
    for i in range(weights.shape[0]):
        total += weights[i] * weights[i]
    _gram(design, weights, 3, scratch)
    total -= 2.0 * _trace_of_product(cov, scratch)
    _gram(design, weights, 2, scratch)
    size = cov.shape[0]
    for a in range(size):
        for b in range(size):
            forward, backward = 0.0, 0.0
            for c in range(size):
                forward += cov[a, c] * scratch[c, b]
                backward += cov[b, c] * scratch[c, a]
            total += forward * backward
    return total


@compiled
def _reml(y: Array, v: Array, design: Array, weights: Array, cov: Array, beta: Array, scratch: Array) -> float:
    """Restricted maximum likelihood tau2 by Fisher scoring, started at max(0, var(y) - mean(v))."""
    n_studies = y.shape[0]
    mean, spread, within = 0.0, 0.0, 0.0
    for i in range(n_studies):
        mean += y[i] / n_studies
        within += v[i] / n_studies
    for i in range(n_studies):
        spread += (y[i] - mean) ** 2
    tau2: float = max(0.0, spread / (n_studies - 1) - within)
    for _ in range(REML_ITERATIONS):
        _fit_weighted(y, v, tau2, design, weights, cov, beta, scratch)
        score = _residual_squares(y, design, weights, beta, 2) - _trace_p(design, weights, cov, scratch)
        following: float = max(0.0, tau2 + score / _trace_pp(design, weights, cov, scratch))
        change = abs(following - tau2)
        tau2 = following
        if change < REML_TOLERANCE:
            break
    return tau2


@compiled
def _heterogeneity(y: Array, v: Array, design: Array, reml: bool, weights: Array, cov: Array, beta: Array,
                   scratch: Array) -> tuple[float, float, float]:  # fmt: skip
    """tau2, Q and H2 of one voxel; all trivial when there is no degree of freedom left."""
    df = design.shape[0] - design.shape[1]
    if df <= 0:
        return 0.0, 0.0, 1.0
    _fit_weighted(y, v, 0.0, design, weights, cov, beta, scratch)
    q = max(0.0, _residual_squares(y, design, weights, beta, 1))
    trace = _trace_p(design, weights, cov, scratch)
    tau2 = _reml(y, v, design, weights, cov, beta, scratch) if reml else max(0.0, (q - df) / trace)
    return tau2, q, 1.0 + tau2 * trace / df


@compiled
def _update(sums: Array, row: int, value: float, count: int) -> None:
    """Running mean in `row` (Welford); the sum of squared deviations, where wanted, in the row after it."""
    deviation = value - sums[row]
    sums[row] += deviation / count
    if row in (ESTIMATE, ROOT_Q):
        sums[row + 1] += deviation * (value - sums[row])


@compiled
def add_imputation(effects: Array, variances: Array, design: Array, contrast: Array, reml: bool, count: int,
                   sums: Array) -> None:  # fmt: skip
    """Fit every voxel of one imputation and add it to the running sums.

    Parameters
    ----------
    effects, variances : ndarray of shape (n_studies, n_voxels)
    design : ndarray of shape (n_studies, n_columns)
    contrast : ndarray of shape (n_columns,)
    count : int
        Number of this imputation, from 1.
    sums : ndarray of shape (n_voxels, N_SUMS)
        Changed in place.
    """
    n_studies, n_columns = design.shape
    y, v, weights = np.empty(n_studies), np.empty(n_studies), np.empty(n_studies)
    beta, cov, scratch = np.empty(n_columns), np.empty((n_columns, n_columns)), np.empty((n_columns, n_columns))
    for voxel in range(effects.shape[1]):
        for i in range(n_studies):
            y[i], v[i] = effects[i, voxel], variances[i, voxel]
        tau2, q, h2 = _heterogeneity(y, v, design, reml, weights, cov, beta, scratch)
        _fit_weighted(y, v, tau2, design, weights, cov, beta, scratch)
        estimate, variance = 0.0, 0.0
        for a in range(n_columns):
            estimate += contrast[a] * beta[a]
            for b in range(n_columns):
                variance += contrast[a] * cov[a, b] * contrast[b]
        _update(sums[voxel], ESTIMATE, estimate, count)
        _update(sums[voxel], VARIANCE, variance, count)
        _update(sums[voxel], TAU, np.sqrt(tau2), count)
        _update(sums[voxel], ROOT_I2, np.sqrt(1.0 - 1.0 / h2), count)
        _update(sums[voxel], Q, q, count)
        _update(sums[voxel], ROOT_Q, np.sqrt(q), count)


@compiled
def add_imputation_of_mean(effects: Array, variances: Array, count: int, sums: Array) -> None:
    """As `add_imputation` for DerSimonian and Laird's mean; loops run along the voxels, several at a time."""
    n_studies, n_voxels = effects.shape
    weight, weight_squares, moment, squares = np.zeros((4, n_voxels))
    for i in range(n_studies):
        y, v = effects[i], variances[i]
        for voxel in range(n_voxels):
            w = 1.0 / v[voxel]
            weight[voxel] += w
            weight_squares[voxel] += w * w
            moment[voxel] += w * y[voxel]
            squares[voxel] += w * y[voxel] * y[voxel]
    df = n_studies - 1
    tau2, total, weighted = np.zeros((3, n_voxels))
    for voxel in range(n_voxels if df > 0 else 0):
        squares[voxel] = max(0.0, squares[voxel] - moment[voxel] * moment[voxel] / weight[voxel])
        weight_squares[voxel] = weight[voxel] - weight_squares[voxel] / weight[voxel]
        tau2[voxel] = max(0.0, (squares[voxel] - df) / weight_squares[voxel])
    for i in range(n_studies):
        y, v = effects[i], variances[i]
        for voxel in range(n_voxels):
            w = 1.0 / (v[voxel] + tau2[voxel])
            total[voxel] += w
            weighted[voxel] += w * y[voxel]
    for voxel in range(n_voxels):
        q = squares[voxel] if df > 0 else 0.0
        h2 = 1.0 + tau2[voxel] * weight_squares[voxel] / max(df, 1)
        _update(sums[voxel], ESTIMATE, weighted[voxel] / total[voxel], count)
        _update(sums[voxel], VARIANCE, 1.0 / total[voxel], count)
        _update(sums[voxel], TAU, np.sqrt(tau2[voxel]), count)
        _update(sums[voxel], ROOT_I2, np.sqrt(1.0 - 1.0 / h2), count)
        _update(sums[voxel], Q, q, count)
        _update(sums[voxel], ROOT_Q, np.sqrt(q), count)
