"""The pooled z of permuted subjects from the mean and variance of the imputed effects, without a loop over imputations.

Under a permutation the imputed effects enter through their shares, which are small.  So each study's effect is taken
at the mean of its imputations, and what the imputations add is propagated by the derivatives of DerSimonian and
Laird's mean: through each study's effect and weight, and through tau2.

Notes
-----
With r = y - b, W = w / (1 + tau2 w), U = sum W and F(b, tau2, x) = sum W r = 0, where x is one study's imputed effect:
b_x = F_x / U and b_xx = (F_xx + 2 F_bx b_x) / U; the same for tau2, which has derivatives of its own.  The variance
between imputations is the sum of b_x^2 Var(x); the mean of b and the variance within gain half of their second
derivative times Var(x).  Where tau2 is 0 it is taken not to move.
The derivatives of one study are in `sdm_core.pooling.permuted`'s words: effect y = d / sqrt(a) and weight w.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.lanes import LANES, Lanes, Tiled, fma, larger, load, minus, positive, reciprocal_root, root, store, zeros

from .permuted import CORRELATION, CURVATURE, LEAST_VARIANCE, SLOPE, fill_products, study_effect

MEAN, VARIANCE = 0, 1
"""Places of the moments of the imputed effects."""
_Y, _W, _Y1, _W1, _Y2, _W2, _SPREAD, _FITTED = range(8)
"""Of each study: effect, weight, their first and second derivatives, variance of the imputed effect."""
_ZERO, _HALF, _ONE, _TWO, _FOUR = (np.float32(number) for number in (0, 0.5, 1, 2, 4))


@compiled
def propagated_z(residuals: Tiled, moments: Tiled, weights: Tiled, shares: Tiled, starts: NDArray[np.int64],
                 model: Tiled, n_imputations: int, first: int, end: int, z: Tiled) -> None:  # fmt: skip
    """Fill z (n_permutations, n_tiles, WIDTH) for the tiles from `first` to `end`.

    Parameters
    ----------
    moments : ndarray of shape (n_tiles, 2, n_studies, WIDTH)
        Mean and variance over the imputations of the effects; of the sinh of those of correlations.
    n_imputations : int
    others
        As `sdm_core.pooling.permuted.permuted_z` has them.
    """
    n_permutations, n_studies, width = shares.shape[0], shares.shape[1], residuals.shape[2]
    products = np.empty((n_permutations, n_studies, width), np.float32)
    fitted = np.empty((n_studies, _FITTED, LANES), np.float32)
    inflation = _ONE + _ONE / np.float32(n_imputations)
    for tile in range(first, end):
        fill_products(residuals, weights, starts, tile, products)
        for p in range(n_permutations):
            for lane in range(0, width, LANES):
                sums = _fit(products, moments, shares, model, p, tile, lane, fitted)
                store(z, (p * z.shape[1] + tile) * width + lane, _pool(fitted, sums, inflation))


@compiled
def _fit(products: Tiled, moments: Tiled, shares: Tiled, model: Tiled, p: int, tile: int, lane: int,
         fitted: Tiled) -> tuple[Lanes, Lanes, Lanes, Lanes]:  # fmt: skip
    """Effects, weights and derivatives of all studies, and the sums of w, w^2, w y and w y^2."""
    n_studies, width = shares.shape[1], moments.shape[3]
    weight, weight_squares, first_moment, second_moment = zeros(), zeros(), zeros(), zeros()
    for i in range(n_studies):
        effect = load(moments, ((2 * tile + MEAN) * n_studies + i) * width + lane)
        spread = load(moments, ((2 * tile + VARIANCE) * n_studies + i) * width + lane)
        d = fma(shares[p, i], effect, load(products, (p * n_studies + i) * width + lane))
        y, w, y1, y2 = _study(d, effect, shares[p, i], model, i)
        row = i * _FITTED * LANES
        for place, value in ((_Y, y), (_W, w), (_Y1, y1), (_Y2, y2), (_SPREAD, spread)):
            store(fitted, row + place * LANES, value)
        v1, v2 = _TWO * model[i, SLOPE] * y * y1, _TWO * model[i, SLOPE] * fma(y1, y1, y * y2)
        ww = w * w
        store(fitted, row + _W1 * LANES, minus(ww * v1))
        store(fitted, row + _W2 * LANES, ww * fma(_TWO * w * v1, v1, minus(v2)))
        weight = weight + w
        weight_squares = weight_squares + ww
        first_moment = fma(w, y, first_moment)
        second_moment = fma(w * y, y, second_moment)
    return weight, weight_squares, first_moment, second_moment


@compiled
def _study(d: Lanes, effect: Lanes, share: np.float32, model: Tiled, i: int) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """Effect, weight, and first and second derivative of the effect by the imputed effect.

    With a' = 2 h (effect - share d), s = a' / (2 a) and s' = h (1 - share^2) / a - 2 s^2, the derivatives of
    y = d / sqrt(a) are (share - d s) / sqrt(a) and (d s^2 - 2 share s - d s') / sqrt(a).
    """
    correlated = model[i, CORRELATION] > _ZERO
    curvature = _ONE if correlated else model[i, CURVATURE]
    a = larger(fma(curvature, fma(effect, effect, minus(d * d)), _ONE), LEAST_VARIANCE)
    one = reciprocal_root(a)
    per_a = curvature * one * one
    s = per_a * fma(minus(share + zeros()), d, effect)
    s1 = fma(per_a, _ONE - share * share, minus(_TWO * s * s))
    y1 = one * fma(minus(d), s, share)
    y2 = one * (d * fma(s, s, minus(s1)) - _TWO * share * s)
    y, w = study_effect(d, effect, model, i)
    if correlated:
        cosine = a / fma(effect, effect, _ONE)
        root_cosine = root(cosine)
        return y, w, y1 * root_cosine, root_cosine * fma(minus(d * one * cosine), y1 * y1, y2)
    return y, w, y1, y2


@compiled
def _pool(fitted: Tiled, sums: tuple[Lanes, Lanes, Lanes, Lanes], inflation: np.float32) -> Lanes:
    """z from the fitted studies and their sums."""
    per_weight = _ONE / sums[0]
    centre = sums[2] * per_weight
    concentration = sums[1] * per_weight * per_weight
    scale = sums[0] - sums[1] * per_weight
    df = np.float32(fitted.shape[0] - 1)
    excess = (fma(minus(sums[2]), centre, sums[3]) - df) / scale if df > _ZERO else zeros()
    tau2 = larger(excess, _ZERO)
    moving = positive(excess) / scale if df > _ZERO else zeros()
    total, weighted, squares, weighted_squares, cubes, weighted_cubes = _sums_with(fitted, tau2)
    one = _ONE / total
    b = weighted * one
    b_tau = (b * squares - weighted_squares) * one
    b_tau_tau = _TWO * (weighted_cubes - b * cubes + squares * b_tau) * one
    between, more_mean, more_within = zeros(), zeros(), zeros()
    for i in range(fitted.shape[0]):
        y, w, y1, w1, y2, w2, spread = _row(fitted, i)
        tau, tau_tau = _tau2_moves(y - centre, w, y1, w1, y2, w2, per_weight, concentration, tau2, moving)
        rho = _ONE / fma(tau2, w, _ONE)
        r, weight, slope = y - b, w * rho, w1 * rho * rho
        curve = rho * rho * fma(minus(_TWO * tau2 * rho * w1), w1, w2)
        b_x = fma(slope, r, weight * y1) * one
        b_xx = fma(curve, r, fma(_TWO * slope, y1 - b_x, weight * y2)) * one
        b_x_tau = (squares * b_x - slope * b_tau - weight * fma(_TWO * slope, r, weight * y1)) * one
        gradient = fma(b_tau, tau, b_x)
        second = fma(b_tau, tau_tau, fma(tau, fma(b_tau_tau, tau, _TWO * b_x_tau), b_xx))
        u_x = fma(minus(squares), tau, slope)
        u_xx = fma(minus(squares), tau_tau, fma(tau, fma(_TWO * cubes, tau, minus(_FOUR * weight * slope)), curve))
        between = fma(gradient * gradient, spread, between)
        more_mean = fma(second, spread, more_mean)
        more_within = fma(fma(_TWO * u_x * u_x, one, minus(u_xx)), spread, more_within)
    within = one * larger(fma(_HALF * one, more_within, _ONE), _HALF)
    return fma(_HALF, more_mean, b) / root(fma(inflation, between, within))


@compiled
def _row(fitted: Tiled, i: int) -> tuple[Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Lanes]:
    row = i * _FITTED * LANES
    return (
        load(fitted, row + _Y * LANES), load(fitted, row + _W * LANES), load(fitted, row + _Y1 * LANES),
        load(fitted, row + _W1 * LANES), load(fitted, row + _Y2 * LANES), load(fitted, row + _W2 * LANES),
        load(fitted, row + _SPREAD * LANES),
    )  # fmt: skip


@compiled
def _sums_with(fitted: Tiled, tau2: Lanes) -> tuple[Lanes, Lanes, Lanes, Lanes, Lanes, Lanes]:
    """Sums of W, W y, W^2, W^2 y, W^3 and W^3 y."""
    total, weighted, squares = zeros(), zeros(), zeros()
    weighted_squares, cubes, weighted_cubes = zeros(), zeros(), zeros()
    for i in range(fitted.shape[0]):
        y, w = load(fitted, (i * _FITTED + _Y) * LANES), load(fitted, (i * _FITTED + _W) * LANES)
        w = w / fma(tau2, w, _ONE)
        ww = w * w
        total = total + w
        weighted = fma(w, y, weighted)
        squares = squares + ww
        weighted_squares = fma(ww, y, weighted_squares)
        cubes = fma(ww, w, cubes)
        weighted_cubes = fma(ww * w, y, weighted_cubes)
    return total, weighted, squares, weighted_squares, cubes, weighted_cubes


@compiled
def _tau2_moves(r: Lanes, w: Lanes, y1: Lanes, w1: Lanes, y2: Lanes, w2: Lanes, per_weight: Lanes,
                concentration: Lanes, tau2: Lanes, moving: Lanes) -> tuple[Lanes, Lanes]:  # fmt: skip
    """First and second derivative of tau2 = (Q - df) / (sum w - sum w^2 / sum w) by one study's imputed effect.

    `r` is the effect less the common-effect mean, `concentration` sum w^2 / (sum w)^2, and `moving` one over the
    denominator, or 0 where tau2 is 0.
    """
    k = fma(minus(_TWO * w), per_weight, _ONE + concentration)
    pull = fma(w1, r, w * y1)
    q_x = r * fma(w, y1, pull)
    scale_x = w1 * k
    first = moving * fma(minus(tau2), scale_x, q_x)
    q_curve = fma(w2 * r, r, _FOUR * w1 * r * y1) + _TWO * w * fma(y1, y1, r * y2)
    q_xx = fma(minus(_TWO * per_weight * pull), pull, q_curve)
    scale_xx = k * fma(minus(_TWO * per_weight * w1), w1, w2)
    return first, moving * (q_xx - fma(_TWO * first, scale_x, tau2 * scale_xx))
