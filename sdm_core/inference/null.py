"""Family-wise corrected p from the largest statistic of every permutation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDING: Final = 1e-5
"""Statistics this close, relatively, count as equal: permutations are computed in single precision."""


@dataclass(frozen=True)
class NullMaxima:
    """Maxima of all permutations.

    Attributes
    ----------
    z, tfce : ndarray of shape (n_permutations, 2)
        Largest statistic of the positive and of the negative sign; row 0 holds the data as they are.
    exact : bool
        Every possible permutation is among them, once.
    """

    z: Floats
    tfce: Floats
    exact: bool


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
