"""p from permutations: family-wise corrected by the largest statistics, and each voxel's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
ROUNDING: Final = 1e-5
"""Statistics this close, relatively, count as equal: permutations are computed in single precision."""
LEAST_FITTED: Final = 99
"""Permutations besides the first from which a gamma distribution is fitted."""
_SYMMETRIC: Final = 1e-4


@dataclass(frozen=True, eq=False)
class BlockMaxima:
    """What a block of 32 permutations leaves; it does not depend on how many are asked for, nor on other blocks.

    Attributes
    ----------
    z, tfce, extent : ndarray of shape (32, 2)
        Largest z, TFCE and cluster (voxels) of the positive and of the negative sign.
    counted : int
        Permutations of the block that are none of the data as they are, nor a repeat.
    exceeded : ndarray of shape (2, n_voxels), uint8, or None
        In how many of these z, and -z, reach those of the data; None where it was not asked for.
    """

    z: Floats
    tfce: Floats
    extent: Floats
    counted: int
    exceeded: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class NullMaxima:
    """Maxima of all permutations.

    Attributes
    ----------
    z, tfce, extent : ndarray of shape (n_permutations, 2)
        Largest statistic of the positive and of the negative sign; row 0 holds the data as they are.
    exact : bool
        Every possible permutation is among them, once.
    counted : int
        Permutations behind `exceeded`: those of whole blocks, which may be up to 31 more.
    exceeded : ndarray of shape (2, n_voxels) or None
    """

    z: Floats
    tfce: Floats
    extent: Floats
    exact: bool
    counted: int
    exceeded: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, blocks: Sequence[BlockMaxima], count: int, *, exact: bool = False) -> NullMaxima:
        """The first `count` permutations of all blocks, given in the order of their numbers."""
        z, tfce, extent = (
            np.concatenate([getattr(block, name) for block in blocks])[:count] for name in ("z", "tfce", "extent")
        )
        kept = [block.exceeded for block in blocks if block.exceeded is not None]
        exceeded = np.stack(kept).sum(axis=0, dtype=np.int64) if kept else None
        return cls(z, tfce, extent, exact, sum(block.counted for block in blocks), exceeded)

    @property
    def uncorrected_p(self) -> Floats | None:
        """p of each voxel alone, (b + 1) / (B + 1), of positive and of negative effects, shape (2, n_voxels)."""
        return None if self.exceeded is None else (self.exceeded + 1) / (self.counted + 1)


def count_exceeding(z: npt.NDArray[np.float32], observed: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """How many maps of z, shape (n <= 255, n_voxels), reach the observed one in each direction, (2, n_voxels)."""
    counts = np.zeros((2, observed.size), dtype=np.uint8)
    slack = np.float32(ROUNDING) * np.maximum(np.abs(observed), np.float32(1))
    for row in z:
        counts[0] += row >= observed - slack
        counts[1] += row <= observed + slack
    return counts


def corrected_p(statistic: npt.ArrayLike, maxima: Floats) -> Floats:
    """p = (b + 1) / (B + 1), where b of the B permutations besides the first reach the statistic.

    Parameters
    ----------
    statistic : array of shape (n_voxels,)
        Positive in the direction of the test; elsewhere p is 1.
    maxima : ndarray of shape (B + 1,)
        The first belongs to the data as they are.
    """
    values = np.asarray(statistic, dtype=np.float64)
    others = np.sort(maxima[1:])
    reached = others.size - np.searchsorted(others, values * (1 - ROUNDING), side="left")
    return np.where(values > 0, (reached + 1) / maxima.size, 1.0)


@dataclass(frozen=True)
class GammaTail:
    """A gamma distribution with the mean, variance and skewness of the maxima of the permutations besides the first.

    An approximation (Winkler et al. 2016, NeuroImage 141:502): smoother than counting, and able to go below
    1 / (B + 1), but no longer exact.  It is told beside the p that counts permutations, never instead.
    """

    mean: float
    sd: float
    skewness: float

    @classmethod
    def of(cls, maxima: Floats) -> GammaTail | None:
        """The fit to maxima (B + 1,), or None where there are too few, or they hardly vary."""
        others = maxima[1:]
        if others.size < LEAST_FITTED or np.ptp(others) <= ROUNDING * np.abs(others).max():
            return None
        mean, sd = float(others.mean()), float(others.std(ddof=1))
        return cls(mean, sd, float((((others - mean) / others.std()) ** 3).mean()))

    def p(self, statistic: npt.ArrayLike) -> Floats:
        """Upper tail; 1 where the statistic is not positive, as in `corrected_p`."""
        values = np.asarray(statistic, dtype=np.float64)
        standard = (values - self.mean) / self.sd
        if abs(self.skewness) < _SYMMETRIC:
            tail = special.ndtr(-standard)
        else:
            shape, side = self._shape, np.sign(self.skewness)
            place = np.maximum(shape + side * standard * np.sqrt(shape), 0)
            tail = special.gammaincc(shape, place) if side > 0 else special.gammainc(shape, place)
        return np.where(values > 0, tail, 1.0)

    def threshold(self, p: float) -> float:
        """The statistic that has this p."""
        if abs(self.skewness) < _SYMMETRIC:
            return self.mean - self.sd * float(special.ndtri(p))
        shape, side = self._shape, np.sign(self.skewness)
        place = special.gammainccinv(shape, p) if side > 0 else special.gammaincinv(shape, p)
        return self.mean + self.sd * float(side * (place - shape) / np.sqrt(shape))

    @property
    def _shape(self) -> float:
        return 4 / self.skewness**2


def null_summary(maxima: Floats, fwe_p: float) -> dict[str, float | None]:
    """What the maxima (B + 1,) of one statistic and sign are like, JSON-able.

    A statistic above `threshold` has a corrected p of at most `fwe_p`, None where there are too few permutations;
    `gamma_threshold` is the approximation's.
    """
    falling, gamma = np.sort(maxima[1:])[::-1], GammaTail.of(maxima)
    reached = int(fwe_p * maxima.size + ROUNDING) - 1
    return {
        "median": float(np.median(maxima[1:])) if falling.size else None,
        "threshold": float(falling[reached]) if 0 <= reached < falling.size else None,
        "gamma_threshold": None if gamma is None else gamma.threshold(fwe_p),
    }
