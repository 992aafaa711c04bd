"""The pooled z of permuted subjects: group statistic, DerSimonian-Laird and Rubin's rules in one pass over the data.

A permutation enters through the product of its weights with the residuals, one number for each study and voxel, and a
share of the imputed effects, one number for each study (`sdm_core.effects.groups` has the algebra).  So fifty
imputations need no second look at the subjects.

Notes
-----
Single precision; Rubin's between-imputation variance is summed from the first imputation on, so that no digits are
lost.  Every sum runs over studies, subjects or imputations in their order, voxel by voxel (`sdm_core.lanes`): the
result does not depend on the number of threads, on a BLAS, or on the width of the processor's vectors.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.lanes import (
    LANES,
    Lanes,
    Tiled,
    fma,
    larger,
    load,
    logarithm,
    minus,
    reciprocal,
    reciprocal_root,
    root,
    store,
    zeros,
)

CURVATURE, BASE, SLOPE, CORRELATION = range(4)
"""Columns of the model of the studies."""
_ONE = np.float32(1)
_ZERO = np.float32(0)
LEAST_VARIANCE = np.float32(1e-6)
_AT_ONCE = 4
"""Permutations that share a load of the residuals."""


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
        n_permutations is a multiple of 4.
    starts : ndarray of shape (n_studies + 1,)
        First subject of each study.
    model : ndarray of shape (n_studies, 4)
        CURVATURE, BASE and SLOPE of the variance, CORRELATION (1 or 0).
    """
    n_permutations, n_studies, width = shares.shape[0], shares.shape[1], residuals.shape[2]
    products = np.empty((n_permutations, n_studies, width), np.float32)
    fitted = np.empty((n_studies, 2, LANES), np.float32)
    for tile in range(first, end):
        fill_products(residuals, weights, starts, tile, products)
        for p in range(n_permutations):
            for lane in range(0, width, LANES):
                pooled = _pool(products, effects, shares, model, p, tile, lane, fitted)
                store(z, (p * z.shape[1] + tile) * width + lane, pooled)


@compiled
def fill_products(residuals: Tiled, weights: Tiled, starts: NDArray[np.int64], tile: int, products: Tiled) -> None:
    """Sums over each study's subjects of weight times residual, shape (n_permutations, n_studies, WIDTH)."""
    n_permutations, n_studies, width = products.shape
    row, first_row = n_studies * width, tile * residuals.shape[1]
    for i in range(n_studies):
        for p in range(0, n_permutations, _AT_ONCE):
            for lane in range(0, width, LANES):
                a, b, c, d = zeros(), zeros(), zeros(), zeros()
                for s in range(starts[i], starts[i + 1]):
                    residual = load(residuals, (first_row + s) * width + lane)
                    a = fma(weights[p, s], residual, a)
                    b = fma(weights[p + 1, s], residual, b)
                    c = fma(weights[p + 2, s], residual, c)
                    d = fma(weights[p + 3, s], residual, d)
                place = p * row + i * width + lane
                store(products, place, a)
                store(products, place + row, b)
                store(products, place + 2 * row, c)
                store(products, place + 3 * row, d)


@compiled
def _pool(products: Tiled, effects: Tiled, shares: Tiled, model: Tiled, p: int, tile: int, lane: int,
          fitted: Tiled) -> Lanes:  # fmt: skip
    """z of one permutation."""
    n_imputations, df = effects.shape[1], np.float32(shares.shape[1] - 1)
    count = np.float32(n_imputations)
    first, deviations, squares, within = zeros(), zeros(), zeros(), zeros()
    for j in range(n_imputations):
        sums = _fit(products, effects, shares, model, p, tile * n_imputations + j, lane, fitted)
        total, weighted = _add_up(fitted, _between_studies(sums, df))
        variance = _ONE / total
        mean = weighted * variance
        if j == 0:
            first = mean
        deviation = mean - first
        deviations = deviations + deviation
        squares = fma(deviation, deviation, squares)
        within = within + variance
    between = (squares - deviations * deviations / count) / max(count - _ONE, _ONE)
    variance = within / count + (_ONE + _ONE / count) * larger(between, _ZERO)
    return (first + deviations / count) / root(variance)


@compiled
def _fit(products: Tiled, effects: Tiled, shares: Tiled, model: Tiled, p: int, imputation: int, lane: int,
         fitted: Tiled) -> tuple[Lanes, Lanes, Lanes, Lanes]:  # fmt: skip
    """Effects y and weights w of all studies in one imputation, and the sums of w, w^2, w y and w y^2."""
    n_studies, width = shares.shape[1], effects.shape[3]
    weight, weight_squares, first_moment, second_moment = zeros(), zeros(), zeros(), zeros()
    for i in range(n_studies):
        effect = load(effects, (imputation * n_studies + i) * width + lane)
        d = fma(shares[p, i], effect, load(products, (p * n_studies + i) * width + lane))
        y, w = study_effect(d, effect, model, i)
        store(fitted, 2 * i * LANES, y)
        store(fitted, (2 * i + 1) * LANES, w)
        wy = w * y
        weight = weight + w
        weight_squares = fma(w, w, weight_squares)
        first_moment = fma(w, y, first_moment)
        second_moment = fma(wy, y, second_moment)
    return weight, weight_squares, first_moment, second_moment


@compiled
def study_effect(d: Lanes, effect: Lanes, model: Tiled, i: int) -> tuple[Lanes, Lanes]:
    """Effect y and weight w of study i, whose permuted mean is d."""
    if model[i, CORRELATION] > _ZERO:
        return correlation(d, effect, model[i, BASE])
    return difference(d, effect, model[i, CURVATURE], model[i, BASE], model[i, SLOPE])


@compiled
def difference(
    d: Lanes, effect: Lanes, curvature: np.float32, base: np.float32, slope: np.float32
) -> tuple[Lanes, Lanes]:
    """Effect y = d / sqrt(a) and weight 1 / (base + slope y^2) of one study, with a = 1 + h (effect^2 - d^2)."""
    dd = d * d
    a = larger(fma(curvature, fma(effect, effect, minus(dd)), _ONE), LEAST_VARIANCE)
    return d * reciprocal_root(a), a / fma(slope, dd, base * a)


@compiled
def correlation(d: Lanes, effect: Lanes, variance: np.float32) -> tuple[Lanes, Lanes]:
    """The same for a correlation: Fisher's z is asinh of d / sqrt(a), and its variance does not depend on it."""
    whole = fma(effect, effect, _ONE)
    a = larger(fma(minus(d), d, whole), LEAST_VARIANCE)
    return logarithm((root(whole) + d) * reciprocal_root(a)), zeros() + _ONE / variance


@compiled
def _between_studies(sums: tuple[Lanes, Lanes, Lanes, Lanes], df: np.float32) -> Lanes:
    """tau2 of DerSimonian and Laird."""
    weight, weight_squares, first_moment, second_moment = sums
    one = _ONE / weight
    q = fma(minus(first_moment), first_moment * one, second_moment)
    scale = fma(minus(weight_squares), one, weight)
    return larger((q - df) / scale, _ZERO) if df > _ZERO else zeros()


@compiled
def _add_up(fitted: Tiled, tau2: Lanes) -> tuple[Lanes, Lanes]:
    """Sums of the weights with tau2, and of weight times effect."""
    total, weighted = zeros(), zeros()
    for i in range(fitted.shape[0]):
        y, w = load(fitted, 2 * i * LANES), load(fitted, (2 * i + 1) * LANES)
        w = w * reciprocal(fma(tau2, w, _ONE))
        total = total + w
        weighted = fma(w, y, weighted)
    return total, weighted
