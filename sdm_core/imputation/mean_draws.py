"""The mean of each imputation, drawn from its likelihood.

Rubin's rules ask that an imputation carries the uncertainty of what it is imputed from.  The published method imputes
every time about the one most likely mean, so that studies agree more than they should.  Here the mean of a voxel is
drawn anew for every imputation, with its likelihood as density, tau2 as it is; a random field says which quantile, the
same for all studies.

Notes
-----
Where studies were discarded the draws move with the most likely mean: the likelihood of all studies gives their spread
and their shape.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import load_voxel, solve_mean, total_loss
from .normal import distribution

Floats = NDArray[np.float64]

FARTHEST = 4.0
"""Standard normal values of the field beyond this count as this."""
KNOTS_PER_UNIT = 2
KNOTS = np.arange(-FARTHEST * KNOTS_PER_UNIT, FARTHEST * KNOTS_PER_UNIT + 1) / KNOTS_PER_UNIT
NODES = 48
"""Places at which the likelihood is computed."""
UNLIKELY = 7.0
"""The likelihood ends where its logarithm has fallen by this."""
_FIRST_STEP, _GROWTH = 0.05, 1.4


@compiled
def mean_deviations(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats, start: Floats,
                    tau2: Floats, deviations: Floats) -> None:  # fmt: skip
    """Fill what the field's values KNOTS add to the most likely mean, shape (n_knots, n_voxels).

    Parameters
    ----------
    lower, upper : ndarray of shape (n_studies, n_voxels)
        Bounds of the effects.
    base, slope : ndarray of shape (n_studies,)
        Variance of an effect y: base + slope y^2.
    start, tau2 : ndarray of shape (n_voxels,)
        As `most_likely` found them.

    Notes
    -----
    0 at a voxel where every study is known: nothing is imputed there.
    """
    n_studies, n_voxels = lower.shape
    used, cumulated = np.ones(n_studies, dtype=np.bool_), np.empty(NODES)
    for voxel in range(n_voxels):
        deviations[:, voxel] = 0.0
        low, high, variance, n_known = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        if n_known < n_studies:
            centre = solve_mean(start[voxel], low, high, variance, used)
            first, last = _ends(centre, tau2[voxel], low, high, variance)
            _cumulate(first, last, tau2[voxel], low, high, variance, cumulated)
            for k in range(KNOTS.size):
                place = _place(distribution(KNOTS[k]) * cumulated[-1], cumulated)
                deviations[k, voxel] = first + place * (last - first) / (NODES - 1) - centre


@compiled
def _ends(centre: float, tau2: float, lower: Floats, upper: Floats, variance: Floats) -> tuple[float, float]:
    """Means on both sides of the centre that are next to impossible."""
    least = total_loss(tau2, centre, lower, upper, variance)
    below, above = _FIRST_STEP, _FIRST_STEP
    while total_loss(tau2, centre - below, lower, upper, variance) < least + UNLIKELY:
        below *= _GROWTH
    while total_loss(tau2, centre + above, lower, upper, variance) < least + UNLIKELY:
        above *= _GROWTH
    return centre - below, centre + above


@compiled
def _cumulate(first: float, last: float, tau2: float, lower: Floats, upper: Floats, variance: Floats,
              cumulated: Floats) -> None:  # fmt: skip
    """Integral of the likelihood up to each node, of any scale."""
    width, least, before = (last - first) / (NODES - 1), np.inf, 0.0
    for k in range(NODES):
        cumulated[k] = total_loss(tau2, first + k * width, lower, upper, variance)
        least = min(least, cumulated[k])
    for k in range(NODES):
        likelihood = math.exp(least - cumulated[k])
        cumulated[k] = cumulated[k - 1] + 0.5 * (before + likelihood) if k > 0 else 0.0
        before = likelihood


@compiled
def _place(share: float, cumulated: Floats) -> float:
    """Where the integral reaches a value, in nodes."""
    k = 1
    while k < cumulated.size - 1 and cumulated[k] < share:
        k += 1
    place: float = k - 1 + min(max((share - cumulated[k - 1]) / max(cumulated[k] - cumulated[k - 1], 1e-300), 0.0), 1.0)
    return place


@compiled
def draw_mean(field: NDArray[np.float32], voxels: NDArray[np.int64], most_likely: Floats, deviations: Floats,
              mean: Floats) -> None:  # fmt: skip
    """Fill the mean (n_voxels,) of one imputation.

    Parameters
    ----------
    field : ndarray of shape (nz, ny, nx)
        Standard normal; `voxels` are the flat places of the mask's voxels in it.
    most_likely : ndarray of shape (n_voxels,)
    deviations : ndarray of shape (n_knots, n_voxels)
        From `mean_deviations`.
    """
    flat = field.ravel()
    for v in range(voxels.size):
        place = (min(max(float(flat[voxels[v]]), -FARTHEST), FARTHEST) + FARTHEST) * KNOTS_PER_UNIT
        k = min(int(place), KNOTS.size - 2)
        step = deviations[k + 1, v] - deviations[k, v]
        mean[v] = most_likely[v] + deviations[k, v] + (place - k) * step
