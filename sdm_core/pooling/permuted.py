"""The pooled z of permuted subjects: group statistics, DerSimonian-Laird and Rubin's rules in one pass over the data.

A permutation enters through the product of its weights with the residuals, one number for each study and voxel, and a
share of the imputed effects, one number for each study (`sdm_core.effects.groups` has the algebra).  So fifty
imputations need no second look at the subjects.

Notes
-----
Single precision; Rubin's between-imputation variance is summed from the first imputation on, so that no digits are
lost.  Every sum runs over studies, subjects or imputations in their order, voxel by voxel: the result does not depend
on the number of threads, on a BLAS, or on the width of the processor's vectors.
Sums live in one buffer with fixed places, which lets the compiler prove that they do not overlap.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

WIDTH = 64
"""Voxels of a tile, the last axis of all data."""
CURVATURE, BASE, SLOPE, CORRELATION = range(4)
"""Columns of the model of the studies."""
_ONE = np.float32(1)
_ZERO = np.float32(0)
_LEAST_VARIANCE = np.float32(1e-6)
_TWO, _THREE = 2 * WIDTH, 3 * WIDTH

Tiled = NDArray[np.float32]


@compiled
def permuted_z(residuals: Tiled, effects: Tiled, weights: Tiled, shares: Tiled, starts: NDArray[np.int64],
               model: Tiled, first: int, end: int, z: Tiled) -> None:  # fmt: skip
    """Fill z (n_permutations, n_tiles, WIDTH) for the tiles from `first` to `end`.

    Parameters
    ----------
    residuals : ndarray of shape (n_tiles, n_subjects, WIDTH)
    effects : ndarray of shape (n_tiles, n_imputations, n_studies, WIDTH)
        Imputed effects; sinh of those of correlations.
    weights, shares : ndarray of shapes (n_permutations, n_subjects) and (n_permutations, n_studies)
    starts : ndarray of shape (n_studies + 1,)
        First subject of each study.
    model : ndarray of shape (n_studies, 4)
        CURVATURE, BASE and SLOPE of the variance, CORRELATION (1 or 0).
    """
    n_permutations, n_studies = shares.shape
    products = np.empty((n_permutations, n_studies, WIDTH), np.float32)
    fitted = np.empty((n_studies, _TWO), np.float32)
    sums, pooled = np.empty(4 * WIDTH, np.float32), np.empty(4 * WIDTH, np.float32)
    for tile in range(first, end):
        for p in range(n_permutations):
            for i in range(n_studies):
                _product(residuals[tile, starts[i] : starts[i + 1]], weights[p, starts[i] : starts[i + 1]],
                         products[p, i])  # fmt: skip
        for p in range(n_permutations):
            _pool(products[p], effects[tile], shares[p], model, fitted, sums, pooled, z[p, tile])


@compiled
def _product(residuals: Tiled, weights: Tiled, out: Tiled) -> None:
    """Weighted sum over subjects, four at a time, shape (WIDTH,)."""
    out[:] = _ZERO
    whole = weights.size // 4 * 4
    for s in range(0, whole, 4):
        a, b, c, d = residuals[s], residuals[s + 1], residuals[s + 2], residuals[s + 3]
        wa, wb, wc, wd = weights[s], weights[s + 1], weights[s + 2], weights[s + 3]
        for v in range(WIDTH):
            out[v] += (wa * a[v] + wb * b[v]) + (wc * c[v] + wd * d[v])
    for s in range(whole, weights.size):
        row, weight = residuals[s], weights[s]
        for v in range(WIDTH):
            out[v] += weight * row[v]


@compiled
def _pool(products: Tiled, effects: Tiled, shares: Tiled, model: Tiled, fitted: Tiled, sums: Tiled, pooled: Tiled,
          z: Tiled) -> None:  # fmt: skip
    n_imputations, n_studies = effects.shape[0], effects.shape[1]
    df = np.float32(n_studies - 1)
    pooled[:] = _ZERO
    for j in range(n_imputations):
        sums[:] = _ZERO
        for i in range(n_studies):
            if model[i, CORRELATION] > _ZERO:
                _correlation_study(effects[j, i], products[i], shares[i], model[i], fitted[i], sums)
            else:
                _study(effects[j, i], products[i], shares[i], model[i], fitted[i], sums)
        _between_studies(sums, df)
        for i in range(n_studies):
            _add_weighted(fitted[i], sums)
        _add_imputation(sums, j == 0, pooled)
    count = np.float32(n_imputations)
    for v in range(WIDTH):
        between = (pooled[_TWO + v] - pooled[WIDTH + v] * pooled[WIDTH + v] / count) / max(count - _ONE, _ONE)
        variance = pooled[_THREE + v] / count + (_ONE + _ONE / count) * max(between, _ZERO)
        z[v] = (pooled[v] + pooled[WIDTH + v] / count) / np.sqrt(variance)


@compiled
def _study(effects: Tiled, products: Tiled, share: np.float32, model: Tiled, fitted: Tiled, sums: Tiled) -> None:
    """Effect (fitted[v]) and weight (fitted[WIDTH + v]) of one study, and the sums of w, w^2, w y and w y^2.

    With a = 1 + h (y^2 - D^2) and b = a times the variance, one root u = 1 / sqrt(a b^2) gives 1 / sqrt(a) = u b and
    the weight a / b = (u a)^2 b.
    """
    h, base, slope = model[CURVATURE], model[BASE], model[SLOPE]
    for v in range(WIDTH):
        d = products[v] + share * effects[v]
        dd = d * d
        a = _ONE + h * (effects[v] * effects[v] - dd)
        a = a if a > _LEAST_VARIANCE else _LEAST_VARIANCE
        b = base * a + slope * dd
        u = _ONE / np.sqrt(a * b * b)
        y, ua = d * (u * b), u * a
        w = ua * ua * b
        fitted[v] = y
        fitted[WIDTH + v] = w
        wy = w * y
        sums[v] += w
        sums[WIDTH + v] += w * w
        sums[_TWO + v] += wy
        sums[_THREE + v] += wy * y


@compiled
def _correlation_study(effects: Tiled, products: Tiled, share: np.float32, model: Tiled, fitted: Tiled,
                       sums: Tiled) -> None:  # fmt: skip
    """The same for a correlation: Fisher's z is asinh of the effect, and its variance does not depend on it."""
    w = _ONE / model[BASE]
    for v in range(WIDTH):
        d = products[v] + share * effects[v]
        a = _ONE + effects[v] * effects[v] - d * d
        y = np.float32(np.arcsinh(d / np.sqrt(a if a > _LEAST_VARIANCE else _LEAST_VARIANCE)))
        fitted[v] = y
        fitted[WIDTH + v] = w
        sums[v] += w
        sums[WIDTH + v] += w * w
        sums[_TWO + v] += w * y
        sums[_THREE + v] += w * y * y


