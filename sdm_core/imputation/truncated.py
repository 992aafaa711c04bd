"""Effects drawn from normal distributions truncated to their bounds (a Gaussian copula).

The quantile that a voxel takes in its own distribution is Phi of a random field, so that each effect has exactly its
truncated normal distribution and neighbouring voxels move together.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import KNOWN_WIDTH
from .normal import SMALLEST_PROBABILITY, distribution, lower_tail, quantile

Floats = NDArray[np.float64]


@compiled
def truncations(lower: NDArray[np.float32], upper: NDArray[np.float32], mean: Floats, tau2: Floats, base: float,
                slope: float, below: Floats, inside: Floats) -> None:  # fmt: skip
    """Prepare the distributions of one study: probability below its lower bound, and between its bounds.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_voxels,)
    mean, tau2 : ndarray of shape (n_voxels,)
        Most likely mean and between-study variance.
    base, slope : float
        Variance of an effect y: base + slope y^2.
    below, inside : ndarray of shape (n_voxels,), filled
        `inside` is 0 where the effect is known.  Where the bounds lie more above the mean than below it the
        distribution is mirrored, so that no digits of its tail are lost, and `inside` is negative.
    """
    for v in range(lower.shape[0]):
        low, high = float(lower[v]), float(upper[v])
        below[v] = inside[v] = 0.0
        if high - low >= KNOWN_WIDTH:
            sigma = math.sqrt(base + slope * mean[v] * mean[v] + tau2[v])
            a, b = (low - mean[v]) / sigma, (high - mean[v]) / sigma
            mirrored = a + b > 0.0
            if mirrored:
                a, b = -b, -a
            below[v] = lower_tail(a)
            probability = max(lower_tail(b) - below[v], SMALLEST_PROBABILITY)
            inside[v] = -probability if mirrored else probability


@compiled
def impute(field: NDArray[np.float32], voxels: NDArray[np.int64], lower: NDArray[np.float32],
           upper: NDArray[np.float32], mean: Floats, tau2: Floats, base: float, slope: float, below: Floats,
           inside: Floats, effects: Floats, variances: Floats) -> None:  # fmt: skip
    """Fill effects and variances (n_voxels,) of one imputation of one study.

    Parameters
    ----------
    field : ndarray of shape (nz, ny, nx)
        Standard normal; `voxels` are the flat places of the mask's voxels in it.
    below, inside : ndarray of shape (n_voxels,)
        From `truncations`, which took the other arguments.
    """
    flat = field.ravel()
    for v in range(voxels.shape[0]):
        low, high = float(lower[v]), float(upper[v])
        effect = 0.5 * (low + high)
        if inside[v] != 0.0:
            side = 1.0 if inside[v] > 0.0 else -1.0
            p = below[v] + abs(inside[v]) * distribution(side * float(flat[voxels[v]]))
            sigma = math.sqrt(base + slope * mean[v] * mean[v] + tau2[v])
            p = min(max(p, SMALLEST_PROBABILITY), 1.0 - 1e-16)
            effect = min(max(mean[v] + side * sigma * quantile(p), low), high)
        effects[v] = effect
        variances[v] = base + slope * effect * effect
