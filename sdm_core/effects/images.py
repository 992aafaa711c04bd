"""Bounds of the effect of a study with a map: its effect as both, and -T and T where the map has no value."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdm_core.spaces import Mask
from sdm_core.studies import StudyImage

from .conversions import t_from_z
from .hedges import EffectScale

Floats = NDArray[np.float64]


def image_effect(image: StudyImage, scale: EffectScale, study: int, values: ArrayLike) -> Floats:
    """Effects of values of a study's map, of any shape."""
    if image.statistic == "g":
        return np.asarray(values, dtype=np.float64)
    t = t_from_z(values, scale.df[study]) if image.statistic == "z" else values
    return scale.effect(study, t)


def image_bounds(image: StudyImage, scale: EffectScale, study: int, mask: Mask,
                 threshold: float) -> tuple[Floats, Floats]:  # fmt: skip
    """Lower and upper effect of every mask voxel of a study with a map, each of shape (n_voxels,).

    Parameters
    ----------
    threshold : float
        t between whose negative and itself the effect lies where the map has no value.
    """
    effect = image_effect(image, scale, study, mask.take(image.values))
    widest, known = float(scale.effect(study, threshold)), np.isfinite(effect)
    return np.where(known, effect, -widest), np.where(known, effect, widest)
