"""How strongly the tissue of neighbouring voxels goes together.

A template holds, for each mask voxel and each of the 13 unordered directions to a neighbour, the correlation
rho across people between the two voxels.  Kernels are built from it by shortest paths.

Users measure one on images of their own (`sdm_core.spaces.measured`).  The packaged ones are a model of few parameters
on a tissue map:

    rho_face = f, rho_edge = f^2, rho_corner = f^3
    1 - rho is multiplied by (without - slope * share),

where ``share`` is the mean share of the tissue (0..1) of the two voxels, smoothed: correlation reaches further in the
middle of a tissue than at its rim.  The tissue is gray matter, white matter, or both for the whole brain.

The four numbers were chosen so that the bounds of the 50 studies of a published SDM-PSI run, in gray matter, come close
to the published ones (docs/spatial-data.md has the figures, benchmarks/template_cross_validation.py repeats the choice
without the studies that are scored).  No published run tells them for white matter or the whole brain, which take the
same.  SDM's own templates, made from images of real subjects, are not public; a model on a tissue map cannot equal
them.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import packaged
from sdm_core.spaces.grid import NEIGHBOUR_OFFSETS, SHAPE, VOXEL_MM
from sdm_core.spaces.masks import Mask, load_mask

RHO_RANGE = (0.5, 0.9999)

NAMES = ("gray_matter", "white_matter", "brain")

Rho = npt.NDArray[np.float32]
Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TissueModel:
    """The four numbers of the module docstring; `fwhm_mm` smooths the map of the tissue."""

    face: float = 0.98
    without: float = 1.75
    slope: float = 1.5
    fwhm_mm: float = 12.0


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
    origin : dict
        What it was made from, for a run's provenance.
    """

    name: str
    correlations: Rho
    mask: Mask
    origin: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of the correlations and the mask."""
        content = np.ascontiguousarray(self.correlations).tobytes()
        return hashlib.sha256(content + self.mask.sha256.encode()).hexdigest()


def load_template(name: str, mask: Mask | None = None) -> Template:
    """A packaged template, for a mask.

    Parameters
    ----------
    name : {"gray_matter", "white_matter", "brain"}
    mask : Mask, optional
        Default: the packaged mask of the same name.

    Raises
    ------
    InputError
        If there is no template of that name.
    """
    if name not in NAMES:
        mend = f"Choose one of {', '.join(NAMES)}, or build one (template build) and give its file."
        raise InputError([Problem(f"template {name}", "is not packaged", mend, field="template")])
    mask, model = mask or load_mask(name), TissueModel()
    correlations = neighbour_correlations(tissue_share(name), mask, model)
    correlations.flags.writeable = False
    return Template(name, correlations, mask, {"kind": "model on a tissue map", **asdict(model)})


def tissue_share(name: str) -> Volume:
    """Share of the tissue of a packaged template at each voxel, 0..1, shape (91, 109, 91)."""
    tissue = packaged.arrays("tissue")
    kinds = {"gray_matter": ("gray",), "white_matter": ("white",), "brain": ("gray", "white")}[name]
    share = sum(tissue[kind].astype(np.float32) for kind in kinds) / np.float32(255)
    return np.minimum(share, np.float32(1))


def neighbour_correlations(share: Volume, mask: Mask, model: TissueModel) -> Rho:
    """The model of the module docstring.

    Parameters
    ----------
    share : ndarray of shape (91, 109, 91), share of the tissue, 0..1
    mask : Mask
    model : TissueModel

    Returns
    -------
    ndarray of shape (13, n_voxels), float32
    """
    sigma = model.fwhm_mm / np.sqrt(8 * np.log(2)) / VOXEL_MM
    here = mask.take(ndimage.gaussian_filter(share, sigma))
    rho = np.full((len(NEIGHBOUR_OFFSETS), mask.size), np.nan, dtype=np.float32)
    for direction, offset in enumerate(NEIGHBOUR_OFFSETS):
        inside, neighbour = neighbours(mask, offset)
        mean_share = (here[inside] + here[neighbour]) / 2
        unlike = 1 - model.face ** np.abs(offset).sum()
        rho[direction, inside] = 1 - unlike * (model.without - model.slope * mean_share)
    return np.clip(rho, *RHO_RANGE)


def neighbours(mask: Mask, offset: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Flat indices of the mask voxels that have a neighbour in the mask at `offset`, and of that neighbour."""
    there = mask.indices + offset
    on_grid = ((there >= 0) & (there < SHAPE)).all(axis=1)
    neighbour = np.full(mask.size, -1, dtype=np.int32)
    neighbour[on_grid] = mask.index_volume[tuple(there[on_grid].T)]
    inside = np.flatnonzero(neighbour >= 0)
    return inside, neighbour[inside]
