"""The pooled z of one tested column of a linear model, for permuted studies and for permuted subjects.

Covariates are tested by Freedman and Lane's method: in every imputation the model without the tested column (the last)
is fitted, and its residuals, in standard deviations sqrt(v + tau2), are dealt out anew to the studies, each of which
keeps its own v and takes them times its own standard deviation.  An adjusted mean is tested by permuting the subjects,
as a mean is (`sdm_core.pooling.permuted`), with the whole model fitted again.

Notes
-----
Fits take place in the lower triangle of the weighted products of all columns and y, y last.  Taking the columns out of
the rows one after the other (a Cholesky decomposition without roots) leaves on the diagonal what each column has that
the ones before it have not: the last of them is the tested one's information, and that of y is Q.  What the model
without the tested column expects is not added back before the refit: it changes neither Q nor the tested coefficient.

Single precision; sums run over studies and imputations in their order, voxel by voxel, as in `permuted`.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.lanes import WIDTH

from .permuted import BASE, CORRELATION, CURVATURE, SLOPE, fill_products

_ONE = np.float32(1)
_ZERO = np.float32(0)
_LEAST_VARIANCE = np.float32(1e-6)
FIRST, DEVIATIONS, SQUARES, VARIANCES = range(4)
"""Rows of the running sums over imputations."""

Tiled = NDArray[np.float32]
Orders = NDArray[np.int64]


@compiled
def permuted_studies_z(effects: Tiled, orders: Orders, design: Tiled, model: Tiled, first: int, end: int,
                       z: Tiled) -> None:  # fmt: skip
    """Fill z (n_permutations, n_tiles, WIDTH) for the tiles from `first` to `end`, permuting studies.

    Parameters
    ----------
    effects : ndarray of shape (n_tiles, n_imputations, n_studies, WIDTH)
        Imputed effects; sinh of those of correlations.
    orders : ndarray of shape (n_permutations, n_studies)
        Whose residual each study takes.
    design : ndarray of shape (n_studies, n_columns)
        The tested column last; at least one other.
    model : ndarray of shape (n_studies, 4)
        As `sdm_core.pooling.permuted` has it.
    """
    n_permutations, n_studies = orders.shape
    columns, n_imputations = design.shape[1], effects.shape[1]
    y, v = np.empty((n_studies, WIDTH), np.float32), np.empty((n_studies, WIDTH), np.float32)
    weights, common_weights, spread = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    gram, common = _triangle(columns), _triangle(columns)
    trace, tau2 = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    pooled = np.empty((n_permutations, 4, WIDTH), np.float32)
    moved = np.empty_like(y)
    for tile in range(first, end):
        pooled[:] = _ZERO
        for j in range(n_imputations):
            _imputed(effects[tile, j], model, y, v)
            _null_residuals(design, y, v, gram, weights, trace, tau2, spread)
            tau2[:] = _ZERO
            _fit(design, columns, y, v, tau2, common_weights, common)
            _trace(design, columns, common_weights, common, trace)
            for p in range(n_permutations):
                _deal(y, spread, orders[p], moved)
                _products_with(design, columns, moved, common_weights, common)
                _take_out(common, columns)
                _between_studies(common, columns, n_studies, trace, tau2)
                _fit(design, columns, moved, v, tau2, weights, gram)
                _add_imputation(gram, columns, j == 0, pooled[p])
        for p in range(n_permutations):
            _finish(pooled[p], n_imputations, z[p, tile])


@compiled
def permuted_subjects_z(residuals: Tiled, effects: Tiled, subject_weights: Tiled, shares: Tiled, starts: Orders,
                        design: Tiled, model: Tiled, first: int, end: int, z: Tiled) -> None:  # fmt: skip
    """The same, permuting subjects; parameters as above and as `sdm_core.pooling.permuted_z` has them."""
    n_permutations, n_studies = shares.shape
    columns, n_imputations = design.shape[1], effects.shape[1]
    products = np.empty((n_permutations, n_studies, WIDTH), np.float32)
    y, v = np.empty((n_studies, WIDTH), np.float32), np.empty((n_studies, WIDTH), np.float32)
    weights, gram = np.empty_like(y), _triangle(columns)
    trace, tau2 = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    pooled = np.empty((4, WIDTH), np.float32)
    for tile in range(first, end):
        fill_products(residuals, subject_weights, starts, tile, products)
        for p in range(n_permutations):
            pooled[:] = _ZERO
            for j in range(n_imputations):
                _permuted(effects[tile, j], products[p], shares[p], model, y, v)
                _random_effects(design, columns, y, v, weights, gram, trace, tau2)
                _add_imputation(gram, columns, j == 0, pooled)
            _finish(pooled, n_imputations, z[p, tile])


@compiled
def _triangle(columns: int) -> Tiled:
    """Room for the products of the columns and y; only the lower triangle is used."""
    return np.empty((columns + 1, columns + 1, WIDTH), np.float32)


@compiled
def _imputed(effects: Tiled, model: Tiled, y: Tiled, v: Tiled) -> None:
    """Effects and variances of the studies as they are, each (n_studies, WIDTH)."""
    for i in range(y.shape[0]):
        base, slope = model[i, BASE], model[i, SLOPE]
        for c in range(WIDTH):
            d = effects[i, c]
            y[i, c] = np.float32(np.arcsinh(d)) if model[i, CORRELATION] > _ZERO else d
            v[i, c] = base + slope * y[i, c] * y[i, c]


@compiled
def _permuted(effects: Tiled, products: Tiled, shares: Tiled, model: Tiled, y: Tiled, v: Tiled) -> None:
    """Effects and variances of the permuted studies, each (n_studies, WIDTH); `sdm_core.effects.groups` says why."""
    for i in range(y.shape[0]):
        h, base, slope, share = model[i, CURVATURE], model[i, BASE], model[i, SLOPE], shares[i]
        for c in range(WIDTH):
            d = products[i, c] + share * effects[i, c]
            a = _ONE + h * (effects[i, c] * effects[i, c] - d * d)
            y[i, c] = d / np.sqrt(a if a > _LEAST_VARIANCE else _LEAST_VARIANCE)
        if model[i, CORRELATION] > _ZERO:
            for c in range(WIDTH):
                y[i, c] = np.float32(np.arcsinh(y[i, c]))
        for c in range(WIDTH):
            v[i, c] = base + slope * y[i, c] * y[i, c]


@compiled
def _null_residuals(design: Tiled, y: Tiled, v: Tiled, gram: Tiled, weights: Tiled, trace: Tiled, tau2: Tiled,
                    spread: Tiled) -> None:  # fmt: skip
    """Put the residuals of the model without the tested column in place of y, in units of `spread`, filled too."""
    columns = design.shape[1] - 1
    _random_effects(design, columns, y, v, weights, gram, trace, tau2)
    for a in range(columns - 1, -1, -1):
        for c in range(WIDTH):
            for later in range(a + 1, columns):
                gram[columns, a, c] -= gram[later, a, c] * gram[columns, later, c]
            gram[columns, a, c] /= gram[a, a, c]
    for i in range(y.shape[0]):
        for a in range(columns):
            for c in range(WIDTH):
                y[i, c] -= design[i, a] * gram[columns, a, c]
        for c in range(WIDTH):
            spread[i, c] = np.sqrt(v[i, c] + tau2[c])
            y[i, c] /= spread[i, c]


@compiled
def _deal(scaled: Tiled, spread: Tiled, order: Orders, out: Tiled) -> None:
    for i in range(out.shape[0]):
        source = order[i]
        for c in range(WIDTH):
            out[i, c] = spread[i, c] * scaled[source, c]


@compiled
def _random_effects(design: Tiled, columns: int, y: Tiled, v: Tiled, weights: Tiled, gram: Tiled, trace: Tiled,
                    tau2: Tiled) -> None:  # fmt: skip
    """Fit the first columns with the tau2 of DerSimonian and Laird, which is filled too."""
    tau2[:] = _ZERO
    _fit(design, columns, y, v, tau2, weights, gram)
    _trace(design, columns, weights, gram, trace)
    _between_studies(gram, columns, y.shape[0], trace, tau2)
    _fit(design, columns, y, v, tau2, weights, gram)


@compiled
def _fit(design: Tiled, columns: int, y: Tiled, v: Tiled, tau2: Tiled, weights: Tiled, gram: Tiled) -> None:
    """Fill the decomposed triangle for weights 1 / (v + tau2), and the weights."""
    for i in range(y.shape[0]):
        for c in range(WIDTH):
            weights[i, c] = _ONE / (v[i, c] + tau2[c])
    gram[:columns, :columns] = _ZERO
    for i in range(y.shape[0]):
        for a in range(columns):
            for b in range(a + 1):
                both = design[i, a] * design[i, b]
                for c in range(WIDTH):
                    gram[a, b, c] += both * weights[i, c]
    _products_with(design, columns, y, weights, gram)
    for row in range(1, columns + 1):
        _take_out(gram, row)


@compiled
def _products_with(design: Tiled, columns: int, y: Tiled, weights: Tiled, gram: Tiled) -> None:
    """Fill the row of y."""
    gram[columns] = _ZERO
    for i in range(y.shape[0]):
        for a in range(columns):
            x = design[i, a]
            for c in range(WIDTH):
                gram[columns, a, c] += x * (weights[i, c] * y[i, c])
        for c in range(WIDTH):
            gram[columns, columns, c] += weights[i, c] * y[i, c] * y[i, c]


@compiled
def _take_out(gram: Tiled, row: int) -> None:
    """Take the rows before it, which are done, out of one row."""
    for a in range(row):
        for b in range(a + 1, row + 1):
            for c in range(WIDTH):
                gram[row, b, c] -= gram[row, a, c] * gram[b, a, c] / gram[a, a, c]


@compiled
def _trace(design: Tiled, columns: int, weights: Tiled, gram: Tiled, trace: Tiled) -> None:
    """Sum of the weights, each less its leverage: tr(W - W X (X'WX)^-1 X'W)."""
    x, factors = np.empty((columns, WIDTH), np.float32), np.empty((columns, columns, WIDTH), np.float32)
    for a in range(columns):
        for c in range(WIDTH):
            factors[a, a, c] = _ONE / gram[a, a, c]
        for b in range(a + 1, columns):
            for c in range(WIDTH):
                factors[b, a, c] = gram[b, a, c] * factors[a, a, c]
    trace[:] = _ZERO
    for i in range(weights.shape[0]):
        _add_leverage(design[i], columns, weights[i], factors, x, trace)


@compiled
def _add_leverage(row: Tiled, columns: int, weights: Tiled, factors: Tiled, x: Tiled, trace: Tiled) -> None:
    """One study's part; out of each of its columns the ones before are taken, as out of the triangle's rows."""
    for a in range(columns):
        for c in range(WIDTH):
            x[a, c] = row[a]
    for c in range(WIDTH):
        trace[c] += weights[c]
    for a in range(columns):
        for b in range(a + 1, columns):
            for c in range(WIDTH):
                x[b, c] -= factors[b, a, c] * x[a, c]
        for c in range(WIDTH):
            leverage = weights[c] * x[a, c]
            trace[c] -= leverage * leverage * factors[a, a, c]


@compiled
def _between_studies(gram: Tiled, columns: int, n_studies: int, trace: Tiled, tau2: Tiled) -> None:
    df = np.float32(n_studies - columns)
    for c in range(WIDTH):
        excess = gram[columns, columns, c] - df
        tau2[c] = excess / trace[c] if excess > _ZERO and df > _ZERO else _ZERO


@compiled
def _add_imputation(gram: Tiled, columns: int, first: bool, pooled: Tiled) -> None:
    """Add the tested column's coefficient and variance to the running sums."""
    for c in range(WIDTH):
        variance = _ONE / gram[columns - 1, columns - 1, c]
        estimate = gram[columns, columns - 1, c] * variance
        if first:
            pooled[FIRST, c] = estimate
        deviation = estimate - pooled[FIRST, c]
        pooled[DEVIATIONS, c] += deviation
        pooled[SQUARES, c] += deviation * deviation
        pooled[VARIANCES, c] += variance


@compiled
def _finish(pooled: Tiled, n_imputations: int, z: Tiled) -> None:
    """z by Rubin's rules."""
    count = np.float32(n_imputations)
    for c in range(WIDTH):
        mean = pooled[DEVIATIONS, c] / count
        between = (pooled[SQUARES, c] - pooled[DEVIATIONS, c] * mean) / max(count - _ONE, _ONE)
        variance = pooled[VARIANCES, c] / count + (_ONE + _ONE / count) * max(between, _ZERO)
        z[c] = (pooled[FIRST, c] + mean) / np.sqrt(variance)
