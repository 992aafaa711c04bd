"""Most likely coefficients of a linear model at every voxel, and the between-study variance around it.

The same likelihood as in `likelihood`, with the mean of study i replaced by x_i beta.  For fixed variances it is
concave in beta, so that Newton's steps, cut short where they would leap over the maximum, always find it.

Notes
-----
The robust step removes, one after another, the studies whose removal brings the tested contrast closest to 0, as
long as the others still tell all coefficients apart.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import EXACT_CANDIDATES, NEWTON_STEPS, load_voxel, solve_tau2, study_slope

Floats = NDArray[np.float64]
Used = NDArray[np.bool_]

DECREMENT = 1e-9
"""Newton's decrement, squared standard errors, below which the step just taken was the last."""
SHORTENINGS = 30
LEAP = 0.9
"""A step ends where the slope along it is at most this much of its first slope on the other side of the maximum."""
SINGULAR = 1e-8
"""Share of a column that the other columns must leave unexplained."""


@compiled
def _solve(matrix: Floats, right: Floats, out: Floats) -> bool:
    """Solve matrix out = right by Cholesky (lower triangle, destroyed); False if the columns depend on each other."""
    size = right.shape[0]
    for j in range(size):
        whole = matrix[j, j]
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        if not matrix[j, j] > SINGULAR * whole:
            return False
        matrix[j, j] = math.sqrt(matrix[j, j])
        for i in range(j + 1, size):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for j in range(size):
        out[j] = right[j]
        for k in range(j):
            out[j] -= matrix[j, k] * out[k]
        out[j] /= matrix[j, j]
    for j in range(size - 1, -1, -1):
        for k in range(j + 1, size):
            out[j] -= matrix[k, j] * out[k]
        out[j] /= matrix[j, j]
    return True


@compiled
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total


@compiled
def _slopes(beta: Floats, design: Floats, lower: Floats, upper: Floats, variance: Floats, used: Used, own: Floats,
            score: Floats, information: Floats) -> None:  # fmt: skip
    """Fill score (p,), the lower triangle of the information (p, p) and each study's own two numbers."""
    n_studies, n_columns = design.shape
    score[:] = 0.0
    information[:] = 0.0
    for i in range(n_studies):
        if used[i]:
            own[i, 0], own[i, 1] = study_slope(_dot(design[i], beta), lower[i], upper[i], variance[i])
            for a in range(n_columns):
                score[a] += own[i, 0] * design[i, a]
                for b in range(a + 1):
                    information[a, b] += own[i, 1] * design[i, a] * design[i, b]


@compiled
def _solve_beta(beta: Floats, design: Floats, lower: Floats, upper: Floats, variance: Floats, used: Used,
                work: Floats) -> bool:  # fmt: skip
    """Maximise the likelihood over beta from its present value; False where the studies cannot tell it.

    `work` is scratch of shape (n_studies + n_columns + 3, max(2, n_columns)).
    """
    n_studies, n_columns = design.shape
    own, information = work[:n_studies, :2], work[n_studies : n_studies + n_columns, :n_columns]
    score, step, start = (
        work[n_studies + n_columns, :n_columns],
        work[n_studies + n_columns + 1, :n_columns],
        work[n_studies + n_columns + 2, :n_columns],
    )
    _slopes(beta, design, lower, upper, variance, used, own, score, information)
    for _ in range(NEWTON_STEPS):
        if not _solve(information, score, step):
            return False
        first, share = _dot(score, step), 1.0
        start[:] = beta
        for _ in range(SHORTENINGS):
            for a in range(n_columns):
                beta[a] = start[a] + share * step[a]
            _slopes(beta, design, lower, upper, variance, used, own, score, information)
            if _dot(score, step) >= -LEAP * first:
                break
            share *= 0.5
        if first < DECREMENT:
            break
    return True


