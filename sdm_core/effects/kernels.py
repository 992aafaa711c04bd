"""Virtual distances: shortest paths through the mask whose steps are short where tissue goes together.

The step between neighbours at d mm with correlation rho has the length
sqrt((1 - alpha) d^2 + alpha 2 sigma^2 ln(1 / rho)), sigma = FWHM / (2 sqrt(2 ln 2)); lengths add along the path
(Radua et al. 2014).  The kernel is exp(-D^2 / (2 sigma^2)), and 0 beyond 1.5 FWHM.

Paths start at the voxels around a coordinate with their straight distance from it, and whatever is not further than
AT_PEAK_MM takes the peak's value.  Both are seen in the bounds maps of a published SDM-PSI 6.21 run: next to peaks at
voxel centres no distance between 0 and 1.75 mm occurs, and the first steps away from coordinates between 2, 4 and 8
voxels are longer by about 1.0, 1.5 and 1.7 mm.

All compiled code of the package lives here: a cached kernel is renewed when its own file changes, not its callees'.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, VOXEL_MM, Template

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

# Kernel values below 2^-9 count as 0 in SDM-PSI.
CUTOFF_FWHM = 1.5
# Half the diagonal of a voxel: the furthest that a coordinate can be from the nearest voxel centre.
AT_PEAK_MM = 1.7321


@dataclass(frozen=True)
class KernelGraph:
    """The mask as a graph of voxels.

    Attributes
    ----------
    neighbours : ndarray of shape (n_voxels, 26)
        Flat mask index of each neighbour, -1 outside the mask.
    lengths : ndarray of shape (n_voxels, 26), mm
    positions : ndarray of shape (n_voxels, 3), mm, up to a shift
    sigma, limit : float, mm
    euclidean : bool
        Distances are straight lines (anisotropy 0), which paths over neighbours would overestimate.
    """

    neighbours: Ints
    lengths: Floats
    positions: Floats
    sigma: float
    limit: float
    euclidean: bool

    @classmethod
    def of(cls, template: Template, anisotropy: float = 1.0, fwhm_mm: float = 20.0) -> "KernelGraph":
        """The graph of a template's mask, every undirected neighbourhood entered from both ends."""
        mask, sigma = template.mask, fwhm_mm / (2 * np.sqrt(2 * np.log(2)))
        neighbours = np.full((mask.size, 26), -1, dtype=np.int32)
        lengths = np.full((mask.size, 26), np.inf)
        for k, offset in enumerate(NEIGHBOUR_OFFSETS):
            there = mask.indices + offset
            on_grid = ((there >= 0) & (there < SHAPE)).all(axis=1)
            target = np.full(mask.size, -1, dtype=np.int32)
            target[on_grid] = mask.index_volume[tuple(there[on_grid].T)]
            joined = np.flatnonzero((target >= 0) & np.isfinite(template.correlations[k]))
            unlike = -np.log(template.correlations[k, joined].astype(np.float64))
            square = (1 - anisotropy) * VOXEL_MM**2 * (offset**2).sum() + anisotropy * 2 * sigma**2 * unlike
            neighbours[joined, 2 * k], lengths[joined, 2 * k] = target[joined], np.sqrt(square)
            neighbours[target[joined], 2 * k + 1], lengths[target[joined], 2 * k + 1] = joined, np.sqrt(square)
        positions = mask.indices.astype(np.float64) * VOXEL_MM
        return cls(neighbours, lengths, positions, float(sigma), CUTOFF_FWHM * fwhm_mm, anisotropy == 0)


@compiled
def _rise(heap: Ints, place: Ints, distance: Floats, at: int) -> None:
    """Restore the heap order upwards after the distance of heap[at] fell."""
    voxel = heap[at]
    while at > 0:
        parent = (at - 1) >> 1
        if distance[heap[parent]] <= distance[voxel]:
            break
        heap[at] = heap[parent]
        place[heap[at]] = at
        at = parent
    heap[at] = voxel
    place[voxel] = at


@compiled
def _pop(heap: Ints, place: Ints, distance: Floats, size: int) -> int:
    """Take the nearest voxel off a heap of `size` entries."""
    nearest: int = heap[0]
    voxel = heap[size - 1]
    size -= 1
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and distance[heap[child + 1]] < distance[heap[child]]:
            child += 1
        if distance[heap[child]] >= distance[voxel]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at] = voxel
    place[voxel] = at
    return nearest


