"""The pooled z of one tested column of a linear model, for permuted studies and for permuted subjects.

Covariates are tested by Freedman and Lane's method: in every imputation the model without the tested column (the last)
is fitted, and its residuals, in standard deviations sqrt(v + tau2), are dealt out anew to the studies, each of which
keeps its own v and takes them times its own standard deviation; or the residuals are dealt out as they are.  A mean
adjusted for covariates is tested by permuting the subjects, as a mean is (`sdm_core.pooling.permuted`), with the whole
model fitted again.

Notes
-----
Fits take place in the lower triangle of the weighted products of all columns and y, y last.  Taking the columns out of
the rows one after the other (a Cholesky decomposition without roots) leaves on the diagonal what each column has that
the ones before it have not: the last of them is the tested one's information, and that of y is Q.  What the model
without the tested column expects is not added back before the refit: it changes neither Q nor the tested coefficient.

Single precision; sums run over studies and imputations in their order, voxel by voxel, as in `permuted`.  Arrays named
here without a shape hold LANES numbers for each study, or for each product of two columns.
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
    minus,
    reciprocal,
    reciprocal_root,
    root,
    store,
    zeros,
)

from .permuted import fill_products, study_effect

_ONE = np.float32(1)
_ZERO = np.float32(0)
_FIRST, _DEVIATIONS, _SQUARES, _VARIANCES = (LANES * row for row in range(4))
"""Places of the running sums over imputations."""
_SUMS = 4 * LANES

Orders = NDArray[np.int64]


@compiled
def permuted_studies_z(effects: Tiled, orders: Orders, design: Tiled, model: Tiled, raw: bool, first: int, end: int,
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
    raw : bool
        Deal residuals out as they are, not in standard deviations.
    """
    n_permutations, n_studies = orders.shape
    n_imputations, width = effects.shape[1], effects.shape[3]
    scaled, own, spread = _rows(n_studies), _rows(n_studies), _rows(n_studies)
    moved, weights = _rows(n_studies), _rows(n_studies)
    common, gram, pooled = _triangle(design), _triangle(design), _rows(4 * n_permutations)
    for tile in range(first, end):
        for lane in range(0, width, LANES):
            pooled[:] = _ZERO
            for j in range(n_imputations):
                _imputed(effects, (tile * n_imputations + j) * n_studies * width + lane, model, scaled, own)
                _standardise(design, raw, scaled, own, weights, spread, gram)
                trace = _decompose_common(design, own, common)
                for p in range(n_permutations):
                    _deal(scaled, spread, orders[p], moved)
                    _refit(design, moved, own, trace, weights, common, gram)
                    _add_imputation(gram, design.shape[1], j == 0, pooled, p * _SUMS)
            for p in range(n_permutations):
                store(z, (p * z.shape[1] + tile) * width + lane, _pooled_z(pooled, p * _SUMS, n_imputations))


@compiled
def permuted_subjects_z(residuals: Tiled, effects: Tiled, subject_weights: Tiled, shares: Tiled, starts: Orders,
                        design: Tiled, model: Tiled, first: int, end: int, z: Tiled) -> None:  # fmt: skip
    """The same, permuting subjects; parameters as above and as `sdm_core.pooling.permuted_z` has them."""
    n_permutations, n_studies = shares.shape
    n_imputations, width = effects.shape[1], effects.shape[3]
    products = np.empty((n_permutations, n_studies, width), np.float32)
    y, own, weights = _rows(n_studies), _rows(n_studies), _rows(n_studies)
    common, gram, pooled = _triangle(design), _triangle(design), _rows(4)
    for tile in range(first, end):
        fill_products(residuals, subject_weights, starts, tile, products)
        for p in range(n_permutations):
            for lane in range(0, width, LANES):
                pooled[:] = _ZERO
                for j in range(n_imputations):
                    place = (tile * n_imputations + j) * n_studies * width + lane
                    _permuted(effects, place, products, p * n_studies * width + lane, shares[p], model, y, own)
                    _refit(design, y, own, _decompose_common(design, own, common), weights, common, gram)
                    _add_imputation(gram, design.shape[1], j == 0, pooled, 0)
                store(z, (p * z.shape[1] + tile) * width + lane, _pooled_z(pooled, 0, n_imputations))


@compiled
def _rows(count: int) -> Tiled:
    return np.empty((count, LANES), np.float32)


