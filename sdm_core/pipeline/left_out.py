"""Imputation and pooling of many subsets of the studies at once, for the mean by DerSimonian and Laird.

A study's field does not depend on the others, so that its effects differ between two subsets only by the most likely
mean and tau2.  They are expanded about those of all studies (`sdm_core.imputation.shifts`); where a subset is too far
away for that, effects are drawn as usual.  What is left for each subset are sums over its studies.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.imputation.left_out import kept_studies
from sdm_core.imputation.shifts import TERMS, expand, truncated_at
from sdm_core.pooling.random_effects import (
    ESTIMATE,
    ESTIMATE_SQUARES,
    ROOT_I2,
    ROOT_Q,
    ROOT_Q_SQUARES,
    TAU,
    VARIANCE,
    Q,
)

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

WIDTH = 128
"""Voxels at a time, whose expansions stay in the processor's cache."""
FAR_MEAN = 0.3
"""Standard deviations that a mean may move before its effects are drawn anew."""
FAR_VARIANCE = 0.4
"""Share of the variance that tau2 may move."""
_ONE = np.float32(1)
_ZERO = np.float32(0)
_W, _WW, _WY, _WYY, _NEW_W, _NEW_WY, _N_WORK = range(7)


@compiled
def _shifted(terms: Singles, shift: Singles, wider: Singles, slope: np.float32, squares: Singles, base: np.float32,
             low: Singles, high: Singles, y: Singles, w: Singles) -> None:  # fmt: skip
    """Effects and weights of one study under another mean (shifted, its square grown by `squares`) and tau2."""
    for v in range(y.size):
        m, q = shift[v], wider[v] + slope * squares[v]
        effect = (
            terms[0, v] + m * (terms[1, v] + m * terms[3, v] + q * terms[4, v]) + q * (terms[2, v] + q * terms[5, v])
        )
        effect = min(max(effect, low[v]), high[v])
        y[v] = effect
        w[v] = _ONE / (base + slope * effect * effect)


@compiled
def _add_study(y: Singles, w: Singles, work: Singles) -> None:
    for v in range(y.size):
        wy = w[v] * y[v]
        work[_W, v] += w[v]
        work[_WW, v] += w[v] * w[v]
        work[_WY, v] += wy
        work[_WYY, v] += wy * y[v]


@compiled
def _add_weighted(y: Singles, w: Singles, tau2: Singles, work: Singles) -> None:
    for v in range(y.size):
        weight = w[v] / (_ONE + tau2[v] * w[v])
        work[_NEW_W, v] += weight
        work[_NEW_WY, v] += weight * y[v]


@compiled
def _add_to_sums(work: Singles, tau2: Singles, df: int, count: int, sums: Floats) -> None:
    """Add one imputation to the running means (n_voxels, N_SUMS) of `sdm_core.pooling.random_effects`."""
    for v in range(tau2.size):
        own = sums[v]
        q = max(0.0, float(work[_WYY, v] - work[_WY, v] * work[_WY, v] / work[_W, v])) if df > 0 else 0.0
        trace = float(work[_W, v] - work[_WW, v] / work[_W, v])
        h2 = 1.0 + float(tau2[v]) * trace / df if df > 0 else 1.0
        estimate, root_q = float(work[_NEW_WY, v] / work[_NEW_W, v]), math.sqrt(q)
        deviation = estimate - own[ESTIMATE]
        own[ESTIMATE] += deviation / count
        own[ESTIMATE_SQUARES] += deviation * (estimate - own[ESTIMATE])
        own[VARIANCE] += (1.0 / float(work[_NEW_W, v]) - own[VARIANCE]) / count
        own[TAU] += (math.sqrt(float(tau2[v])) - own[TAU]) / count
        own[ROOT_I2] += (math.sqrt(1.0 - 1.0 / h2) - own[ROOT_I2]) / count
        own[Q] += (q - own[Q]) / count
        deviation = root_q - own[ROOT_Q]
        own[ROOT_Q] += deviation / count
        own[ROOT_Q_SQUARES] += deviation * (root_q - own[ROOT_Q])


@compiled
def _between_studies(work: Singles, df: int, tau2: Singles) -> None:
    for v in range(tau2.size):
        w = work[_W, v]
        excess = work[_WYY, v] - work[_WY, v] * work[_WY, v] / w - np.float32(df)
        tau2[v] = excess / (w - work[_WW, v] / w) if excess > _ZERO and df > 0 else _ZERO


