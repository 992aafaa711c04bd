"""The one voxel grid of the system: 91 x 109 x 91 voxels of 2 mm in MNI space.

Voxel indices ``ijk`` count from 0; the first axis runs from right to left (the affine's first element is
negative).  A flat order of voxels is always Fortran order: x fastest, then y, then z.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SHAPE: Final = (91, 109, 91)
VOXEL_MM: Final = 2.0
AFFINE: Final[FloatArray] = np.array(
    [[-2.0, 0, 0, 90], [0, 2.0, 0, -126], [0, 0, 2.0, -72], [0, 0, 0, 1]], dtype=np.float64
)
AFFINE.flags.writeable = False


def _half_neighbourhood() -> npt.NDArray[np.int64]:
    """One of each pair of opposite directions, faces first, then edges, then corners."""
    steps = [step for step in itertools.product((0, 1, -1), repeat=3) if step > (0, 0, 0)]
    steps.sort(key=lambda step: (sum(map(abs, step)), [-value for value in step]))
    offsets = np.array(steps, dtype=np.int64)
    offsets.flags.writeable = False
    return offsets


NEIGHBOUR_OFFSETS: Final = _half_neighbourhood()
"""ndarray of shape (13, 3), voxels: the unordered directions of the 26-neighbourhood."""


def mm_to_voxel(mm: npt.ArrayLike) -> FloatArray:
    """Continuous voxel coordinates of MNI millimetres; both of shape (..., 3)."""
    return (np.asarray(mm, dtype=np.float64) - AFFINE[:3, 3]) / np.diag(AFFINE)[:3]


def voxel_to_mm(ijk: npt.ArrayLike) -> FloatArray:
    """MNI millimetres of voxel coordinates; both of shape (..., 3)."""
    return np.asarray(ijk, dtype=np.float64) * np.diag(AFFINE)[:3] + AFFINE[:3, 3]