@compiled
def _triangle(design: Tiled) -> Tiled:
    """Room for the products of the columns and y; only the lower triangle is used."""
    size = design.shape[1] + 1
    return np.empty((size, size, LANES), np.float32)


@compiled
def _imputed(effects: Tiled, place: int, model: Tiled, y: Tiled, own: Tiled) -> None:
    """Effects and weights 1 / v of the studies as they are."""
    for i in range(y.shape[0]):
        effect = load(effects, place + i * effects.shape[3])
        _keep_study(effect, effect, model, i, y, own)


@compiled
def _permuted(effects: Tiled, place: int, products: Tiled, first: int, shares: Tiled, model: Tiled, y: Tiled,
              own: Tiled) -> None:  # fmt: skip
    """The same of the permuted studies; `sdm_core.effects.groups` has the algebra."""
    width = effects.shape[3]
    for i in range(y.shape[0]):
        effect, product = load(effects, place + i * width), load(products, first + i * width)
        _keep_study(fma(shares[i], effect, product), effect, model, i, y, own)


@compiled
def _keep_study(d: Lanes, effect: Lanes, model: Tiled, i: int, y: Tiled, own: Tiled) -> None:
    fitted, weight = study_effect(d, effect, model, i)
    store(y, i * LANES, fitted)
    store(own, i * LANES, weight)


@compiled
def _standardise(design: Tiled, raw: bool, y: Tiled, own: Tiled, weights: Tiled, spread: Tiled,
                 gram: Tiled) -> None:  # fmt: skip
    """Put the residuals of the model without the tested column in place of y, in units of `spread`, filled too."""
    columns = design.shape[1] - 1
    _decompose(design, columns, own, gram)
    _take_y(design, columns, y, own, gram)
    _weigh(own, _between_studies(gram, columns, y.shape[0], _trace(design, columns, own, gram)), weights)
    _decompose(design, columns, weights, gram)
    _take_y(design, columns, y, weights, gram)
    _solve(gram, columns)
    for i in range(y.shape[0]):
        residual, weight = load(y, i * LANES), load(weights, i * LANES)
        for a in range(columns):
            residual = fma(minus(load(gram[columns, a], 0)), design[i, a], residual)
        deviation = reciprocal_root(weight)
        store(y, i * LANES, residual if raw else residual * weight * deviation)
        store(spread, i * LANES, zeros() + _ONE if raw else deviation)


@compiled
def _solve(gram: Tiled, columns: int) -> None:
    """Put the coefficients in the row of y of a decomposed triangle."""
    for a in range(columns - 1, -1, -1):
        rest = load(gram[columns, a], 0)
        for later in range(a + 1, columns):
            rest = fma(minus(load(gram[later, a], 0)), load(gram[columns, later], 0), rest)
        store(gram[columns, a], 0, rest / load(gram[a, a], 0))


@compiled
def _deal(scaled: Tiled, spread: Tiled, order: Orders, moved: Tiled) -> None:
    for i in range(moved.shape[0]):
        store(moved, i * LANES, load(spread, i * LANES) * load(scaled, order[i] * LANES))


@compiled
def _decompose_common(design: Tiled, own: Tiled, common: Tiled) -> Lanes:
    """Fill the columns' part for weights 1 / v; returns the sum of the weights, each less its leverage."""
    _decompose(design, design.shape[1], own, common)
    return _trace(design, design.shape[1], own, common)


@compiled
def _refit(design: Tiled, y: Tiled, own: Tiled, trace: Lanes, weights: Tiled, common: Tiled, gram: Tiled) -> None:
    """Fill the triangle for weights 1 / (v + tau2) with the tau2 of DerSimonian and Laird."""
    columns = design.shape[1]
    _take_y(design, columns, y, own, common)
    _weigh(own, _between_studies(common, columns, y.shape[0], trace), weights)
    _decompose(design, columns, weights, gram)
    _take_y(design, columns, y, weights, gram)


@compiled
def _weigh(own: Tiled, tau2: Lanes, weights: Tiled) -> None:
    for i in range(own.shape[0]):
        weight = load(own, i * LANES)
        store(weights, i * LANES, weight * reciprocal(fma(tau2, weight, _ONE)))


@compiled
def _decompose(design: Tiled, columns: int, weights: Tiled, gram: Tiled) -> None:
    """Fill the rows of the columns."""
    for a in range(columns):
        for b in range(a + 1):
            store(gram[a, b], 0, _product(design, a, b, weights))
        _take_out(gram, a)


