"""How strongly the tissue of neighbouring voxels goes together.

A template holds, for each mask voxel and each of the 13 unordered directions to a neighbour, the correlation
rho across people between the two voxels.  Kernels are built from it by shortest paths.

Users measure one on images of their own (`sdm_core.spaces.measured`).  The packaged ones are a model of few parameters
on the maps of a tissue and of what it borders on:

    rho_face = exp(-r), rho_edge = exp(-2 r), rho_corner = exp(-3 r), as of a smooth random field,

where ln r is the sum of five terms (`TissueModel`): steps are short in the middle of a tissue and long where what it
borders on begins.

The numbers were chosen so that the bounds of the 50 studies of a published SDM-PSI run, in gray matter, come close to
the published ones (docs/spatial-data.md has the figures, benchmarks/template_cross_validation.py repeats the choice
without the studies that are scored).  No published run tells them for white matter or the whole brain, which take the
same.  SDM's own templates, made from images of real subjects, are not public; a model on tissue maps cannot equal them.
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
    """Coefficients of ln r, r = -ln(rho_face) between two voxels, and the widths of the Gaussians that smooth the maps.

    Every term is the mean of the two voxels.

    Attributes
    ----------
    constant : float
    share, wide_share : float
        Share of the tissue, smoothed by `fwhm_mm` and by `wide_fwhm_mm`.
    border_gradient : float, mm
        Length of the gradient, in shares a mm, of what it borders on, smoothed by `border_fwhm_mm`.
    border_variance : float
        Variance of the share of what it borders on, under a Gaussian of `fwhm_mm`.
    """

    constant: float = -3.74
    share: float = -2.94
    wide_share: float = 2.27
    border_gradient: float = 40.6
    border_variance: float = -5.2
    fwhm_mm: float = 12.0
    wide_fwhm_mm: float = 24.0
    border_fwhm_mm: float = 20.0


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
    mask = mask or load_mask(name)
    correlations = _at_neighbours(_packaged_unlikeness(name), mask)
    correlations.flags.writeable = False
    return Template(name, correlations, mask, {"kind": "model on tissue maps", **asdict(TissueModel())})


@functools.cache
def _packaged_unlikeness(name: str) -> Volume:
    """That of a packaged template, read-only; kept, as smoothing whole brains takes longer than a small analysis."""
    unlikeness = _log_unlikeness(tissue_share(name), border_share(name), TissueModel())
    unlikeness.flags.writeable = False
    return unlikeness


def tissue_share(name: str) -> Volume:
    """Share of the tissue of a packaged template at each voxel, 0..1, shape (91, 109, 91)."""
    tissue = packaged.arrays("tissue")
    kinds = {"gray_matter": ("gray",), "white_matter": ("white",), "brain": ("gray", "white")}[name]
    share = sum(tissue[kind].astype(np.float32) for kind in kinds) / np.float32(255)
    return np.minimum(share, np.float32(1))


def border_share(name: str) -> Volume:
    """Share of what that tissue borders on: white matter for gray, gray for white, for the brain what is not brain."""
    if name == "brain":
        return np.float32(1) - tissue_share("brain")
    return tissue_share("white_matter" if name == "gray_matter" else "gray_matter")


def neighbour_correlations(share: Volume, border: Volume, mask: Mask, model: TissueModel) -> Rho:
    """The model of the module docstring.

    Parameters
    ----------
    share, border : ndarray of shape (91, 109, 91)
        Share of the tissue, and of what it borders on, 0..1.
    mask : Mask
    model : TissueModel

    Returns
    -------
    ndarray of shape (13, n_voxels), float32
    """
    return _at_neighbours(_log_unlikeness(share, border, model), mask)


def _at_neighbours(log_unlikeness: Volume, mask: Mask) -> Rho:
    """Correlations between the voxels of a mask from ln r at every voxel."""
    here = mask.take(log_unlikeness)
    rho = np.full((len(NEIGHBOUR_OFFSETS), mask.size), np.nan, dtype=np.float32)
    for direction, offset in enumerate(NEIGHBOUR_OFFSETS):
        inside, neighbour = neighbours(mask, offset)
        unlike = np.exp((here[inside] + here[neighbour]) / 2)
        rho[direction, inside] = np.exp(-np.abs(offset).sum() * unlike)
    return np.clip(rho, *RHO_RANGE)


def _log_unlikeness(share: Volume, border: Volume, model: TissueModel) -> Volume:
    """ln r at every voxel."""
    variance = _smooth(border**2, model.fwhm_mm) - _smooth(border, model.fwhm_mm) ** 2
    gradient = ndimage.gaussian_gradient_magnitude(border, _voxels(model.border_fwhm_mm)) / np.float32(VOXEL_MM)
    terms: Volume = (
        model.constant
        + model.share * _smooth(share, model.fwhm_mm)
        + model.wide_share * _smooth(share, model.wide_fwhm_mm)
        + model.border_gradient * gradient
        + model.border_variance * variance
    )
    return terms


def _smooth(volume: Volume, fwhm_mm: float) -> Volume:
    smooth: Volume = ndimage.gaussian_filter(volume, _voxels(fwhm_mm))
    return smooth


def _voxels(fwhm_mm: float) -> float:
    """Standard deviation in voxels of a Gaussian."""
    return float(fwhm_mm / np.sqrt(8 * np.log(2)) / VOXEL_MM)


def neighbours(mask: Mask, offset: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """Flat indices of the mask voxels that have a neighbour in the mask at `offset`, and of that neighbour."""
    there = mask.indices + offset
    on_grid = ((there >= 0) & (there < SHAPE)).all(axis=1)
    neighbour = np.full(mask.size, -1, dtype=np.int32)
    neighbour[on_grid] = mask.index_volume[tuple(there[on_grid].T)]
    inside = np.flatnonzero(neighbour >= 0)
    return inside, neighbour[inside]