@compiled
def _promises(beta: Floats, contrast: Floats, design: Floats, lower: Floats, upper: Floats, variance: Floats,
              used: Used, work: Floats, promise: Floats) -> None:  # fmt: skip
    """One Newton step without each study: the size of its contrast, infinite where it cannot be left out."""
    n_studies, n_columns = design.shape
    own, information = work[:n_studies, :2], work[n_studies : n_studies + n_columns, :n_columns]
    score, step, right = (
        work[n_studies + n_columns, :n_columns],
        work[n_studies + n_columns + 1, :n_columns],
        work[n_studies + n_columns + 2, :n_columns],
    )
    _slopes(beta, design, lower, upper, variance, used, own, score, information)
    others = np.empty((n_columns, n_columns))
    for i in range(n_studies):
        promise[i] = np.inf
        if not used[i]:
            continue
        for a in range(n_columns):
            right[a] = score[a] - own[i, 0] * design[i, a]
            for b in range(a + 1):
                others[a, b] = information[a, b] - own[i, 1] * design[i, a] * design[i, b]
        if _solve(others, right, step):
            promise[i] = abs(_dot(contrast, beta) + _dot(contrast, step))


@compiled
def _discard_best(beta: Floats, contrast: Floats, design: Floats, lower: Floats, upper: Floats, variance: Floats,
                  used: Used, work: Floats, promise: Floats, trial: Floats, best_beta: Floats) -> None:  # fmt: skip
    """Remove the study without which the contrast is closest to 0; beta becomes that of the others."""
    _promises(beta, contrast, design, lower, upper, variance, used, work, promise)
    best, least = -1, np.inf
    for _ in range(EXACT_CANDIDATES):
        i = int(np.argmin(promise))
        if promise[i] == np.inf:
            break
        promise[i] = np.inf
        trial[:] = beta
        used[i] = False
        solved = _solve_beta(trial, design, lower, upper, variance, used, work)
        used[i] = True
        if solved and abs(_dot(contrast, trial)) < least:
            best, least = i, abs(_dot(contrast, trial))
            best_beta[:] = trial
    if best >= 0:
        used[best] = False
        beta[:] = best_beta


@compiled
def most_likely_linear(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats,
                       design: Floats, contrast: Floats, n_discards: int, coefficients: Floats,
                       tau2: Floats) -> None:  # fmt: skip
    """Fill the most likely coefficients (n_columns, n_voxels) and tau2 (n_voxels,).

    Parameters
    ----------
    lower, upper : ndarray of shape (n_studies, n_voxels)
        Bounds of the effects.
    base, slope : ndarray of shape (n_studies,)
        Variance of an effect y: base + slope y^2.
    design : ndarray of shape (n_studies, n_columns)
        Of full column rank.
    contrast : ndarray of shape (n_columns,)
        Judges which studies are the most favourable.
    n_discards : int
        Studies that the robust step removes, as long as the others tell all coefficients apart.

    Notes
    -----
    All 0 at a voxel where every study is known: nothing is imputed there.
    """
    n_studies, n_columns = design.shape
    promise, used = np.empty(n_studies), np.empty(n_studies, dtype=np.bool_)
    work = np.empty((n_studies + n_columns + 3, max(2, n_columns)))
    beta, trial, best_beta = np.empty(n_columns), np.empty(n_columns), np.empty(n_columns)
    for voxel in range(lower.shape[1]):
        beta[:] = 0.0
        tau2[voxel] = 0.0
        used[:] = True
        low, high, variance, n_known = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        if n_known < n_studies:
            _solve_beta(beta, design, low, high, variance, used, work)
            for _ in range(n_discards):
                _discard_best(beta, contrast, design, low, high, variance, used, work, promise, trial, best_beta)
            tau2[voxel] = _solve_tau2(beta, design, low, high, variance)
        coefficients[:, voxel] = beta


@compiled
def _solve_tau2(beta: Floats, design: Floats, low: Floats, high: Floats, variance: Floats) -> float:
    """tau2 around what the coefficients expect; the bounds are changed to those of the residuals."""
    for i in range(low.size):
        expected = _dot(design[i], beta)
        low[i] -= expected
        high[i] -= expected
    return solve_tau2(0.0, low, high, variance)


@compiled
def most_likely_tau2(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats,
                     design: Floats, coefficients: Floats, tau2: Floats) -> None:  # fmt: skip
    """Fill tau2 (n_voxels,) around coefficients (n_columns, n_voxels) that are given; 0 where all studies are known."""
    for voxel in range(lower.shape[1]):
        low, high, variance, n_known = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        tau2[voxel] = 0.0
        if n_known < design.shape[0]:
            tau2[voxel] = _solve_tau2(coefficients[:, voxel].copy(), design, low, high, variance)
