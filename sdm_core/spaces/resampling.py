"""A map of any grid, brought onto the analysis grid by trilinear interpolation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.spaces.grid import AFFINE, SHAPE, FloatArray, voxel_to_mm

LEAST_WEIGHT: Final = 0.5
"""A voxel whose known neighbours hold less of the interpolation weight than this has no value."""
_DIGITS: Final = 9
"""The way from voxel to voxel is rounded, so that a map that lies on the grid is copied bit by bit."""


def resample(
    values: npt.NDArray[np.float32], affine: FloatArray, to_source: Callable[[FloatArray], FloatArray] | None = None
) -> npt.NDArray[np.float32]:
    """Values at the voxels of the grid.

    Parameters
    ----------
    values : ndarray of shape (nx, ny, nz)
        NaN where the map has no value.
    affine : ndarray of shape (4, 4)
        Voxel to mm, invertible; any orientation, handedness and voxel size.
    to_source : callable, optional
        MNI mm to mm of the map's own space, both of shape (n, 3); default: the map is in MNI space.

    Returns
    -------
    ndarray of shape (91, 109, 91), float32
        NaN where less than half of the interpolation weight is on voxels with a value; elsewhere those voxels alone
        count, so that the edge of a map is not drawn towards 0.
    """
    interpolate = _interpolator(np.linalg.inv(affine).astype(np.float64), to_source)
    known = np.isfinite(values)
    total = interpolate(np.where(known, values, np.float32(0)))
    weight = interpolate(known.astype(np.float32))
    enough = weight >= LEAST_WEIGHT
    resampled = np.full(SHAPE, np.nan, dtype=np.float32)
    resampled[enough] = total[enough] / weight[enough]
    return resampled


def _interpolator(
    to_voxel: FloatArray, to_source: Callable[[FloatArray], FloatArray] | None
) -> Callable[[npt.NDArray[np.float32]], FloatArray]:
    """What interpolates values at all voxels of the grid, 0 beyond their edges."""
    options: dict[str, Any] = {"output": np.float64, "order": 1, "mode": "grid-constant", "prefilter": False}
    if to_source is None:
        matrix = np.round(to_voxel @ AFFINE, _DIGITS)
        return partial(ndimage.affine_transform, matrix=matrix, output_shape=SHAPE, **options)
    indices = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1).reshape(-1, 3)
    voxels = to_source(voxel_to_mm(indices)) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    return partial(ndimage.map_coordinates, coordinates=voxels.T.reshape(3, *SHAPE), **options)
