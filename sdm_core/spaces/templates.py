"""How strongly the tissue of neighbouring voxels goes together.

A template holds, for each mask voxel and each of the 13 unordered directions to a neighbour, the correlation
rho across people between the two voxels.  Kernels are built from it by shortest paths.

Ours is a model of few parameters on a gray-matter map, not a measured template:

    rho_face = f, rho_edge = f^2, rho_corner = f^3
    1 - rho is multiplied by (FACTOR_WITHOUT_GRAY - FACTOR_SLOPE * gray),

where ``gray`` is the mean gray-matter share (0..1) of the two voxels: correlation reaches a little further in
gray matter.  f was chosen so that recomputed bounds of a published SDM-PSI run agree best with the published
bounds.  SDM's own template, made from images of real subjects, is not public; this one cannot equal it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import packaged
from sdm_core.spaces.grid import NEIGHBOUR_OFFSETS, SHAPE
from sdm_core.spaces.masks import Mask, load_mask

FACE_CORRELATION = 0.983
FACTOR_WITHOUT_GRAY = 1.25
FACTOR_SLOPE = 0.5
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
    gray = np.float32(1 / 255) * packaged.arrays("tissue")["gray"].astype(np.float32)
    correlations = neighbour_correlations(gray, mask)
    correlations.flags.writeable = False
    return Template(name, correlations, mask)


def neighbour_correlations(gray: npt.NDArray[np.float32], mask: Mask) -> Rho:
    """The model of the module docstring.

    Parameters
    ----------
    gray : ndarray of shape (91, 109, 91), share of gray matter, 0..1
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