@compiled
def shortest_paths(
    sources: Ints, offsets: Floats, neighbours: Ints, lengths: Floats, limit: float, distance: Floats, heap: Ints,
    place: Ints, reached: Ints,
) -> int:  # fmt: skip
    """Dijkstra from `sources`, which start at distance `offsets`, up to `limit`; returns how many voxels were reached.

    `distance` (n_voxels,) must be infinite on entry and holds distances where reached on return; the others are
    scratch arrays of n_voxels entries, of which `reached` lists the voxels by distance.
    """
    size, n_reached = 0, 0
    for i in range(len(sources)):
        distance[sources[i]] = offsets[i]
        heap[size] = sources[i]
        size += 1
        _rise(heap, place, distance, size - 1)
    while size > 0:
        voxel = _pop(heap, place, distance, size)
        size -= 1
        reached[n_reached] = voxel
        n_reached += 1
        for k in range(neighbours.shape[1]):
            other = neighbours[voxel, k]
            through = distance[voxel] + lengths[voxel, k]
            if other >= 0 and through <= limit and through < distance[other]:
                if np.isinf(distance[other]):
                    place[other] = size
                    heap[size] = other
                    size += 1
                distance[other] = through
                _rise(heap, place, distance, place[other])
    return n_reached


@compiled
def straight_lines(sources: Ints, positions: Floats, limit: float, distance: Floats, reached: Ints) -> int:
    """Euclidean counterpart of `shortest_paths`."""
    n_reached = 0
    for voxel in range(positions.shape[0]):
        nearest = np.inf
        for source in sources:
            square = 0.0
            for axis in range(3):
                square += (positions[voxel, axis] - positions[source, axis]) ** 2
            nearest = min(nearest, square)
        if nearest <= limit * limit:
            distance[voxel] = np.sqrt(nearest)
            reached[n_reached] = voxel
            n_reached += 1
    return n_reached


@compiled
def fill_bounds(
    of_study: NDArray[np.intp], voxels: Ints, offsets: Floats, starts: NDArray[np.int64], t: Floats, threshold: float,
    neighbours: Ints, lengths: Floats, positions: Floats, sigma: float, limit: float, euclidean: bool, lower: Floats,
    upper: Floats,
) -> None:  # fmt: skip
    """Set lower and upper t (n_voxels,) where peaks reach; see `sdm_core.effects.bounds`."""
    n_voxels = lower.shape[0]
    distance, scratch = np.full(n_voxels, np.inf), np.empty((3, n_voxels), dtype=np.int32)
    reached = scratch[2]
    # Per voxel: distance, number and sum of t of the nearest peaks if at them; else sums of w, w K and w K t.
    nearest, at_peak, sums = np.full(n_voxels, AT_PEAK_MM), np.zeros((n_voxels, 2)), np.zeros((n_voxels, 3))
    for peak in of_study:
        start, end = starts[peak], starts[peak + 1]
        sources = voxels[start:end]
        if euclidean:
            n_reached = straight_lines(sources, positions, limit, distance, reached)
        else:
            n_reached = shortest_paths(
                sources, offsets[start:end], neighbours, lengths, limit, distance, scratch[0], scratch[1], reached
            )
        for voxel in reached[:n_reached]:
            away = distance[voxel]
            square, distance[voxel] = away**2, np.inf
            if away <= AT_PEAK_MM:
                if away < nearest[voxel]:
                    nearest[voxel] = away
                    at_peak[voxel] = 0.0
                if away == nearest[voxel]:
                    at_peak[voxel, 0] += 1.0
                    at_peak[voxel, 1] += t[peak]
            else:
                kernel = np.exp(-square / (2.0 * sigma * sigma))
                sums[voxel, 0] += 1.0 / square
                sums[voxel, 1] += kernel / square
                sums[voxel, 2] += kernel / square * t[peak]
    for voxel in range(n_voxels):
        if at_peak[voxel, 0] > 0.0:
            lower[voxel] = upper[voxel] = at_peak[voxel, 1] / at_peak[voxel, 0]
        elif sums[voxel, 0] > 0.0:
            kernel, height = sums[voxel, 1] / sums[voxel, 0], sums[voxel, 2] / sums[voxel, 0]
            lower[voxel] = -threshold + height + kernel * threshold
            upper[voxel] = threshold + height - kernel * threshold


def virtual_distances(graph: KernelGraph, sources: Ints) -> Floats:
    """Distance in mm from the nearest source to every mask voxel, shape (n_voxels,); infinite beyond the cutoff."""
    n_voxels = len(graph.neighbours)
    distance, scratch = np.full(n_voxels, np.inf), np.empty((3, n_voxels), dtype=np.int32)
    if graph.euclidean:
        straight_lines(sources, graph.positions, graph.limit, distance, scratch[0])
    else:
        offsets = np.zeros(len(sources))
        shortest_paths(sources, offsets, graph.neighbours, graph.lengths, graph.limit, distance, *scratch)
    return distance