@compiled
def _between_studies(sums: Tiled, df: np.float32) -> None:
    """tau2 of DerSimonian and Laird takes the place of the first sum; the next two begin anew."""
    for v in range(WIDTH):
        w = sums[v]
        q = sums[_THREE + v] - sums[_TWO + v] * sums[_TWO + v] / w
        scale = w - sums[WIDTH + v] / w
        excess = q - df
        sums[v] = excess / scale if excess > _ZERO and df > _ZERO else _ZERO
        sums[WIDTH + v] = _ZERO
        sums[_TWO + v] = _ZERO


@compiled
def _add_weighted(fitted: Tiled, sums: Tiled) -> None:
    for v in range(WIDTH):
        w = fitted[WIDTH + v] / (_ONE + sums[v] * fitted[WIDTH + v])
        sums[WIDTH + v] += w
        sums[_TWO + v] += w * fitted[v]


@compiled
def _add_imputation(sums: Tiled, first: bool, pooled: Tiled) -> None:
    """The first mean; sums of the deviations from it and of their squares, and of the variances."""
    for v in range(WIDTH):
        variance = _ONE / sums[WIDTH + v]
        mean = sums[_TWO + v] * variance
        if first:
            pooled[v] = mean
        deviation = mean - pooled[v]
        pooled[WIDTH + v] += deviation
        pooled[_TWO + v] += deviation * deviation
        pooled[_THREE + v] += variance
