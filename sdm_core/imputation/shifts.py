"""How an imputed effect moves when the most likely mean and variance change a little and its field stays as it is.

An effect y = mean + s x takes the quantile P = Phi(x) of its truncated normal distribution that its field says.  For
fixed quantile, with a and b the standardised bounds, phi(x) dx = (1 - u) phi(a) da + u phi(b) db, where u is the share
of the interval's probability below y.  Two such derivatives give the second-order expansion of y about (mean, s^2).
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import KNOWN_WIDTH
from .normal import SMALLEST_PROBABILITY, distribution, lower_tail, quantile

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

TERMS = 6
"""Coefficients of 1, m, q, m^2, m q and q^2: shifts of the mean and of the variance."""
LARGEST_EXPONENT = 300.0


@compiled
def truncated_at(field: float, low: float, high: float, mean: float, variance: float) -> float:
    """The effect at a value of the field (standard normal), truncated to its bounds."""
    if high - low < KNOWN_WIDTH:
        return 0.5 * (low + high)
    sigma = math.sqrt(variance)
    a, b = (low - mean) / sigma, (high - mean) / sigma
    side = 1.0
    if a + b > 0.0:
        a, b, side = -b, -a, -1.0
    below = lower_tail(a)
    p = below + max(lower_tail(b) - below, SMALLEST_PROBABILITY) * distribution(side * field)
    p = min(max(p, SMALLEST_PROBABILITY), 1.0 - 1e-16)
    return min(max(mean + side * sigma * quantile(p), low), high)


@compiled
def expand(field: Singles, lower: Singles, upper: Singles, mean: Floats, tau2: Floats, base: float, slope: float,
           terms: Singles) -> None:  # fmt: skip
    """Fill the expansion (TERMS, n_voxels) of one study's imputed effects about the given mean and tau2.

    Parameters
    ----------
    field, lower, upper : ndarray of shape (n_voxels,)
    mean, tau2 : ndarray of shape (n_voxels,)
    base, slope : float
        Variance of an effect y: base + slope y^2.
    """
    for v in range(field.shape[0]):
        low, high = float(lower[v]), float(upper[v])
        for k in range(TERMS):
            terms[k, v] = 0.0
        variance = base + slope * mean[v] * mean[v] + tau2[v]
        effect = truncated_at(float(field[v]), low, high, mean[v], variance)
        terms[0, v] = effect
        if high - low < KNOWN_WIDTH or not low < effect < high:
            continue
        sigma = math.sqrt(variance)
        a, b, x, side = (low - mean[v]) / sigma, (high - mean[v]) / sigma, (effect - mean[v]) / sigma, 1.0
        if a + b > 0.0:
            a, b, x, side = -b, -a, -x, -1.0
        u = distribution(side * float(field[v]))
        at_a = (1.0 - u) * math.exp(min(0.5 * (x * x - a * a), LARGEST_EXPONENT))
        at_b = u * math.exp(min(0.5 * (x * x - b * b), LARGEST_EXPONENT))
        # Derivatives of x by the mean (m) and by the logarithm of sigma (e), in units of sigma.
        m, e = -at_a - at_b, -at_a * a - at_b * b
        mm = -at_a * a - at_b * b + x * m * m
        me = at_a * (1.0 - a * a) + at_b * (1.0 - b * b) + x * m * e
        ee = at_a * a * (2.0 - a * a) + at_b * b * (2.0 - b * b) + x * e * e
        terms[1, v] = 1.0 + m
        terms[2, v] = side * 0.5 * (x + e) / sigma
        terms[3, v] = side * 0.5 * mm / sigma
        terms[4, v] = 0.5 * (m + me) / variance
        terms[5, v] = side * 0.125 * (e + ee - x) / (variance * sigma)
