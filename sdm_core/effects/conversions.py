"""Reported statistics to t values.  Signs are kept; all functions broadcast."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]
# Beyond this z the normal tail has no double-precision probability left.
LARGEST_Z = 37.0


def _array(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


def _upper_quantile(p: Array, df: ArrayLike) -> Array:
    """t whose upper tail is p, keeping the digits of a small p."""
    return _array(-special.stdtrit(_array(df), p))


def t_from_z(z: ArrayLike, df: ArrayLike) -> Array:
    """t with the same tail probability as z."""
    z = _array(z)
    tail: Array = np.asarray(special.ndtr(-np.minimum(np.abs(z), LARGEST_Z)))
    return _array(np.sign(z) * _upper_quantile(tail, df))


def t_from_p(p: ArrayLike, df: ArrayLike, *, tails: int = 1, sign: ArrayLike = 1) -> Array:
    """t of a p value in (0, 1) with one or two tails; `sign` is the direction of the effect."""
    p = _array(p)
    if tails not in (1, 2):
        raise ValueError("A p value has one tail or two.")
    if not np.all((p > 0) & (p < 1)):
        raise ValueError("A p value lies between 0 and 1.")
    return _array(np.asarray(sign) * _upper_quantile(p / tails, df))


def t_from_r(r: ArrayLike, df: ArrayLike) -> Array:
    """t of a correlation in (-1, 1): r sqrt(df / (1 - r^2))."""
    r = _array(r)
    if not np.all(np.abs(r) < 1):
        raise ValueError("A correlation lies between -1 and 1.")
    return _array(r * np.sqrt(np.asarray(df) / (1 - r**2)))


def t_from_f(f: ArrayLike, sign: ArrayLike = 1) -> Array:
    """t of an F statistic with one numerator degree of freedom."""
    f = _array(f)
    if not np.all(f >= 0):
        raise ValueError("An F statistic is not negative.")
    return _array(np.asarray(sign) * np.sqrt(f))


def t_from_beta(beta: ArrayLike, standard_error: ArrayLike) -> Array:
    """t of a regression coefficient."""
    se = _array(standard_error)
    if not np.all(se > 0):
        raise ValueError("A standard error is positive.")
    return _array(np.asarray(beta) / se)


def t_threshold_from_p(p: ArrayLike, df: ArrayLike, *, tails: int = 1) -> Array:
    """t threshold of a p threshold; p < 0.001 in this field means one tail unless said otherwise."""
    return t_from_p(p, df, tails=tails)


def t_threshold_from_z(z: ArrayLike, df: ArrayLike) -> Array:
    """t threshold of a z threshold."""
    return np.abs(t_from_z(z, df))