@compiled
def _product(design: Tiled, a: int, b: int, weights: Tiled) -> Lanes:
    """Weighted product of two columns."""
    total = zeros()
    for i in range(weights.shape[0]):
        total = fma(design[i, a] * design[i, b], load(weights, i * LANES), total)
    return total


@compiled
def _take_y(design: Tiled, columns: int, y: Tiled, weights: Tiled, gram: Tiled) -> None:
    """Fill the row of y of a triangle whose columns are done."""
    for a in range(columns):
        total = zeros()
        for i in range(weights.shape[0]):
            total = fma(design[i, a], load(weights, i * LANES) * load(y, i * LANES), total)
        store(gram[columns, a], 0, total)
    total = zeros()
    for i in range(weights.shape[0]):
        effect = load(y, i * LANES)
        total = fma(load(weights, i * LANES) * effect, effect, total)
    store(gram[columns, columns], 0, total)
    _take_out(gram, columns)


@compiled
def _take_out(gram: Tiled, row: int) -> None:
    """Take the rows before it, which are done, out of one row."""
    for a in range(row):
        factor = minus(load(gram[row, a], 0) / load(gram[a, a], 0))
        for b in range(a + 1, row):
            store(gram[row, b], 0, fma(factor, load(gram[b, a], 0), load(gram[row, b], 0)))
        store(gram[row, row], 0, fma(factor, load(gram[row, a], 0), load(gram[row, row], 0)))


@compiled
def _trace(design: Tiled, columns: int, weights: Tiled, gram: Tiled) -> Lanes:
    """tr(W - W X (X'WX)^-1 X'W), by taking the columns out of both sides of X'WWX as they were out of X'WX."""
    squares = np.empty((columns, columns, LANES), np.float32)
    trace = zeros()
    for i in range(weights.shape[0]):
        trace = trace + load(weights, i * LANES)
    _fill_squares(design, columns, weights, squares)
    for a in range(columns):
        one = _ONE / load(gram[a, a], 0)
        for b in range(a + 1, columns):
            factor = minus(load(gram[b, a], 0)) * one
            for c in range(columns):
                store(squares[b, c], 0, fma(factor, load(squares[a, c], 0), load(squares[b, c], 0)))
            for c in range(columns):
                store(squares[c, b], 0, fma(factor, load(squares[c, a], 0), load(squares[c, b], 0)))
        trace = fma(minus(load(squares[a, a], 0)), one, trace)
    return trace


@compiled
def _fill_squares(design: Tiled, columns: int, weights: Tiled, squares: Tiled) -> None:
    squared = _rows(weights.shape[0])
    for i in range(weights.shape[0]):
        weight = load(weights, i * LANES)
        store(squared, i * LANES, weight * weight)
    for a in range(columns):
        for b in range(a + 1):
            total = _product(design, a, b, squared)
            store(squares[a, b], 0, total)
            store(squares[b, a], 0, total)


@compiled
def _between_studies(gram: Tiled, columns: int, n_studies: int, trace: Lanes) -> Lanes:
    df = np.float32(n_studies - columns)
    return larger((load(gram[columns, columns], 0) - df) / trace, _ZERO) if df > _ZERO else zeros()


@compiled
def _add_imputation(gram: Tiled, columns: int, first: bool, pooled: Tiled, place: int) -> None:
    """Add the tested column's coefficient and variance to the running sums."""
    variance = _ONE / load(gram[columns - 1, columns - 1], 0)
    estimate = load(gram[columns, columns - 1], 0) * variance
    if first:
        store(pooled, place + _FIRST, estimate)
    deviation = estimate - load(pooled, place + _FIRST)
    store(pooled, place + _DEVIATIONS, load(pooled, place + _DEVIATIONS) + deviation)
    store(pooled, place + _SQUARES, fma(deviation, deviation, load(pooled, place + _SQUARES)))
    store(pooled, place + _VARIANCES, load(pooled, place + _VARIANCES) + variance)


@compiled
def _pooled_z(pooled: Tiled, place: int, n_imputations: int) -> Lanes:
    """z by Rubin's rules."""
    count = np.float32(n_imputations)
    deviations = load(pooled, place + _DEVIATIONS)
    between = (load(pooled, place + _SQUARES) - deviations * deviations / count) / max(count - _ONE, _ONE)
    variance = load(pooled, place + _VARIANCES) / count + (_ONE + _ONE / count) * larger(between, _ZERO)
    return (load(pooled, place + _FIRST) + deviations / count) / root(variance)
