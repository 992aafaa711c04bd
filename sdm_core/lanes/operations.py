"""What kernels do with lanes, on numpy arrays of shape (LANES,)."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled, has_wide_vectors, numba

WIDTH: Final = 64 if numba is not None else 4096
"""Voxels of a tile, the last axis of tiled data; wide where every operation costs a call of numpy."""
LANES: Final = WIDTH if numba is None else 16 if has_wide_vectors() else 8

Lanes = Any
"""LANES numbers in single precision; a plain number stands for LANES times the same."""
Tiled = NDArray[np.float32]

ROOT_ESTIMATE: Final = 0x5F3759DF - round(2**23 / 3)
RECIPROCAL_ESTIMATE: Final = 0x7EF311C3
_ROOT_FACTOR: Final = np.float32(3 * 2 ** (-2 / 3))
_ONE, _HALF, _EIGHTHS = np.float32(1), np.float32(0.5), np.float32(0.375)
_LN2: Final = np.float32(math.log(2))
_THIRD, _FIFTH, _SEVENTH, _NINTH = (np.float32(2 / k) for k in (3, 5, 7, 9))
ROOT_HALF_BITS: Final = int(np.float32(math.sqrt(0.5)).view(np.int32))
MANTISSA_BITS: Final = 23


def load(array: Tiled, place: int) -> Lanes:
    """LANES numbers of a contiguous array, from its flat place on."""
    return array.reshape(-1)[place : place + LANES].copy()


def store(array: Tiled, place: int, lanes: Lanes) -> None:
    """Put LANES numbers at a flat place of a contiguous array."""
    array.reshape(-1)[place : place + LANES] = lanes


def zeros() -> Lanes:
    """LANES times 0."""
    return np.zeros(LANES, np.float32)


def fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """a b + c."""
    return a * b + c


def minus(a: Lanes) -> Lanes:
    """-a."""
    return -a


def larger(a: Lanes, b: Lanes) -> Lanes:
    """The larger of two, b where a is no number."""
    return np.where(a > b, a, np.float32(b))


def positive(a: Lanes) -> Lanes:
    """1 where a is above 0, 0 elsewhere."""
    return (a > 0).astype(np.float32)


def root(a: Lanes) -> Lanes:
    """Square root."""
    return np.sqrt(a)


def bits_of_reciprocal(a: Lanes) -> Lanes:
    """1 / a within 13 per cent, from the bits of a."""
    return (np.int32(RECIPROCAL_ESTIMATE) - a.view(np.int32)).view(np.float32)


def bits_of_reciprocal_root(a: Lanes) -> Lanes:
    """2^(-1/3) / sqrt(a) within 4 per cent."""
    return (np.int32(ROOT_ESTIMATE) - (a.view(np.int32) >> 1)).view(np.float32)


def exponent(a: Lanes) -> Lanes:
    """k of a = m 2^k with m from sqrt(1/2) to sqrt(2)."""
    return ((a.view(np.int32) - np.int32(ROOT_HALF_BITS)) >> MANTISSA_BITS).astype(np.float32)


def mantissa(a: Lanes) -> Lanes:
    """m of a = m 2^k."""
    rest = (a.view(np.int32) - np.int32(ROOT_HALF_BITS)) & np.int32(2**MANTISSA_BITS - 1)
    return (rest + np.int32(ROOT_HALF_BITS)).view(np.float32)


@compiled
def reciprocal(a: Lanes) -> Lanes:
    """1 / a, relative error below 2e-7 for positive a; exactly 1 for 1."""
    u = bits_of_reciprocal(a)
    for _ in range(2):
        error = fma(minus(a), u, _ONE)
        u = fma(u, fma(error, error, error), u)
    return u


@compiled
def reciprocal_root(a: Lanes) -> Lanes:
    """1 / sqrt(a), relative error below 3e-7 for positive a: a step of Newton's and one of Halley's."""
    u = bits_of_reciprocal_root(a)
    u = u * fma(minus(a * u), u, _ROOT_FACTOR)
    error = fma(minus(a * u), u, _ONE)
    return fma(u * error, fma(_EIGHTHS, error, _HALF), u)


@compiled
def logarithm(a: Lanes) -> Lanes:
    """Natural logarithm of positive a, absolute error below 2e-7 near 1: 2 atanh((m - 1) / (m + 1)) + k ln 2."""
    m = mantissa(a)
    t = (m - _ONE) / (m + _ONE)
    tt = t * t
    series = fma(tt, fma(tt, fma(tt, _NINTH, _SEVENTH), _FIFTH), _THIRD)
    return fma(exponent(a), _LN2, fma(t * tt, series, t + t))
