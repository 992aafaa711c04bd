"""The most likely coefficients and between-study variance over all voxels: our own, or as SDM-PSI 6.21 has them."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdm_core.imputation import most_likely, most_likely_linear, most_likely_sdm, most_likely_tau2
from sdm_core.spaces import Mask
from sdm_core.spaces.grid import VOXEL_MM
from sdm_core.studies import BoundsMaps

from .blocks import Tick, part_of, voxel_blocks
from .stages import Analysis, Bounds, Floats

SDM_SMOOTHING_MM = 1.2
"""Standard deviation of the Gaussian that SDM-PSI's maps of the mean and of tau2 look smoothed by: single voxels where
its search is stuck reach 0.3 of their depth at the next voxel and 0.2 at the next diagonal."""


def most_likely_maps(analysis: Analysis, bounds: BoundsMaps, tick: Tick) -> tuple[Floats, Floats]:
    """Most likely coefficients (n_columns, n_voxels) and between-study variance (n_voxels,)."""
    if analysis.specification.compatibility is None:
        return _own(analysis, bounds.lower, bounds.upper, tick)
    return _sdm(analysis, bounds, tick)


def most_likely_at(
    analysis: Analysis, bounds: BoundsMaps, voxels: NDArray[np.intp], tick: Tick
) -> tuple[Floats, Floats]:
    """`most_likely_maps` at some voxels."""
    if analysis.specification.compatibility is None:
        lower, upper = (np.ascontiguousarray(side[:, voxels]) for side in (bounds.lower, bounds.upper))
        return _own(analysis, lower, upper, tick)
    coefficients, tau2 = _sdm(analysis, bounds, tick)
    return coefficients[:, voxels], tau2[voxels]


def _own(analysis: Analysis, lower: Bounds, upper: Bounds, tick: Tick) -> tuple[Floats, Floats]:
    model, scale, n_voxels = analysis.model, analysis.scale, lower.shape[1]
    coefficients, tau2 = np.empty((len(model.names), n_voxels)), np.empty(n_voxels)

    def one(block: slice) -> None:
        own = lower[:, block], upper[:, block], scale.base, scale.slope
        if model.is_mean:
            most_likely(*own, analysis.n_discards, coefficients[0, block], tau2[block])
        else:
            linear = model.design, model.discard_contrast, analysis.n_discards
            most_likely_linear(*own, *linear, coefficients[:, block], tau2[block])

    analysis.workers.each(one, voxel_blocks(n_voxels), tick)
    return coefficients, tau2


def _sdm(analysis: Analysis, bounds: BoundsMaps, tick: Tick) -> tuple[Floats, Floats]:
    """Smoothed coefficients, and the smoothed tau2 around them."""
    model, scale, mask = analysis.model, analysis.scale, bounds.mask
    if model.is_mean:
        coefficients = np.empty((1, mask.size))

        def seek(block: slice) -> None:
            own = bounds.lower[:, block], bounds.upper[:, block]
            most_likely_sdm(*own, scale.base, scale.slope, analysis.n_discards, coefficients[0, block])

        analysis.workers.each(seek, voxel_blocks(mask.size), part_of(tick, 0.0, 0.5))
    else:
        coefficients, _ = _own(analysis, bounds.lower, bounds.upper, part_of(tick, 0.0, 0.5))
    coefficients, tau2 = np.array([smoothed(own, mask) for own in coefficients]), np.empty(mask.size)

    def spread(block: slice) -> None:
        own = bounds.lower[:, block], bounds.upper[:, block], scale.base, scale.slope
        most_likely_tau2(*own, model.design, coefficients[:, block], tau2[block])

    analysis.workers.each(spread, voxel_blocks(mask.size), part_of(tick, 0.5, 0.5))
    return coefficients, smoothed(tau2, mask)


def smoothed(values: Floats, mask: Mask) -> Floats:
    """Gaussian means (n_voxels,) of the voxels of a mask."""
    sigma = SDM_SMOOTHING_MM / VOXEL_MM
    total, weight = (
        mask.take(ndimage.gaussian_filter(mask.to_volume(own), sigma, mode="constant"))
        for own in (values, np.ones(mask.size))
    )
    means: Floats = (total / weight).astype(np.float64)
    return means
