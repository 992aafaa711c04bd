"""Between which values the effect of every study lies at every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdm_core.spaces import Mask


@dataclass(frozen=True, eq=False)
class BoundsMaps:
    """Bounds of Hedges' g.

    Attributes
    ----------
    names : tuple of str
        The studies.
    lower, upper : ndarray of shape (n_studies, n_voxels), float32, Hedges' g
        Finite, lower <= upper.
    mask : Mask
        The voxels, in its flat order.
    """

    names: tuple[str, ...]
    lower: npt.NDArray[np.float32]
    upper: npt.NDArray[np.float32]
    mask: Mask
