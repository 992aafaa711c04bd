"""Sizes of clusters above a cluster-forming threshold, for the cluster-extent test.

A voxel belongs to a cluster of positive (negative) sign if its z (-z) is above 0 and reaches the threshold; voxels that
touch by a face, an edge or a corner are one cluster, as in `sdm_core.inference.clusters`.

Notes
-----
The threshold must be chosen before the data are seen.  Permutation controls the family-wise error for any threshold;
with a low one a cluster may be so large that it says little about where the effect is (Woo, Krishnan and Wager 2014,
NeuroImage 91:412).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sdm_core.compiled import compiled
from sdm_core.inference.neighbours import NONE, Neighbours, Places, faces_entered, root_of
from sdm_core.inference.tfce import Floats, Heights
from sdm_core.spaces import Mask


@dataclass(frozen=True)
class ClusterExtents:
    """Sizes of the clusters of maps of one mask.

    Attributes
    ----------
    threshold : float
        z that forms clusters.
    neighbours : Neighbours
        The 26 of each voxel.
    """

    threshold: float
    neighbours: Neighbours

    @classmethod
    def of(cls, mask: Mask, voxel_p: float) -> ClusterExtents:
        """Clusters of voxels with a one-sided p of at most `voxel_p`."""
        return cls(float(-special.ndtri(voxel_p)), Neighbours.of(mask))

    def sizes(self, z: npt.ArrayLike) -> Floats:
        """Voxels of each voxel's cluster, shape (n_voxels,): negative where z is, 0 for a voxel of no cluster."""
        sizes = np.zeros(self.neighbours.corners.size)
        self._run(z, sizes)
        return sizes

    def maxima(self, z: npt.ArrayLike) -> Floats:
        """Voxels of the largest cluster of each sign, (positive, negative)."""
        return self._run(z, np.empty(0))

    def _run(self, z: npt.ArrayLike, sizes: Floats) -> Floats:
        heights, threshold = np.ascontiguousarray(z, dtype=np.float32), np.float32(self.threshold)
        maxima, label = np.zeros(2), np.zeros(self.neighbours.box_size, np.uint32)
        parent, count = np.empty(heights.size + 1, np.uint32), np.empty(heights.size + 1, np.uint32)
        for row, sign in enumerate((1, -1)):
            own = heights * np.float32(sign), threshold, self.neighbours, label, parent, count
            _label(*own, float(sign), sizes, maxima[row:])
        return maxima


@compiled
def _enter(
    label: Places, corner: np.uint32, neighbours: Neighbours, parent: Places, count: Places, last: np.uint32
) -> np.uint32:
    """The component of a voxel: those of its neighbours, joined, or the number after `last`."""
    visits, mine = neighbours.visits, NONE
    row = faces_entered(label, corner, neighbours.faces)
    for k in range(1, 1 + visits[row, 0]):
        other = label[corner + visits[row, k]]
        if other == NONE:
            continue
        other = root_of(parent, other)
        if mine == NONE:
            mine = other
        elif other != mine:
            parent[other] = mine
            count[mine] += count[other]
    if mine == NONE:
        mine = np.uint32(last + 1)
        parent[mine], count[mine] = mine, 0
    count[mine] += 1
    return mine


@compiled
def _label(z: Heights, threshold: np.float32, neighbours: Neighbours, label: Places, parent: Places, count: Places,
           sign: float, sizes: Floats, largest: Floats) -> None:  # fmt: skip
    """Largest cluster of z (n_voxels,) into largest[0]; sign times every voxel's into `sizes` unless it is empty."""
    label[:] = NONE
    corners, centre, last = neighbours.corners, neighbours.centre, np.uint32(0)
    for voxel in range(z.size):
        if z[voxel] > 0 and z[voxel] >= threshold:
            mine = _enter(label, corners[voxel], neighbours, parent, count, last)
            label[corners[voxel] + centre] = mine
            last = max(last, mine)
            largest[0] = max(largest[0], count[mine])
    if sizes.size == 0:
        return
    for voxel in range(z.size):
        mine = label[corners[voxel] + centre]
        if mine != NONE:
            sizes[voxel] = sign * count[root_of(parent, mine)]
