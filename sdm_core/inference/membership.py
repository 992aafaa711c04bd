"""Which voxels belong to which cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.spaces import Mask, mm_to_voxel

from .clusters import CONNECTIVITY, Cluster, Volume


def cluster_labels(
    clusters: Sequence[Cluster],
    z: Volume,
    mask: Mask,
    p: Volume,
    p_negative: Volume,
    *,
    voxel_p: float,
    connectivity: int = 26,
) -> npt.NDArray[np.int32]:
    """The number of the cluster that each voxel belongs to, 0 for none, shape (91, 109, 91).

    Parameters
    ----------
    clusters : as `find_clusters` found them in these maps at this threshold
    z, p, p_negative : ndarray of shape (91, 109, 91)
    """
    structure = ndimage.generate_binary_structure(3, CONNECTIVITY[connectivity])
    numbers = np.zeros(z.shape, dtype=np.int32)
    for sign, own in ((1, p), (-1, p_negative)):
        pieces, count = ndimage.label(mask.voxels & (sign * z > 0) & (own <= voxel_p), structure)
        number_of = np.zeros(count + 1, dtype=np.int32)
        for cluster in clusters:
            if cluster.sign == sign:
                number_of[pieces[tuple(np.rint(mm_to_voxel(cluster.peak.mm)).astype(int))]] = cluster.number
        number_of[0] = 0
        numbers += number_of[pieces]
    return numbers