@compiled
def _move(mean: Floats, tau2: Floats, r: int, least: float, shift: Singles, wider: Singles, squares: Singles,
          far: NDArray[np.bool_]) -> bool:  # fmt: skip
    """Fill how mean, tau2 and the squared mean of a subset differ from those of all studies; whether any is far."""
    any_far = False
    for v in range(shift.size):
        m, t = mean[r, v] - mean[0, v], tau2[r, v] - tau2[0, v]
        variance = least + tau2[0, v]
        far[v] = abs(m) > FAR_MEAN * math.sqrt(variance) or abs(t) > FAR_VARIANCE * variance
        any_far = any_far or far[v]
        shift[v], wider[v], squares[v] = m, t, m * (mean[r, v] + mean[0, v])
    return any_far


@compiled
def add_subsets(fields: Singles, lower: Singles, upper: Singles, base: Floats, slope: Floats,
                left: NDArray[np.int64], mean: Floats, tau2: Floats, count: int, first: int, end: int,
                sums: Floats) -> None:  # fmt: skip
    """Draw one imputation of every study for every subset, meta-analyse it and add it to the running sums.

    Parameters
    ----------
    fields, lower, upper : ndarray of shape (n_studies, n_voxels)
    base, slope : ndarray of shape (n_studies,)
        Variance of an effect y: base + slope y^2.
    left : ndarray of shape (n_subsets, most studies left out)
        As `most_likely_without` has it; the first subset is all studies.
    mean, tau2 : ndarray of shape (n_subsets, n_voxels)
        From `most_likely_without`.
    count : int
        Number of this imputation, from 1.
    first, end : int
        The voxels.
    sums : ndarray of shape (n_subsets, n_voxels, N_SUMS)
        Changed in place.
    """
    n_studies, n_subsets = fields.shape[0], left.shape[0]
    all_terms = np.empty((n_studies, TERMS, WIDTH), np.float32)
    all_y, all_work = np.empty((2, n_studies, WIDTH), np.float32), np.empty((_N_WORK, WIDTH), np.float32)
    rows, kept = np.empty((4, WIDTH), np.float32), kept_studies(left, n_studies)
    far, least = np.empty(WIDTH, np.bool_), base.min()
    for start in range(first, end, WIDTH):
        stop = min(start + WIDTH, end)
        size = stop - start
        for k in range(n_studies):
            expand(fields[k, start:stop], lower[k, start:stop], upper[k, start:stop], mean[0, start:stop],
                   tau2[0, start:stop], base[k], slope[k], all_terms[k])  # fmt: skip
        work = all_work[:, :size]
        shift, wider, squares, between = rows[0, :size], rows[1, :size], rows[2, :size], rows[3, :size]
        for r in range(n_subsets):
            any_far = _move(mean[:, start:stop], tau2[:, start:stop], r, least, shift, wider, squares, far)
            work[:] = _ZERO
            studies = np.flatnonzero(kept[r])
            for i in studies:
                y, w = all_y[0, i, :size], all_y[1, i, :size]
                _shifted(all_terms[i], shift, wider, np.float32(slope[i]), squares, np.float32(base[i]),
                         lower[i, start:stop], upper[i, start:stop], y, w)  # fmt: skip
                if any_far:
                    _draw_far(far, fields[i, start:stop], lower[i, start:stop], upper[i, start:stop],
                              mean[r, start:stop], tau2[r, start:stop], base[i], slope[i], y, w)  # fmt: skip
                _add_study(y, w, work)
            _between_studies(work, studies.size - 1, between)
            for i in studies:
                _add_weighted(all_y[0, i, :size], all_y[1, i, :size], between, work)
            _add_to_sums(work, between, studies.size - 1, count, sums[r, start:stop])


@compiled
def _draw_far(far: NDArray[np.bool_], field: Singles, lower: Singles, upper: Singles, mean: Floats, tau2: Floats,
              base: float, slope: float, y: Singles, w: Singles) -> None:  # fmt: skip
    """Draw the effects of one study anew at the voxels where its expansion does not reach."""
    for v in range(y.size):
        if far[v]:
            variance = base + slope * mean[v] * mean[v] + tau2[v]
            effect = truncated_at(float(field[v]), float(lower[v]), float(upper[v]), mean[v], variance)
            y[v] = effect
            w[v] = 1.0 / (base + slope * effect * effect)
