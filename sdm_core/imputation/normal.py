"""Normal density, distribution and quantile for kernels that need hundreds of millions of them.

The distribution is interpolated by cubic Hermite polynomials through a table of Phi and its derivative, with an
absolute error below 1e-11; tails use erfc, so that small probabilities keep their digits.
"""

import math

import numpy as np

from sdm_core.compiled import compiled

SMALLEST_PROBABILITY = 1e-300
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2 * math.pi)
_LIMIT = 8.0
_STEPS_PER_UNIT = 128
_NODES = np.arange(-_LIMIT * _STEPS_PER_UNIT, _LIMIT * _STEPS_PER_UNIT + 2) / _STEPS_PER_UNIT
_PHI = np.array([0.5 * math.erfc(-x * _ROOT_HALF) for x in _NODES])
_DENSITY = np.exp(-0.5 * _NODES**2) / _ROOT_2PI
# Below this an interval's probability is computed again from erfc.
_TABLE_IS_EXACT_ABOVE = 1e-4


@compiled
def density(x: float) -> float:
    """Standard normal density, relative error below 1e-7."""
    if abs(x) > 3.5:
        return math.exp(-0.5 * x * x) / _ROOT_2PI
    place = (x + _LIMIT) * _STEPS_PER_UNIT
    k = int(place)
    f, h = place - k, 1.0 / _STEPS_PER_UNIT
    left: float = _DENSITY[k]
    right: float = _DENSITY[k + 1]
    left_slope: float = -h * _NODES[k] * left
    right_slope: float = -h * _NODES[k + 1] * right
    rise = right - left
    return left + f * (left_slope + f * (3.0 * rise - 2.0 * left_slope - right_slope
                                         + f * (left_slope + right_slope - 2.0 * rise)))  # fmt: skip


@compiled
def distribution(x: float) -> float:
    """Phi(x), absolute error below 1e-11; 0 or 1 beyond 8 standard deviations."""
    if x <= -_LIMIT:
        return 0.0
    if x >= _LIMIT:
        return 1.0
    place = (x + _LIMIT) * _STEPS_PER_UNIT
    k = int(place)
    f, h = place - k, 1.0 / _STEPS_PER_UNIT
    left: float = _PHI[k]
    left_slope: float = h * _DENSITY[k]
    right_slope: float = h * _DENSITY[k + 1]
    rise: float = _PHI[k + 1] - left
    return left + f * (left_slope + f * (3.0 * rise - 2.0 * left_slope - right_slope
                                         + f * (left_slope + right_slope - 2.0 * rise)))  # fmt: skip


@compiled
def interval(a: float, b: float) -> float:
    """Phi(b) - Phi(a) for a < b."""
    probability = distribution(b) - distribution(a)
    if probability > _TABLE_IS_EXACT_ABOVE:
        return probability
    if a > 0.0:
        return 0.5 * (math.erfc(a * _ROOT_HALF) - math.erfc(b * _ROOT_HALF))
    return 0.5 * (math.erfc(-b * _ROOT_HALF) - math.erfc(-a * _ROOT_HALF))


@compiled
def lower_tail(x: float) -> float:
    """Phi(x) with all digits of a small probability."""
    return 0.5 * math.erfc(-x * _ROOT_HALF)


@compiled
def quantile(p: float) -> float:
    """Inverse normal distribution for 0 < p < 1, relative accuracy 1e-16: Wichura 1988, algorithm AS 241."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
                + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
               + 1.3314166789178437745e2) * r + 3.3871328727963666080e0  # fmt: skip
        bottom = ((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
                   + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                  + 4.2313330701600911252e1) * r + 1.0  # fmt: skip
        return q * top / bottom
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        top = ((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
                + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
               + 4.63033784615654529590e0) * r + 1.42343711074968357734e0  # fmt: skip
        bottom = ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
                   + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
                  + 2.05319162663775882187e0) * r + 1.0  # fmt: skip
    else:
        r -= 5.0
        top = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
                + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
               + 5.46378491116411436990e0) * r + 6.65790464350110377720e0  # fmt: skip
        bottom = ((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
                   + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                  + 5.99832206555887937690e-1) * r + 1.0  # fmt: skip
    return -top / bottom if q < 0.0 else top / bottom
