"""How strongly the tissue of neighbouring voxels goes together.

A template holds, for each mask voxel and each of the 13 unordered directions to a neighbour, the correlation
rho across people between the two voxels.  Kernels are built from it by shortest paths.

Ours is a model of few parameters on a gray-matter map, not a measured template:

    rho_face = f, rho_edge = f^2, rho_corner = f^3
    1 - rho is multiplied by (FACTOR_WITHOUT_GRAY - FACTOR_SLOPE * gray),

where ``gray`` is the mean share of gray matter (0..1) of the two voxels, smoothed with GRAY_FWHM_MM: correlation
reaches further in the middle of gray matter than at its rim.

The four numbers were chosen so that the bounds of the 50 studies of a published SDM-PSI run come close to the published
ones.  On its mask: mean correlation 0.934, median error of the kernel 0.061, mean error +0.004 (one rho per kind of
neighbour, f = 0.983: 0.921, 0.070, +0.036); on our mask: 0.929, 0.062, +0.016.  SDM's own template, made from images of
real subjects, is not public; a model on a tissue map cannot equal it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import packaged
from sdm_core.spaces.grid import NEIGHBOUR_OFFSETS, SHAPE, VOXEL_MM
from sdm_core.spaces.masks import Mask, load_mask

FACE_CORRELATION = 0.977
FACTOR_WITHOUT_GRAY = 1.75
FACTOR_SLOPE = 1.5
GRAY_FWHM_MM = 12.0
RHO_RANGE = (0.5, 0.9999)

NAMES = ("gray_matter",)

Rho = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Template:
    """Correlations between neighbouring voxels of a mask.

    Attributes
    ----------
    name : str
    correlations : ndarray of shape (13, n_voxels), read-only
        From each mask voxel to its neighbour in each direction of NEIGHBOUR_OFFSETS; NaN where that neighbour is
        outside the mask.
    mask : Mask
    """

    name: str
    correlations: Rho
    mask: Mask

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of the correlations and the mask."""
        content = np.ascontiguousarray(self.correlations).tobytes()
        return hashlib.sha256(content + self.mask.sha256.encode()).hexdigest()


def load_template(name: str, mask: Mask | None = None) -> Template:
    """The packaged template, for a mask.

    Parameters
    ----------
    name : {"gray_matter"}
    mask : Mask, optional
        Default: the packaged mask of the same name.

    Raises
    ------
    InputError
        If there is no template of that name.
    """
    if name not in NAMES:
        mend = f"Choose one of {', '.join(NAMES)}."
        raise InputError([Problem(f"template {name}", "is not packaged", mend, field="template")])
    mask = mask or load_mask(name)
    correlations = neighbour_correlations(_smooth_gray_matter(), mask)
    correlations.flags.writeable = False
    return Template(name, correlations, mask)


def _smooth_gray_matter() -> npt.NDArray[np.float32]:
    sigma = GRAY_FWHM_MM / np.sqrt(8 * np.log(2)) / VOXEL_MM
    share = packaged.arrays("tissue")["gray"].astype(np.float32) / np.float32(255)
    smooth: npt.NDArray[np.float32] = ndimage.gaussian_filter(share, sigma)
    return smooth


def neighbour_correlations(gray: npt.NDArray[np.float32], mask: Mask) -> Rho:
    """The model of the module docstring.

    Parameters
    ----------
    gray : ndarray of shape (91, 109, 91), share of gray matter, 0..1, smoothed
    mask : Mask

    Returns
    -------
    ndarray of shape (13, n_voxels), float32
    """
    here = mask.take(gray)
    rho = np.full((len(NEIGHBOUR_OFFSETS), mask.size), np.nan, dtype=np.float32)
    for direction, offset in enumerate(NEIGHBOUR_OFFSETS):
        inside, neighbour = _neighbours(mask, offset)
        mean_gray = (here[inside] + here[neighbour]) / 2
        unlike = 1 - FACE_CORRELATION ** np.abs(offset).sum()
        rho[direction, inside] = 1 - unlike * (FACTOR_WITHOUT_GRAY - FACTOR_SLOPE * mean_gray)
    return np.clip(rho, *RHO_RANGE)


def _neighbours(mask: Mask, offset: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Flat indices of the mask voxels that have a neighbour in the mask at `offset`, and of that neighbour."""
    there = mask.indices + offset
    on_grid = ((there >= 0) & (there < SHAPE)).all(axis=1)
    neighbour = np.full(mask.size, -1, dtype=np.int32)
    neighbour[on_grid] = mask.index_volume[tuple(there[on_grid].T)]
    inside = np.flatnonzero(neighbour >= 0)
    return inside, neighbour[inside]
